"""A backtest's answers in words, figures and charts: the numbers in force beside the new ones."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser

from accounts import visibility
from accounts.models import User
from metrics import formats
from metrics.units import Unit
from slas import backtest, names, versions
from slas.admin import backtest_chart
from slas.admin.backtest_chart import Chart
from slas.admin.slos import in_words
from slas.backtest import Backtest, Clock, Outcome
from slas.models import SloVersion
from slas.objectives import Kind, Objective
from slas.windows import Sums

WORDS = {
    Kind.LATENCY: "within target",
    Kind.AVAILABILITY: "available",
    Kind.SATISFACTION: "on average",
    Kind.LIMIT: "of measurements within the limit",
    Kind.AT_LEAST: "of measurements accurate enough",
}
MOST_CHARTS, MOST_ALERTS = 6, 20


@dataclass(frozen=True)
class Figures:
    """What one set of numbers makes of one client's history (or of everyone's)."""

    compliance: str
    word: str  # what the figure is
    alerts: int
    open_for: str


@dataclass(frozen=True)
class ClientPart:
    """One client: the numbers in force beside the new ones."""

    name: str
    own_contract: bool
    now: Figures | None
    then: Figures | None
    chart: Chart | None
    when: list[str]  # the alerts with the new numbers
    more: int


@dataclass(frozen=True)
class Part:
    """One objective."""

    what: str
    changed: bool
    now: str
    then: str
    now_total: Figures | None
    then_total: Figures | None
    clients: list[ClientPart]
    more_clients: int


class Question:
    """Which history is asked for, and what it answers for each objective."""

    def __init__(
        self, user: User | AnonymousUser, start: datetime, end: datetime, rows_since: datetime
    ) -> None:
        self.start, self.end, self.rows_since = start, end, rows_since
        self.clients = dict(visibility.visible_clients(user).values_list("pk", "name"))
        self.firsts: list[datetime] = []
        self._clock = Clock()

    def parts(self, before: dict[str, Objective], after: dict[str, Objective]) -> list[Part]:
        """Each objective by the numbers in force and by the new ones; what changes first."""
        found = []
        for key in [*after, *(key for key in before if key not in after)]:
            old, new = before.get(key), after.get(key)
            now = self._replay(old)
            same = (
                old is not None
                and new is not None
                and versions.numbers(old) == versions.numbers(new)
            )
            found.append(_part(key, now, now if same else self._replay(new), self.clients))
        return sorted(found, key=lambda part: not part.changed)

    def _replay(self, objective: Objective | None) -> Backtest | None:
        if objective is None:
            return None
        run = backtest.replay(
            objective,
            list(self.clients),
            self.start,
            self.end,
            rows_since=self.rows_since,
            clock=self._clock,
        )
        if run.first is not None:
            self.firsts.append(run.first)
        return run


def _part(key: str, now: Backtest | None, then: Backtest | None, clients: dict[int, str]) -> Part:
    old, new = _by_client(now), _by_client(then)
    own = _own_contract(key)
    found = [client for client in clients if client in old or client in new]
    found.sort(key=lambda client: _badness(new.get(client) or old.get(client)), reverse=True)
    shown = [
        _client_part(
            clients[client],
            own_contract=client in own,
            now=(now, old.get(client)),
            then=(then, new.get(client)),
        )
        for client in found[:MOST_CHARTS]
    ]
    return Part(
        what=names.in_words(key),
        changed=now is not then,
        now=_promise(now),
        then=_promise(then),
        now_total=_total(now),
        then_total=_total(then),
        clients=shown,
        more_clients=len(found) - len(shown),
    )


def _client_part(
    name: str,
    *,
    own_contract: bool,
    now: tuple[Backtest | None, Outcome | None],
    then: tuple[Backtest | None, Outcome | None],
) -> ClientPart:
    run, outcome = then
    when = [backtest_chart.told(one, run.end) for one in outcome.alerts] if run and outcome else []
    figures = [_figures(*one) for one in (now, then)]
    title = f"{name}: in force {_told(figures[0])}; with these values {_told(figures[1])}"
    return ClientPart(
        name=name,
        own_contract=own_contract,
        now=figures[0],
        then=figures[1],
        chart=backtest_chart.draw(now, then, title),
        when=when[: -MOST_ALERTS - 1 : -1],
        more=max(len(when) - MOST_ALERTS, 0),
    )


def _figures(run: Backtest | None, outcome: Outcome | None) -> Figures | None:
    if run is None or outcome is None:
        return None
    return Figures(
        compliance(run.objective, outcome.sums),
        WORDS[run.objective.kind],
        len(outcome.alerts),
        backtest_chart.length(backtest_chart.open_for(outcome.alerts, run.end)),
    )


def _total(run: Backtest | None) -> Figures | None:
    if run is None:
        return None
    sums = backtest.add([outcome.sums for outcome in run.outcomes])
    open_for = backtest_chart.open_for(run.alerts, run.end)
    return Figures(
        compliance(run.objective, sums),
        WORDS[run.objective.kind],
        len(run.alerts),
        backtest_chart.length(open_for),
    )


def compliance(objective: Objective, sums: Sums) -> str:
    """PURE: the share of good events (of a limit: of measurements within it), or the mean."""
    if objective.kind == Kind.SATISFACTION:
        return formats.measure(sums.mean, Unit.SCORE)
    return formats.share(sums.good, sums.total)


def _told(figures: Figures | None) -> str:
    if figures is None:
        return "nothing"
    return f"{figures.compliance}, {figures.alerts} alerts"


def _promise(run: Backtest | None) -> str:
    return in_words(run.objective) if run else "not promised"


def _by_client(run: Backtest | None) -> dict[int, Outcome]:
    return {outcome.client_id: outcome for outcome in run.outcomes} if run else {}


def _badness(outcome: Outcome | None) -> tuple[int, float, int]:
    if outcome is None:
        return 0, 0.0, 0
    sums = outcome.sums
    bad = 1 - sums.good / sums.total if sums.total else 0.0
    return len(outcome.alerts), bad, sums.total


def _own_contract(key: str) -> set[int]:
    """Clients with a contract of their own for the objective."""
    own = SloVersion.objects.filter(slo__base=key, slo__client__isnull=False, valid_until=None)
    return set(own.values_list("slo__client_id", flat=True))
