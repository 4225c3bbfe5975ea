"""Probes that fail: an alert of its own for each, from so many failures in a row on.

It ends after so many successes in a row; the probe says how many of each. Which runs there
were is read from their rows: nothing is counted beside them that could come to differ.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from alerts import fingerprints
from alerts.models import Alert, AlertType
from alerts.raising import passing, probe_findings
from alerts.raising.opening import open_alert, touch
from alerts.raising.passing import Pass
from alerts.triage import flapping, lifecycle
from metrics.models import PerformanceMetric, Probe
from metrics.probes.runs import Runs
from slas.objectives import Objective

logger = logging.getLogger(__name__)
# A probe may run each second; counting its runs again need not be as frequent.
FRESH_FOR = timedelta(seconds=10)
# Runs that are further apart than this are not in a row: the probe was off in between.
LEAST_SPAN = timedelta(hours=1)


def fingerprint(probe: Probe) -> str:
    """What makes two failures the same alert; another kind of probe measures something else."""
    return fingerprints.of(
        AlertType.PROBE_FAILED,
        str(probe.pk),
        probe.kind,
        probe.component,
        str(probe.client_id),
    )


def follow(promised: Iterable[Objective], done: Pass, now: datetime) -> None:
    """Open, update and end the alerts of failing probes; two queries while none fails.

    ``promised`` is what is promised now: an alert says what of it the probe concerns. What that
    came to is added to ``done``.
    """
    known = _open_alerts()
    ids = [alert.evidence["probe"]["id"] for alert in known.values()]
    asked = Q(enabled=True, last_outcome=Probe.Outcome.FAILED) | Q(pk__in=ids)
    probes = {probe.pk: probe for probe in Probe.objects.filter(asked).select_related("client")}
    running = {fingerprint(probe): probe for probe in probes.values() if probe.enabled}
    for mark, alert in known.items():
        if mark not in running:
            note = _gone(alert, probes.get(alert.evidence["probe"]["id"]))
            done.resolved += lifecycle.resolve_recovered(alert.pk, note)
    objectives = list(promised)
    for mark, probe in running.items():
        try:
            _follow(probe, mark, known.get(mark), objectives, now, done)
        except Exception:
            # One probe that can't be handled must not silence all others.
            logger.exception("alerting failed", extra={"probe": probe.name})


def _open_alerts() -> dict[str, Alert]:
    found = passing.still_open().filter(
        alert_type=AlertType.PROBE_FAILED, objective__startswith=probe_findings.PREFIX
    )
    return {alert.fingerprint: alert for alert in found if "probe" in alert.evidence}


def _gone(alert: Alert, probe: Probe | None) -> str:
    name = alert.evidence["probe"]["name"]
    if probe is None:
        return f"The probe “{name}” was deleted."
    if not probe.enabled:
        return f"The probe “{probe.name}” was disabled: whether it would fail is not known."
    return f"The probe “{probe.name}” was changed: it measures something else now."


def _follow(
    probe: Probe,
    mark: str,
    alert: Alert | None,
    promised: Sequence[Objective],
    now: datetime,
    done: Pass,
) -> None:
    since = now - _span(probe)
    if alert is None:
        closed = _last_closed(mark)
        since = max(since, closed) if closed else since
        if _fails(_newest(probe, since, now, probe.alert_after), probe.alert_after):
            done.opened += _open(probe, mark, closed, promised, now)
        return
    runs = _newest(probe, since, now, probe.recover_after)
    if not runs:
        return
    if len(runs) == probe.recover_after and all(run.success for run in runs):
        done.resolved += flapping.recover(alert.pk, probe_findings.recovery(probe, runs))
    elif not runs[0].success and runs[0].timestamp >= alert.last_breach_at + FRESH_FOR:
        done.updated += _update(probe, alert, promised, runs[0].timestamp)


def _span(probe: Probe) -> timedelta:
    """How far back runs may lie to be in a row, though some were late."""
    count = max(probe.alert_after, probe.recover_after)
    return max(
        LEAST_SPAN, 3 * count * timedelta(seconds=probe.interval_seconds + probe.timeout_seconds)
    )


def _last_closed(mark: str) -> datetime | None:
    """When the probe's last alert ended. What ran before does not open another one.

    So an alert that a person resolved, or that ended as the probe was disabled, comes again
    only by failures that came later.
    """
    return (
        Alert.objects.filter(fingerprint=mark, resolved_at__isnull=False)
        .order_by("-resolved_at")
        .values_list("resolved_at", flat=True)
        .first()
    )


def _newest(probe: Probe, since: datetime, now: datetime, count: int) -> list[PerformanceMetric]:
    return list(Runs.of(probe).between(since, now)[:count])


def _fails(runs: Sequence[PerformanceMetric], count: int) -> bool:
    return len(runs) == count and not any(run.success for run in runs)


def _open(
    probe: Probe, mark: str, closed: datetime | None, promised: Sequence[Objective], now: datetime
) -> bool:
    span = probe_findings.first_span(Runs.of(probe), closed, now)
    alert = Alert(
        alert_type=AlertType.PROBE_FAILED,
        component=probe.component,
        metric_name=Runs.of(probe).metric_name,
        client=probe.client,
        fingerprint=mark,
        objective=probe_findings.key(probe),
    )
    for name, value in probe_findings.of(probe, alert, span, promised).items():
        setattr(alert, name, value)
    return open_alert(alert, note=alert.alert_message) is not None


def _update(probe: Probe, alert: Alert, promised: Sequence[Objective], at: datetime) -> bool:
    span = probe_findings.later_span(alert, at)
    fields = probe_findings.of(probe, alert, span, promised)
    with transaction.atomic():
        held = passing.still_open().select_for_update().filter(pk=alert.pk)
        if (locked := held.first()) is None:
            return False
        touch(locked, fields, note=fields["severity_reason"])
    return True
