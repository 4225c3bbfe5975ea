"""What a failing probe's alert says: its runs counted, in words, with their evidence."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from django.db.models import Avg, Count, Max, Q
from django.urls import reverse

from alerts.models import Alert, AlertType
from alerts.raising import context, impact, playbooks, queries, severity, wording
from metrics import formats
from metrics.models import PerformanceMetric, Probe
from metrics.probes.runs import Runs
from metrics.units import Unit
from slas import names
from slas.models import Criticality
from slas.objectives import Objective

KIND = "probe_failed"
PREFIX = "probe:"
# How far before its first failure a probe's last success is looked for.
LOOK_BACK = timedelta(days=7)
MOST_RUNS, MOST_NAMED = 10, 2
LONGEST_ERROR = 200
_FAILED, _UNANSWERED = Q(success=False), Q(metadata__has_key="no_answer")
Fields = dict[str, Any]


@dataclass(frozen=True)
class Span:
    """From the first failure to the newest run, and from when on earlier runs are looked at."""

    looked_from: datetime
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Counted:
    """A span's runs."""

    total: int
    failed: int
    unanswered: int
    longest: float | None  # of the failures that were answered, in their unit
    mean: float | None  # of the same
    newest_row: int | None
    failures: list[PerformanceMetric]  # the newest first
    last_success: PerformanceMetric | None

    @classmethod
    def of(cls, runs: Runs, span: Span) -> Self:
        """Count them, from their rows."""
        within = runs.between(span.start, span.end)
        found = within.order_by().aggregate(
            total=Count("id"),
            failed=Count("id", filter=_FAILED),
            unanswered=Count("id", filter=_FAILED & _UNANSWERED),
            # One that was never answered has the time-out as its value.
            longest=Max("metric_value", filter=_FAILED & ~_UNANSWERED),
            mean=Avg("metric_value", filter=_FAILED & ~_UNANSWERED),
            newest_row=Max("id"),
        )
        good = runs.between(span.looked_from, span.end).filter(success=True)
        return cls(
            **found, failures=list(within.filter(_FAILED)[:MOST_RUNS]), last_success=good.first()
        )


def key(probe: Probe) -> str:
    """As an objective's key, for people to read and matchers to match."""
    name = " ".join(probe.name.replace(":", " ").split())
    return f"{PREFIX}{name}:probe_fails"


def first_span(runs: Runs, closed: datetime | None, now: datetime) -> Span:
    """Of the failures in a row that end at the newest run; none from before ``closed``."""
    looked_from = now - LOOK_BACK
    since = max(looked_from, closed) if closed else looked_from
    last_good = runs.between(since, now).filter(success=True).first()
    after = last_good.timestamp if last_good else since
    failures = runs.between(after, now).filter(_FAILED)
    newest, first = failures[0], failures.reverse()[0]
    return Span(looked_from, first.timestamp, newest.timestamp)


def later_span(alert: Alert, end: datetime) -> Span:
    """As when the alert opened, to its newest run."""
    window, selection = alert.evidence["window"], alert.evidence["selection"]
    looked_from = datetime.fromisoformat(selection["looked_from"])
    return Span(looked_from, datetime.fromisoformat(window["start"]), end)


def recovery(probe: Probe, runs: Sequence[PerformanceMetric]) -> str:
    """Why the alert ends."""
    measured = formats.measure(runs[0].metric_value, runs[0].measurement_unit)
    count = f"{len(runs)} runs in a row have" if len(runs) > 1 else "A run has"
    return f"{count} succeeded: “{probe.name}” measures {measured} again."


def of(probe: Probe, alert: Alert, span: Span, promised: Sequence[Objective]) -> Fields:
    """The alert's fields, as they follow from the probe's runs; ``alert`` may be stored or not."""
    runs = Runs.of(probe)
    counted = Counted.of(runs, span)
    concerned = _concerned(promised, probe, counted.failures[0])
    hit = _impact(probe, counted, concerned)
    facts = severity.Facts(AlertType.PROBE_FAILED.value, hit["tier"], hit["criticality"])
    level, reason = _graded(facts, alert)
    evidence = _evidence(probe, alert, runs, span, counted)
    fields = {
        "threshold_value": float(probe.alert_after),
        "actual_value": float(counted.failed),
        "unit": Unit.COUNT.value,
        "alert_message": _message(probe, span, counted),
        "last_breach_at": span.end,
        "severity": level,
        "severity_reason": reason,
        "evidence": evidence | {"graded": asdict(facts), "severity_reason": reason},
        "impact": hit,
        "impact_score": impact.score(level, hit, span.end),
        "business_impact": _sentence(probe, concerned, promised),
    }
    return fields | {"recommended_action": playbooks.action(_draft(alert, probe, fields))}


def _impact(probe: Probe, counted: Counted, concerned: Sequence[Objective]) -> Fields:
    """No clients and no users: a probe asks none of them."""
    ranks = list(Criticality.values)
    found = (str(one.criticality) for one in concerned)
    return {
        "bad": counted.failed,
        "total": counted.total,
        "tier": probe.client.tier,
        "criticality": max(found, key=ranks.index, default=str(Criticality.NORMAL)),
    }


def _graded(facts: severity.Facts, alert: Alert) -> tuple[str, str]:
    """Severity and why; that of an open alert never falls."""
    graded = severity.grade(facts, severity.table())
    if alert.pk and wording.worse(alert.severity, graded.severity) == alert.severity:
        return alert.severity, alert.severity_reason or graded.reason
    return graded.severity.value, graded.reason


def _draft(alert: Alert, probe: Probe, fields: Fields) -> Alert:
    """The alert as it will be, for what reads one; not to be saved."""
    return Alert(
        alert_type=alert.alert_type,
        component=alert.component,
        metric_name=alert.metric_name,
        client=probe.client,
        fingerprint=alert.fingerprint,
        objective=alert.objective,
        **fields,
    )


def _evidence(probe: Probe, alert: Alert, runs: Runs, span: Span, counted: Counted) -> Fields:
    about = context.Subject(
        probe.client_id, probe.component, alert.objective, alert.alert_type, alert.fingerprint
    )
    good = counted.total - counted.failed
    return {
        "kind": KIND,
        "probe": _settings(probe),
        "window": {"start": span.start.isoformat(), "end": span.end.isoformat()},
        "selection": {
            **asdict(runs),
            "include_synthetic": True,
            "looked_from": span.looked_from.isoformat(),
        },
        "counts": {
            "total": counted.total,
            "succeeded": good,
            "good": good,
            "bad": counted.failed,
            "unanswered": counted.unanswered,
        },
        "values": {"largest": counted.longest, "mean": counted.mean},
        "unit": counted.failures[0].measurement_unit,
        "worst": [_run(one) for one in counted.failures],
        "last_success": _run(counted.last_success) if counted.last_success else None,
        "newest_row": counted.newest_row,
        "concurrent": context.near(about, span.start, span.end),
        "queries": queries.of_runs(
            runs.probe,
            runs.metric_name,
            probe.client.code,
            span.start,
            span.end,
            reverse("metrics"),
        ),
    }


def _settings(probe: Probe) -> Fields:
    return {
        "id": probe.pk,
        "name": probe.name,
        "kind": probe.kind,
        # What follows may be a key.
        "target": probe.target.partition("?")[0],
        "interval_seconds": probe.interval_seconds,
        "timeout_seconds": probe.timeout_seconds,
        "alert_after": probe.alert_after,
        "recover_after": probe.recover_after,
    }


def _run(row: PerformanceMetric) -> Fields:
    return {
        "request_id": row.request_id,
        "value": row.metric_value,
        "success": row.success,
        "answered": "no_answer" not in (row.metadata or {}),
        "timestamp": row.timestamp.isoformat(),
        "error": error(row),
    }


def error(row: PerformanceMetric) -> str | None:
    """What a failed run's row says went wrong."""
    return (row.metadata or {}).get("error")


def _message(probe: Probe, span: Span, counted: Counted) -> str:
    since = f"since {span.start:%Y-%m-%d %H:%M} UTC"
    if counted.failed == counted.total:
        runs = f"its last {counted.total} runs have" if counted.total > 1 else "its last run has"
        told = f"{runs} failed, {since}"
    else:
        told = f"{counted.failed} of its {counted.total} runs {since} have failed"
    text = (error(counted.failures[0]) or "no reason was given").rstrip(".")
    text = text if len(text) <= LONGEST_ERROR else f"{text[: LONGEST_ERROR - 1]}…"
    good = counted.last_success
    if good is None:
        last = f"It has not succeeded since {span.looked_from:%Y-%m-%d %H:%M} UTC."
    else:
        took = formats.measure(good.metric_value, good.measurement_unit)
        last = f"It last succeeded at {good.timestamp:%Y-%m-%d %H:%M} UTC ({took})."
    return f"The probe “{probe.name}” fails: {told}. The last error: {text}. {last}"


def _concerned(
    promised: Sequence[Objective], probe: Probe, failure: PerformanceMetric
) -> list[Objective]:
    """What is promised about that which the probe measures."""
    models = failure.ml_models_used or []
    return [
        one
        for one in promised
        if one.component == probe.component
        and one.metric_name == failure.metric_name
        and one.query_complexity in {"", failure.query_complexity or one.query_complexity}
        and (not one.model or not models or one.model in models)
    ]


def _sentence(probe: Probe, concerned: Sequence[Objective], promised: Sequence[Objective]) -> str:
    """Whom it may concern, in at most impact.LENGTH characters."""
    text = "Users were not asked: whether they are hit is not known."
    if concerned:
        named = ", ".join(names.in_words(one.key) for one in concerned[:MOST_NAMED])
        rest = len(concerned) - MOST_NAMED
        more = f" and {rest} more" if rest > 0 else ""
        text += f" It tries what is promised of {probe.component}: {named}{more}."
    else:
        count = sum(one.component == probe.component for one in promised)
        about = "one promise is" if count == 1 else f"{count or 'no'} promises are"
        text += f" On {probe.component} {about} made."
    return text if len(text) <= impact.LENGTH else f"{text[: impact.LENGTH - 1]}…"
