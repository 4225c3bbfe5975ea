"""DRF's door: which key is this request's, and may it do that?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission

from accounts import keys
from accounts.models import ApiKey

if TYPE_CHECKING:
    # rest_framework.views itself loads this module, through the settings.
    from rest_framework.request import Request
    from rest_framework.views import APIView


class ApiKeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer aiosmon_…`` or ``X-API-Key: aiosmon_…``.

    ``request.auth`` is the ApiKey; there is no ``request.user``: a service is no person.
    """

    def authenticate(self, request: Request) -> tuple[Any, ApiKey] | None:
        """Check the key; AuthenticationFailed says what is wrong with it."""
        text = _key_text(request)
        if not text:
            return None
        try:
            return None, keys.check(text)
        except keys.InvalidKey as error:
            raise AuthenticationFailed(str(error)) from error

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        """What a 401 asks for."""
        return 'Bearer realm="aiosmon"'


class HasScope(BasePermission):
    """The key has the scope that the view names for this method in ``scopes``."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Refuse a key without the scope by name; without a key, DRF answers 401."""
        if not isinstance(request.auth, ApiKey):
            return False
        method = request.method or ""
        if not hasattr(view, method.lower()):
            return True  # DRF's 405 says it better.
        scope = getattr(view, "scopes", {}).get(method)
        self.message = f"This API key lacks the scope “{scope}”."
        if scope is None:
            self.message = f"No API key may use {method} here."
        return scope is not None and scope in request.auth.scopes


def _key_text(request: Request) -> str:
    header = get_authorization_header(request).decode("latin-1")
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    return request.headers.get("X-API-Key", "").strip()
