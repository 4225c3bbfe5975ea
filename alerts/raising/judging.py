"""A finding's severity, evidence, impact and recommended action, as an alert's fields."""

import logging
from dataclasses import asdict
from typing import Any

from django.db import DatabaseError, transaction

from alerts.models import Alert, Status
from alerts.raising import evidence, impact, passing, playbooks, rules, severity, wording
from alerts.raising.known import Known
from slas.compliance import Finding

logger = logging.getLogger(__name__)
Fields = dict[str, Any]


def is_steady(finding: Finding, alert: Alert, known: Known) -> bool:
    """Whether the finding changes nothing of an open alert: neither its severity nor its rule."""
    if alert.status == Status.PENDING or alert.flapping:
        return False
    graded = severity.grade(_facts(finding, known), known.severities)
    worse = wording.worse(alert.severity, graded.severity.value)
    return worse == alert.severity and evidence.is_of(alert.evidence, finding)


def of(finding: Finding, mark: str, before: Alert | None, known: Known) -> Fields:
    """What of an alert follows from a finding; ``before`` is the open one, ``mark`` its mark.

    The severity is graded each time and never falls; the rest is gathered when the alert opens
    or becomes graver, and at most once a minute while it is open.
    """
    client, facts = known.clients[finding.client_id], _facts(finding, known)
    graded = severity.grade(facts, known.severities)
    kept = before.evidence if before else {}
    level, reason = graded.severity.value, graded.reason
    if before is not None and wording.worse(before.severity, level) == before.severity:
        level, reason = before.severity, before.severity_reason or reason
    pending = before is not None and before.status == Status.PENDING
    fresh = not pending and not evidence.is_due(kept, finding)
    if before is not None and level == before.severity and fresh:
        return {"severity": level, "severity_reason": reason}
    worst = facts.worst(severity.Facts.stored(before) if before else None)
    try:
        with transaction.atomic():
            found, numbers = _gathered(finding, mark, known)
    except DatabaseError:
        # Such as values whose mean overflows. The alert must open all the same.
        logger.exception("gathering failed", extra={"objective": finding.objective.key})
        found, numbers = evidence.bare(finding), impact.bare(finding, client)
    found |= {"severity_reason": reason, "graded": asdict(worst)}
    # An alert ends by the rule that opened it, a pending one by the rule that fires it.
    found["opened_by"] = ("" if pending else kept.get("opened_by")) or rules.name(found)
    fields = {
        "severity": level,
        "severity_reason": reason,
        "rule": found["opened_by"],
        "evidence": found,
        "impact": numbers,
        "impact_score": impact.score(level, numbers, finding.end),
        "business_impact": impact.sentence(finding, client.name, numbers),
    }
    draft = passing.unsaved(finding, mark, known, **fields)
    own = finding.objective.recommended_action
    return fields | {"recommended_action": playbooks.action(draft, own, known.playbooks)}


def _facts(finding: Finding, known: Known) -> severity.Facts:
    return severity.facts(finding, known.clients[finding.client_id].tier)


def _gathered(finding: Finding, mark: str, known: Known) -> tuple[Fields, Fields]:
    """Evidence and impact. Raises DatabaseError."""
    (held, left), client = known.held(finding), known.clients[finding.client_id]
    found = evidence.of(finding, mark, held, known.seen, code=client.code, platform=known.platform)
    return found, impact.of(finding, client, held, left, found)
