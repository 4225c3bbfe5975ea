"""OpenSLO text → a plan of what would change → promises, all of them or none."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.db.models import Model

from accounts.models import Client, User
from metrics.models import MetricDefinition
from slas import versions
from slas.models import BurnRule, Contract, ModelTarget, Sla
from slas.openslo import text as yaml_text
from slas.openslo.documents import Documents, checked
from slas.openslo.mapping import KEYS, Promised, promised
from slas.openslo.vocabulary import Problem, Refused, annotation

REASON = "Imported from OpenSLO."


class Stale(Exception):
    """The promises are no longer those that the plan was shown for."""


class Action(StrEnum):
    """What importing does to a promise."""

    CREATE = "new"
    CHANGE = "changed"
    KEEP = "unchanged"


@dataclass(frozen=True)
class Difference:
    """A field that would change."""

    field: str
    old: Any  # None: there is no such promise yet
    new: Any


@dataclass(frozen=True)
class Step:
    """What would become of one promise."""

    promise: Model
    action: Action
    line: int
    differences: tuple[Difference, ...]

    @property
    def kind(self) -> str:
        """SLA, model target or resource limit."""
        return str(self.promise._meta.verbose_name)  # noqa: SLF001


@dataclass(frozen=True)
class Plan:
    """What importing a text would do, and what of it has no place here."""

    steps: tuple[Step, ...]
    unmapped: tuple[Problem, ...]

    @property
    def digest(self) -> str:
        """Tells plans apart: other promises in the database or another text, another digest."""
        shown = [
            [step.kind, str(step.promise), step.action, [vars(one) for one in step.differences]]
            for step in self.steps
        ]
        return hashlib.sha256(json.dumps(shown, sort_keys=True, default=str).encode()).hexdigest()

    @property
    def changes(self) -> int:
        """How many promises would be made or changed."""
        return sum(step.action != Action.KEEP for step in self.steps)


def plan(text: str) -> Plan:
    """What importing would do: it is done, and taken back. Raises Refused with every problem."""
    with transaction.atomic():
        planned = _carry_out(text)
        transaction.set_rollback(True)
    return planned


def _carry_out(text: str) -> Plan:
    documents = checked(yaml_text.load(text))
    units = dict(MetricDefinition.objects.values_list("name", "unit"))
    found = promised(documents, units)
    if documents.problems:
        raise Refused(documents.problems)
    steps = [step for promise in found if (step := _step(documents, promise)) is not None]
    if documents.problems:
        raise Refused(documents.problems)
    return Plan(tuple(steps), tuple(sorted(set(documents.unmapped))))


def apply(
    text: str, now: datetime, *, by: User | None = None, reason: str = "", seen: str = ""
) -> Plan:
    """Import a text in one transaction; the new versions begin with the next minute.

    ``seen`` is the digest of the plan that was shown. Raises Refused, and Stale
    when the promises have changed since.
    """
    with transaction.atomic():
        # Rows first, then the lock of sync, as an edit in the admin does: no two wait in a circle.
        for model in KEYS:
            list(model._default_manager.select_for_update().order_by("pk"))  # noqa: SLF001
        # What others left behind is not to get this reason.
        versions.sync(now)
        planned = _carry_out(text)
        if seen and planned.digest != seen:
            raise Stale
        versions.sync(now, reason=(reason or REASON)[:500], by=by)
    return planned


def _step(documents: Documents, found: Promised) -> Step | None:
    """Make or change the promise; None, and noted, where the model refuses it."""
    if found.model is Contract and not _resolved(documents, found):
        return None
    if found.model is BurnRule and not _scoped(documents, found):
        return None
    key = {name: found.fields[name] for name in KEYS[found.model]}
    if found.model is Contract:
        key["withdrawn"] = False
    stored = found.model._default_manager.filter(**key).first()  # noqa: SLF001
    promise = stored or found.model()
    old = {name: getattr(promise, name) for name in found.fields} if stored else {}
    for name, value in found.fields.items():
        setattr(promise, name, value)
    try:
        promise.full_clean()
    except ValidationError as error:
        _refuse(documents, found, error)
        return None
    differences = tuple(
        Difference(name, old.get(name), value)
        for name, value in found.fields.items()
        if stored is None or old[name] != value
    )
    action = Action.CREATE if stored is None else Action.CHANGE if differences else Action.KEEP
    if action != Action.KEEP:
        promise.save()
    return Step(promise, action, found.where.line, differences)


def _resolved(documents: Documents, found: Promised) -> bool:
    """Put a contract's client and SLA in the place of their codes; False where there is none."""
    for name, manager in (("client", Client.objects), ("sla", Sla.objects)):
        code = found.fields[name]
        found.fields[name] = manager.filter(code=code).first()
        if found.fields[name] is None:
            fix = "Make it first." if name == "client" else "Add its Service to this text."
            documents.wrong(found.places[name], "", f"There is no {name} “{code}”.", fix)
            return False
    sla = found.fields["sla"]
    for name, value in found.inherited.items():
        if getattr(sla, name) != value:
            text = f"{name} is {value} here, but {getattr(sla, name)} in the SLA."
            fix = f"Add it to {annotation('overrides')}, or take the SLA's."
            documents.wrong(found.places.get(name, found.where), "", text, fix)
    return True


def _scoped(documents: Documents, found: Promised) -> bool:
    """Put the rule's SLA or model target in the place of its name; False where there is none."""
    for name, manager, key in (
        ("sla", Sla.objects, "code"),
        ("model_target", ModelTarget.objects, "model_name"),
    ):
        wanted = found.fields[name]
        found.fields[name] = manager.filter(**{key: wanted}).first() if wanted else None
        if wanted and found.fields[name] is None:
            text = f"There is no {name.replace('_', ' ')} “{wanted}”."
            documents.wrong(found.places[name], "", text, "Add its Service to this text.")
            return False
    return True


def _refuse(documents: Documents, found: Promised, error: ValidationError) -> None:
    for name, messages in error.message_dict.items():
        place = found.places.get(name, found.where)
        field = "" if name in {NON_FIELD_ERRORS, *found.places} else name
        fix = f"Set the annotation {annotation(name)}." if field else "Write what meets this."
        for message in messages:
            documents.wrong(place, field, f"{_named(name)}{message}", fix)


def _named(name: str) -> str:
    return "" if name == NON_FIELD_ERRORS else f"{name}: "


def summary(planned: Plan) -> str:
    """ "2 new, 1 changed, 14 unchanged"."""
    counts = dict.fromkeys(Action, 0)
    for step in planned.steps:
        counts[step.action] += 1
    return ", ".join(f"{count} {action}" for action, count in counts.items())
