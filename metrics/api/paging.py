"""Lists: only what the key may see, refused parameters by name, pages by keyset."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from accounts.models import ApiKey

M = TypeVar("M", bound=Model)
PAGING = ("cursor", "page_size")


def check_parameters(request: Request, known: set[str]) -> None:
    """Refuse a parameter that does not exist, rather than ignore it."""
    if unknown := sorted(set(request.query_params) - known):
        raise ValidationError(
            {unknown[0]: f"Unknown parameter; known: {', '.join(sorted(known))}."}
        )


def own_client_id(request: Request) -> int | None:
    """The only client that the key may see; None: all."""
    return request.auth.client_id if isinstance(request.auth, ApiKey) else None


class KeyedList(ListAPIView[M]):
    """A filtered list of what the key's client may see."""

    # Whether rows without a client hold for everyone.
    shared = False
    filterset_class: Any

    def get(self, request: Request) -> Response:
        """A page; a filter that does not exist is refused, not ignored."""
        check_parameters(request, {*self.filterset_class.base_filters, *PAGING})
        return self.list(request)

    def get_queryset(self) -> QuerySet[M]:
        """What belongs to the key's client, or everything."""
        found = super().get_queryset()
        client_id = own_client_id(self.request)
        if client_id is None:
            return found
        own = Q(client_id=client_id)
        return found.filter(own | Q(client__isnull=True) if self.shared else own)


def page_size(request: Request, default: int, most: int) -> int:
    """How long a page the request asks for; what is no number asks for the usual one."""
    asked = request.query_params.get("page_size", "")
    size = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0
    return min(size, most) or default


def sized(default: int, most: int) -> list[dict[str, Any]]:
    """What a page is asked for with, for the API's description."""
    size = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    cursor = {"type": "string", "description": "From the next link of the page before."}
    return [
        {"name": name, "in": "query", "required": False, "schema": form}
        for name, form in zip(PAGING, (cursor, size), strict=True)
    ]


FOLLOWING: dict[str, Any] = {
    "type": ["string", "null"],
    "format": "uri",
    "description": "The next page's address; null on the last.",
}


def next_link(request: Request, cursor: str) -> str:
    """The address of the page that begins at the cursor."""
    return replace_query_param(request.build_absolute_uri(), "cursor", cursor)


class RowPagination(BasePagination):
    """A keyset: each page begins below the (time, id) of the last row before it.

    So it stays right while rows arrive and however many share a timestamp. DRF's own
    cursor knows one column and counts off the rows that are equal in it, up to a
    thousand: from there on it goes in circles.
    """

    page_size = 100
    max_page_size = 1000
    time = "timestamp"

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:  # noqa: ARG002
        """One page; NotFound for a cursor that was never given."""
        size = page_size(request, self.page_size, self.max_page_size)
        rows = queryset.order_by(f"-{self.time}", "-id")
        if text := request.query_params.get("cursor"):
            at, pk = position(text, self.key)
            # The bound alone can use the index on time, an OR of both columns could not.
            rows = rows.filter(**{f"{self.time}__lte": at})
            rows = rows.exclude(**{self.time: at, "id__gte": pk})
        page = list(rows[: size + 1])
        self._next: str | None = None
        if len(page) > size:
            page = page[:size]
            last = page[-1]
            self._next = next_link(request, cursor(getattr(last, self.time), str(last.pk)))
        return page

    def get_paginated_response(self, data: Any) -> Response:
        """The page, with the address of the next one, or null at the end."""
        return Response({"next": self._next, "results": data})

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:  # noqa: ARG002
        """What a page is asked for with, for the API's description."""
        return sized(self.page_size, self.max_page_size)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A page, for the API's description."""
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {"next": FOLLOWING, "results": schema},
        }

    def key(self, text: str) -> Any:
        """The id that stands in a cursor; ValueError for what is none."""
        number = int(text)
        if not 0 <= number < 2**63:
            raise ValueError(text)
        return number


class FeedbackPagination(RowPagination):
    """Newest votes first."""

    time = "submitted_at"

    def key(self, text: str) -> Any:
        """Votes are known by UUIDs."""
        return UUID(text)


class DeploymentPagination(RowPagination):
    """Newest deployments first."""

    time = "deployed_at"


class BaselinePagination(RowPagination):
    """Newest baselines first."""

    time = "measurement_date"


def cursor(at: datetime, key: str) -> str:
    """PURE: a place in a list, as text that an address can hold."""
    return urlsafe_b64encode(f"{at.isoformat()} {key}".encode()).decode()


def position(text: str, key: Callable[[str], Any]) -> tuple[datetime, Any]:
    """PURE: the place that ``cursor`` wrote; NotFound for what it never did."""
    try:
        stamp, _, rest = urlsafe_b64decode(text.encode()).decode().partition(" ")
        at, found = datetime.fromisoformat(stamp), key(rest)
    except ValueError:
        raise NotFound("Invalid cursor") from None
    if at.tzinfo is None:
        raise NotFound("Invalid cursor")
    return at, found
