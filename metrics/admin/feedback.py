"""Admin of ratings and deployments: to look at; they come from the API."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from accounts.admin import ReadOnlyAdmin
from accounts.filters import ClientFilter
from metrics import formats
from metrics.admin.rows import ComplexityFilter, ComponentFilter, SpanFilter
from metrics.models import Deployment, Feedback
from metrics.units import Unit

JOINED, WAITING, GIVEN_UP = "Joined", "Waiting", "Not found"


class SubmittedFilter(SpanFilter):
    """How far back to look."""

    field = "submitted_at"


class DeployedFilter(SpanFilter):
    """The same over deployments."""

    field = "deployed_at"


class StateFilter(admin.SimpleListFilter):
    """Whether a vote has found the request it rates."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Found, looked for, given up."""
        return [("joined", JOINED), ("waiting", WAITING), ("lost", GIVEN_UP)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """Votes of the state."""
        if self.value() == "joined":
            return queryset.filter(joined_at__isnull=False)
        if self.value() == "waiting":
            return queryset.filter(next_look_at__isnull=False)
        if self.value() == "lost":
            return queryset.filter(joined_at__isnull=True, next_look_at__isnull=True)
        return queryset


class CorrectionFilter(admin.SimpleListFilter):
    """Whether a vote says what the answer should have been, and whether a model learned it."""

    title = "correction"
    parameter_name = "correction"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """With one, and of those what is still to be learned."""
        return [("any", "Corrected"), ("open", "Not yet integrated")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        """Votes with a correction."""
        if self.value() not in {"any", "open"}:
            return queryset
        corrected = queryset.exclude(correction="")
        return corrected.filter(integrated_at__isnull=True) if self.value() == "open" else corrected


@admin.register(Feedback)
class FeedbackAdmin(ReadOnlyAdmin):
    """Ratings, newest first."""

    paginator = InfinitePaginator
    show_full_result_count = False
    list_per_page = 50
    list_fullwidth = True
    list_display = [
        "submitted_at",
        "stars",
        "state",
        "request_id",
        "of_component",
        "model_name",
        "client",
        "corrected",
    ]
    list_filter = [
        *(SubmittedFilter, StateFilter, CorrectionFilter, ComponentFilter, ComplexityFilter),
        ClientFilter,
    ]
    list_select_related = ["client"]
    search_fields = ["=request_id", "=service_name", "=model"]
    search_help_text = "An exact request id, service or model."
    fieldsets = [
        (None, {"fields": ["stars", "scale", "correction", "comment"]}),
        (
            "The rated request",
            {
                "fields": [
                    *("state", "request_id", "rated_at", "client", "component", "service_name"),
                    *("endpoint_path", "query_complexity", "model"),
                ]
            },
        ),
        ("Learning", {"fields": ["integrated_at", "took"]}),
        (
            "The vote",
            {"fields": ["id", "user", "submitted_at", "received_at", "joined_at", "event_id"]},
        ),
    ]
    readonly_fields = ["stars", "state", "took"]

    @display(description="Rating", ordering="rating")
    def stars(self, vote: Feedback) -> str:
        """The rating, and a thumb as one."""
        if vote.scale == Feedback.Scale.THUMBS:
            return "Thumb up" if vote.rating == 5 else "Thumb down"
        return formats.measure(vote.rating, Unit.SCORE)

    @display(description="State", label={JOINED: "success", WAITING: "info", GIVEN_UP: "warning"})
    def state(self, vote: Feedback) -> str:
        """Whether the rated request is known."""
        if vote.joined_at is not None:
            return JOINED
        return WAITING if vote.next_look_at is not None else GIVEN_UP

    @display(description="Component", ordering="component")
    def of_component(self, vote: Feedback) -> str:
        """The component that gave the answer."""
        return vote.component or "–"

    @display(description="Model", ordering="model")
    def model_name(self, vote: Feedback) -> str:
        """The model that gave the answer."""
        return vote.model or "–"

    @display(description="Correction")
    def corrected(self, vote: Feedback) -> str:
        """Whether it says what the answer should have been, and a model has learned it."""
        if not vote.correction:
            return "–"
        return "Learned" if vote.integrated_at is not None else "To be learned"

    @display(description="Learned after")
    def took(self, vote: Feedback) -> str:
        """From the vote to a model that had learned from it."""
        if vote.integrated_at is None:
            return "–"
        seconds = (vote.integrated_at - vote.submitted_at).total_seconds()
        return formats.measure(seconds, Unit.SECONDS)


@admin.register(Deployment)
class DeploymentAdmin(ReadOnlyAdmin):
    """Which version went live when, newest first."""

    shared_rows = True
    paginator = InfinitePaginator
    show_full_result_count = False
    list_per_page = 50
    list_display = [
        *("deployed_at", "service_name", "version", "environment", "component"),
        *("for_client", "description"),
    ]
    list_filter = [DeployedFilter, ComponentFilter, ClientFilter]
    list_select_related = ["client"]
    search_fields = ["=service_name", "=version", "=environment"]
    search_help_text = "An exact service, version or environment."

    @display(description="Client", ordering="client__name")
    def for_client(self, deployment: Deployment) -> str:
        """Whom it concerns."""
        return str(deployment.client or "Every client")
