"""The inbox: whose alerts, in which order, and a row of each."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.views import ChangeList

from accounts.models import Client, Team, User
from alerts.admin import badges, impact_words, page
from alerts.admin.impact_words import Budget
from alerts.figures import figures
from alerts.models import Alert, Severity, Status
from metrics import formats
from metrics.models import Component

TAB_VAR = "tab"
TABS = {"all": "All", "mine": "Mine", "team": "My teams'", "unassigned": "Unassigned"}
LONG_MESSAGE = 160

# Who is to look: what fires, then what nobody is told of for now, then what is over.
CALM = Case(
    When(status__in=[Status.FIRING, Status.ACKNOWLEDGED], then=Value(0)),
    When(status=Status.RESOLVED, then=Value(2)),
    default=Value(1),
    output_field=IntegerField(),
)
GRAVITY = Case(
    *(When(severity=value, then=Value(rank)) for rank, value in enumerate(Severity.values)),
    default=Value(-1),
    output_field=IntegerField(),
)
# What is over comes by when it ended; what is open by its impact, and of equals the oldest first.
ORDER = [
    CALM.asc(),
    F("resolved_at").desc(nulls_first=True),
    F("impact_score").desc(),
    GRAVITY.desc(),
    F("created_at").asc(),
]


@dataclass(frozen=True)
class Tab:
    """One of the four views."""

    name: str
    label: str
    count: int
    url: str
    current: bool


@dataclass(frozen=True)
class Row:
    """One alert in the list."""

    pk: int
    version: int
    url: str
    severity: SafeString
    level: str
    status: SafeString
    what: str
    message: str
    kind: str
    client: str
    tier: str
    component: str
    measured: str
    promised: str
    budget: Budget
    age: str
    created_at: datetime
    assignee: str
    team: str
    incident_id: int | None
    flapping: bool
    reopened: int


@dataclass(frozen=True)
class Menu:
    """One filter: what is chosen, and what can be."""

    title: str
    shown: str  # what is chosen, where it says something
    active: bool
    choices: list[dict[str, Any]]


def menus(changelist: ChangeList) -> list[Menu]:
    """The filters as the template shows them: the first choice of each is its default."""
    found = []
    for spec in changelist.filter_specs:
        choices = list(spec.choices(changelist))
        chosen = next((one for one in choices if one["selected"]), None)
        active = chosen is not None and chosen is not choices[0]
        shown = str(chosen["display"]) if chosen and (active or spec.title == "status") else ""
        found.append(Menu(str(spec.title), shown, active, choices))
    return found


def condition(tab: str, user: User) -> Q:
    """Which alerts a tab shows.

    A team's are those handed to it, and those that no team has of components it
    owns. Sub-queries, so that the tabs cost no queries of their own.
    """
    if tab == "mine":
        return Q(assignee_id=user.pk)
    if tab == "team":
        teams = Team.members.through.objects.filter(user_id=user.pk).values("team_id")
        owned = Component.objects.filter(team_id__in=teams).values("code")
        return Q(team_id__in=teams) | Q(team=None, component__in=owned)
    if tab == "unassigned":
        return Q(assignee=None) & ~Q(status=Status.RESOLVED)
    return Q()


class InboxChangeList(ChangeList):
    """Django's list with tabs; each tab's number is of the alerts that the filters leave."""

    tab = "all"
    tabs: list[Tab]

    def get_filters_params(self, params: Any = None) -> Any:
        """The tab is no filter of a field."""
        found = super().get_filters_params(params)
        found.pop(TAB_VAR, None)
        return found

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Alert]:
        """The alerts of the tab; the counts of all tabs are one query."""
        found = super().get_queryset(request, exclude_parameters)
        asked = request.GET.get(TAB_VAR, "")
        self.tab = asked if asked in TABS else "all"
        user = request.user
        # The admin lets nobody else in.
        assert isinstance(user, User)  # noqa: S101
        conditions = {name: condition(name, user) for name in TABS}
        counts = found.order_by().aggregate(
            **{name: Count("pk", filter=wanted or None) for name, wanted in conditions.items()}
        )
        self.tabs = [self._tab(name, counts[name]) for name in TABS]
        return found.filter(conditions[self.tab])

    def get_results(self, request: HttpRequest) -> None:
        """Nothing is "hidden by filters": the tabs and filters say what is shown."""
        super().get_results(request)
        self.full_result_count = self.result_count

    def _tab(self, name: str, count: int) -> Tab:
        without = self.get_query_string(remove=[TAB_VAR, "p"])
        url = without if name == "all" else self.get_query_string({TAB_VAR: name}, ["p"])
        return Tab(name, TABS[name], count, url, name == self.tab)


def row(alert: Alert, now: datetime) -> Row:
    """PURE: an alert as the list shows it; client, assignee and team must be loaded."""
    measured, promised = figures(alert)
    message = alert.alert_message
    return Row(
        pk=alert.pk,
        version=alert.version,
        url=reverse("admin:alerts_alert_change", args=[alert.pk]),
        severity=badges.severity(alert.severity),
        level=alert.severity,
        status=badges.status(alert.status),
        what=page.title(alert),
        message=message if len(message) <= LONG_MESSAGE else f"{message[: LONG_MESSAGE - 1]}…",
        kind=alert.get_alert_type_display(),
        client=alert.client.name,
        tier=Client.Tier(alert.client.tier).label.partition(" ")[0],
        component=alert.component,
        measured=measured,
        promised=promised,
        budget=impact_words.budget(alert.impact, now),
        age=formats.age((alert.resolved_at or now) - alert.created_at),
        created_at=alert.created_at,
        assignee=str(alert.assignee or ""),
        team=str(alert.team or ""),
        incident_id=alert.incident_id,
        flapping=alert.flapping,
        reopened=alert.reopened,
    )
