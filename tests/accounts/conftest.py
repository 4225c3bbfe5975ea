"""People of the roles, signed in to the admin."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser

from accounts.models import User

MakeUser = Callable[..., User]


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any) -> None:
    """Hashing is slow by design; nothing here is about its strength."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def signed_in(make_user: MakeUser) -> Callable[..., Browser]:
    """A browser in which a person of the role is signed in: ``signed_in("Viewer")``."""

    def sign_in(role: str | None = None, **fields: Any) -> Browser:
        browser = Browser()
        browser.force_login(make_user(role, **fields))
        return browser

    return sign_in
