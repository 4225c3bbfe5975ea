"""Admin of people and keys, one file a concern."""

from accounts.admin import people
from accounts.admin.base import GlobalAdmin, ReadOnlyAdmin, ScopedAdmin
from accounts.admin.keys import ApiKeyAdmin

__all__ = ["ApiKeyAdmin", "GlobalAdmin", "ReadOnlyAdmin", "ScopedAdmin", "people"]
