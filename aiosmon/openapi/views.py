"""``/api/schema/`` and ``/api/docs/``."""

from typing import Any

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import BasePermission

from accounts.authentication import ApiKeyAuthentication
from accounts.models import ApiKey


class StaffOrKey(BasePermission):
    """Whoever may sign in to the admin, or holds any usable API key."""

    message = "Sign in to the admin, or send an API key."

    def has_permission(self, request: Any, view: Any) -> bool:  # noqa: ARG002
        """Refuse everyone else: the description tells a stranger where to knock."""
        return isinstance(request.auth, ApiKey) or bool(request.user and request.user.is_staff)


class SchemaView(SpectacularAPIView):
    """The description, as YAML or with ``?format=json`` or an Accept header as JSON."""

    authentication_classes = [ApiKeyAuthentication, SessionAuthentication]
    permission_classes = [StaffOrKey]


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI from our own static files; its script is an address of its own, for the CSP."""

    # Who may see it is asked around this view, where an answer can be a way to the sign-in page.
    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    template_name = "aiosmon/api_docs.html"
    title = "AIOSMON API"
