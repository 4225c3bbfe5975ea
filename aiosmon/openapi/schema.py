"""How drf-spectacular is to see the portal's views."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from metrics.ingest.api import IngestView

BEARER, HEADER = "bearer", "apiKey"


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """One key, in either of two headers."""

    target_class = "accounts.authentication.ApiKeyAuthentication"
    name = [BEARER, HEADER]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[str]]]:  # noqa: ARG002
        """Either is enough; drf-spectacular itself would ask for both."""
        return [{BEARER: []}, {HEADER: []}]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:  # noqa: ARG002
        """In the order of ``name``."""
        description = "A key made in the admin under *API keys*: `aiosmon_…`."
        return [
            {"type": "http", "scheme": "bearer", "description": description},
            {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": description},
        ]


class PortalSchema(AutoSchema):
    """Ingestion has no serializers: what it takes is added from its structs (openapi.hooks)."""

    def get_request_serializer(self) -> Any:
        """Nothing to guess from for a POST to a face of ingestion."""
        return None if self._ingests() else super().get_request_serializer()

    def get_response_serializers(self) -> Any:
        """As for the request."""
        return {201: None} if self._ingests() else super().get_response_serializers()

    def get_operation_id(self) -> str:
        """POST here stores, whatever else the view can."""
        name: str = super().get_operation_id()
        return name.replace("_create", "_send") if self._ingests() else name

    def get_tags(self) -> list[str]:
        """By what it is about: the word after /api/v1/."""
        return [self.path.removeprefix("/api/v1/").split("/")[0]]

    def _ingests(self) -> bool:
        return self.method == "POST" and isinstance(self.view, IngestView)
