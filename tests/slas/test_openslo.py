"""OpenSLO out and in: nothing is lost on the way, nothing half imported, errors name their line."""

from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db.models import Model
from django.utils import timezone
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from slas.models import BurnRule, ModelTarget, ResourceLimit, Sla, SloVersion
from slas.openslo import export, importing
from slas.openslo.importing import Action
from slas.openslo.vocabulary import Refused, is_name

pytestmark = pytest.mark.django_db
PROMISES: tuple[type[Model], ...] = (Sla, ModelTarget, ResourceLimit)


def everything() -> list[list[dict[str, Any]]]:
    """Every promise, without ids."""
    return [
        [
            {name: value for name, value in row.items() if name != "id"}
            for row in model._default_manager.order_by("pk").values()
        ]
        for model in PROMISES
    ]


def by_key(found: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    return [sorted(rows, key=lambda row: str(sorted(row.items(), key=str))) for rows in found]


def forget_everything() -> None:
    for model in PROMISES:
        model._default_manager.all().delete()


def imported(text: str) -> importing.Plan:
    return importing.apply(text, timezone.now())


def test_the_specifications_promises_come_back_into_an_empty_database() -> None:
    before, text = everything(), export.export()
    assert len(before[0]) == 4
    assert len(before[1]) == 4
    assert len(before[2]) > 10
    forget_everything()
    planned = imported(text)
    assert by_key(everything()) == by_key(before)
    assert not planned.unmapped
    assert {step.action for step in planned.steps} == {Action.CREATE}
    assert export.export() == text


def test_importing_what_is_there_changes_nothing() -> None:
    imported(export.export())
    versions = SloVersion.objects.count()
    planned = imported(export.export())
    assert {step.action for step in planned.steps} == {Action.KEEP}
    assert SloVersion.objects.count() == versions


# Any text that PostgreSQL can hold, and some that YAML likes to misread.
words = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40
) | st.sampled_from(
    ["no", "1e3", "~", "- a", "a: b", "2026-01-01", " ", "\r\n", "\u2028", "#", "'\""]
)
positive = st.floats(0.001, 1e12, allow_nan=False) | st.sampled_from([3000.0, 0.1 + 0.2, 1e-3])
percents = st.floats(0, 100) | st.sampled_from([0.0, 99.8, 99.999, 100.0, 99.5])
stars = st.floats(1, 5)
codes = st.from_regex(r"[A-Za-z0-9_-]{1,50}", fullmatch=True)
names = st.sampled_from(["some_metric", "Other Metric"])
components = st.sampled_from(["cognitive_core", "user-interface", "a" * 50])
evaluated = {
    "enabled": st.booleans(),
    "window_seconds": st.integers(10, 7 * 86_400),
    "minimum_samples": st.integers(1, 1000),
    "business_impact": words,
    "recommended_action": words,
}


@st.composite
def slas(draw: Any) -> Sla:
    target, most = sorted([draw(st.floats(1, 1e6)), draw(st.floats(1, 1e6))])
    learning = draw(st.none() | positive)
    return Sla(
        code=draw(codes),
        description=draw(words.filter(bool) | st.just("long " * 300)),
        metric_name=draw(names),
        component=draw(components),
        query_complexity=draw(st.sampled_from(["", "simple", "complex"])),
        target_response_time=target,
        max_response_time=most,
        latency_share=draw(percents),
        availability=draw(percents),
        user_satisfaction_target=draw(st.none() | stars),
        learning_integration_time=learning,
        learning_metric_name=draw(names if learning else names | st.just("")),
        examples=draw(st.lists(words, max_size=3)),
        satisfaction_window_seconds=draw(st.integers(60, 7 * 86_400)),
        minimum_votes=draw(st.integers(1, 100)),
        include_synthetic=draw(st.booleans()),
        **{name: draw(value) for name, value in evaluated.items()},
    )


targets = st.builds(
    ModelTarget,
    model_name=st.text(
        st.characters(min_codepoint=33, exclude_categories=["Cs"]), min_size=1, max_size=90
    ),
    inference_time=positive,
    latency_share=percents,
    accuracy_threshold=st.floats(0, 1),
    accuracy_metric=st.sampled_from(["r2", "f1", "accuracy"]),
    business_accuracy=st.floats(0, 1),
    business_accuracy_definition=words.filter(bool),
    training_time=positive,
    model_size_limit=positive,
    user_satisfaction=stars,
    metric_name=names,
    component=components,
    **evaluated,
)
limits = st.builds(
    ResourceLimit,
    component=codes,
    name=words.filter(bool),
    value=st.floats(-1e12, 1e12),
    unit=st.sampled_from(["ms", "mb", "percent", "count", "seconds", "score"]),
    metric_name=names,
    aggregate=st.sampled_from(["mean", "max", "latest"]),
    description=words,
    **evaluated,
)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(promises=st.lists(slas() | targets | limits, max_size=6))
def test_any_promises_come_back_as_they_were(promises: list[Model]) -> None:
    forget_everything()
    for promise in promises:
        try:
            promise.full_clean()
        except ValidationError:
            assume(False)
        promise.save()
    before, text = everything(), export.export()
    if not promises:
        assert text == ""
        return
    forget_everything()
    planned = imported(text)
    assert by_key(everything()) == by_key(before)
    assert not planned.unmapped


def documents(text: str) -> Iterator[dict[str, Any]]:
    yield from yaml.safe_load_all(text)


def test_what_is_exported_keeps_openslos_rules() -> None:
    Sla.objects.filter(code="simple_queries").update(availability=100.0, description="x" * 2000)
    found = list(documents(export.export()))
    assert {one["apiVersion"] for one in found} == {"openslo/v1"}
    names = [(one["kind"], one["metadata"]["name"]) for one in found]
    assert len(names) == len(set(names))
    for one in found:
        assert is_name(one["metadata"]["name"])
        assert len(one["metadata"].get("displayName", "")) <= 63
        assert len(one["spec"].get("description", "")) <= 1050
        assert all(isinstance(v, str) for v in one["metadata"].get("annotations", {}).values())
        for objective in one["spec"].get("objectives", []):
            assert 0 <= objective["targetPercent"] < 100


def test_a_condition_has_the_long_window_and_the_pair_in_annotations() -> None:
    (found,) = [
        one
        for one in documents(export.export())
        if one["kind"] == "AlertCondition" and one["metadata"]["name"] == "burn-99-9-1h"
    ]
    assert found["spec"]["condition"] == {
        "kind": "burnrate",
        "op": "gt",
        "threshold": pytest.approx(14.4),
        "lookbackWindow": "1h",
    }
    pair = found["metadata"]["annotations"]
    assert (pair["aiosmon.io/long-window"], pair["aiosmon.io/short-window"]) == ("1h", "5m")


def test_a_changed_number_begins_a_version_with_the_reason_given() -> None:
    imported(export.export())
    text = export.export().replace("targetPercent: 99.5", "targetPercent: 99.6")
    assert text != export.export()
    planned = importing.apply(text, timezone.now(), reason="Agreed in March.")
    (step,) = [one for one in planned.steps if one.action == Action.CHANGE]
    (difference,) = step.differences
    assert (difference.field, difference.old, difference.new) == ("availability", 99.5, 99.6)
    assert Sla.objects.get(code="simple_queries").availability == 99.6
    newest = SloVersion.objects.get(slo__base="sla:simple_queries:availability", valid_until=None)
    assert (newest.share, newest.reason) == (99.6, "Agreed in March.")


@pytest.mark.parametrize(
    ("old", "new", "field", "words"),
    [
        ("targetPercent: 99.5", "targetPercent: 995", "targetPercent", "can't be promised"),
        ("targetPercent: 99.5", "targetPercent: much", "targetPercent", "no number"),
        ("budgetingMethod: Occurrences", "budgetingMethod: Sometimes", "budgetingMethod", "method"),
        ("kind: SLI", "kind: SLX", "kind", "no kind"),
        ("name: sla-simple-queries", "name: Simple_Queries", "metadata.name", "RFC 1123"),
        ("indicatorRef: sla-simple", "indicatorRef: x-simple", "indicatorRef", "no SLI"),
        ("  service: ", "  sevrice: ", "spec.sevrice", "unknown"),
        ("within: 3000.0", "within: soon", "within", "no number"),
        ("minimum-samples: '5'", "minimum-samples: five", "minimum-samples", "no text|no integer"),
        (
            "minimum-samples: '5'",
            "minimum-samples: '0'",
            "minimum-samples",
            "at least 1|greater than or equal to 1",
        ),
        ("/window-seconds: '300'", "/windw-seconds: '300'", "windw-seconds", "unknown"),
        ("openslo/v1", "openslo/v2", "apiVersion", "version"),
        ("unit: ms", "unit: parsec", "unit", "parsec"),
    ],
)
def test_an_error_names_line_and_field_and_nothing_is_imported(
    old: str, new: str, field: str, words: str
) -> None:
    text = export.export()
    assert old in text
    bad = text.replace(old, new, 1)
    forget_everything()
    with pytest.raises(Refused, match=words) as refused:
        imported(bad)
    line = bad[: bad.index(new)].count("\n") + 1
    assert any(
        one.line == line and field in one.field and one.fix for one in refused.value.problems
    ), [(line, str(one)) for one in refused.value.problems]
    assert not any(everything())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no document"),
        ("a: [", "no YAML"),
        ("a: &x [*x]", "alias of what"),
        ("a: 1\na: 2", "twice"),
        ("[" * 50 + "]" * 50, "deep"),
        ("a: &a [x]\nb: [" + "*a," * 200 + "]", "aliases"),
        ("x: " + "y" * (1024 * 1024), "larger"),
        ("- a\n" * 100_001, "values"),
        ('a: "\\0"', "can't be read"),
        ('a: "\\ud800"', "can't be read|no YAML"),
        ("a: !!python/object/apply:os.system [ls]", "kind|apiVersion|read"),
        ("just text", "no mapping"),
        ("? [a]\n: b", "plain word"),
    ],
)
def test_a_text_that_is_no_openslo_is_refused(text: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        importing.plan(text)


def test_a_few_bytes_of_aliases_can_not_fill_the_memory() -> None:
    lines = ["a0: &a0 [" + "x," * 10 + "]"]
    lines += [f"a{n}: &a{n} [" + f"*a{n - 1}," * 9 + "]" for n in range(1, 10)]
    with pytest.raises(Refused, match=r"aliases are followed|More than 100 aliases"):
        importing.plan("\n".join(lines))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_damage_to_a_text_gives_anything_but_a_named_problem(data: Any) -> None:
    text = export.export()[:6000]
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 40))
    new = data.draw(
        st.sampled_from(["", "~", "[]", "{}", ": ", "- 1", "\n", "'", "&a", "*a", "x: y", "1"])
    )
    with suppress(Refused):
        importing.plan(text[:at] + new + text[at + cut :])


def test_the_promises_changing_after_the_preview_refuses_the_import() -> None:
    text = export.export().replace("targetPercent: 99.5", "targetPercent: 99.6")
    seen = importing.plan(text).digest
    Sla.objects.filter(code="simple_queries").update(availability=99.0)
    with pytest.raises(importing.Stale):
        importing.apply(text, timezone.now(), seen=seen)
    assert Sla.objects.get(code="simple_queries").availability == 99.0


def test_the_command_exports_and_imports(tmp_path: Path) -> None:
    file = tmp_path / "promises.yaml"
    call_command("openslo", "export", str(file))
    forget_everything()
    out = StringIO()
    call_command("openslo", "import", str(file), "--dry-run", stdout=out)
    assert not any(everything())
    assert "Would be:" in out.getvalue()
    call_command("openslo", "import", str(file), stdout=out)
    assert Sla.objects.count() == 4
    file.write_text(file.read_text().replace("targetPercent: 99.5", "targetPercent: x"))
    with pytest.raises(CommandError, match=r"Nothing is imported\.\nline \d+, spec"):
        call_command("openslo", "import", str(file))


def test_alert_rules_of_ones_own_come_back_and_take_the_standard_ones_place() -> None:
    simple = Sla.objects.get(code="simple_queries")
    target = ModelTarget.objects.get(model_name="rework_risk_assessment")
    windows = {"long_minutes": 90, "short_minutes": 7, "burn": 2.5}
    BurnRule.objects.create(sla=simple, name="steep", pages=False, hold_seconds=45, **windows)
    BurnRule.objects.create(sla=simple, name="off", enabled=False, **windows)
    BurnRule.objects.create(model_target=target, name="steep", **windows)
    BurnRule.objects.create(name="fast", **windows)
    before, text = rules_set(), export.export()
    by_name = {one["metadata"]["name"]: one for one in documents(text) if one["kind"] == "SLO"}
    found = by_name["sla-simple-queries-latency"]["spec"]["alertPolicies"]
    assert [one["alertPolicyRef"] for one in found] == [
        "fast-95-0-5m",
        "rule-sla-simple-queries-steep",
    ]
    BurnRule.objects.all().delete()
    forget_everything()
    planned = imported(text)
    assert not planned.unmapped
    assert rules_set() == before
    assert export.export() == text
    assert {step.action for step in imported(text).steps} == {Action.KEEP}


def rules_set() -> set[tuple[Any, ...]]:
    """Every rule with whose it is, without ids."""
    return {(str(one), one.hold_seconds) for one in BurnRule.objects.all()} | {
        (str(one), one.enabled, one.long_minutes, one.short_minutes, one.burn, one.pages)
        for one in BurnRule.objects.select_related("sla", "model_target")
    }


def test_an_impossible_rule_is_refused_with_its_line() -> None:
    BurnRule.objects.create(
        sla=Sla.objects.get(code="simple_queries"),
        name="steep",
        long_minutes=60,
        short_minutes=5,
        burn=19,
    )
    text = export.export().replace("threshold: 19.0", "threshold: 21.0")
    with pytest.raises(Refused, match="can't burn faster than 1 / ") as refused:
        imported(text)
    (problem,) = refused.value.problems
    assert text.splitlines()[problem.line - 1].strip().startswith(("kind:", "condition:"))
