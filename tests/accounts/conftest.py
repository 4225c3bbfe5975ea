"""People of the roles, signed in to the admin."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser

from accounts.models import User

MakeUser = Callable[..., User]


@pytest.fixture
def signed_in(make_user: MakeUser) -> Callable[..., Browser]:
    """A browser in which a person of the role is signed in: ``signed_in("Viewer")``."""

    def sign_in(role: str | None = None, **fields: Any) -> Browser:
        browser = Browser()
        browser.force_login(make_user(role, **fields))
        return browser

    return sign_in
