"""The compliance report: hand-worked figures, with and without exclusions, and its digest."""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.models import Client, User
from accounts.roles import RESPONDER, SLA_MANAGER, VIEWER
from metrics import rollups
from metrics.models import Emitter
from slas import exclusions, periods, report, report_files, slis, versions
from slas.models import Contract, Exclusion, ModelTarget, ResourceLimit, Sla
from slas.periods import Period
from slas.report import Report

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Rows = Callable[..., Any]


@pytest.fixture
def day() -> datetime:
    """Midnight two days ago."""
    return (timezone.now() - 2 * DAY).replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
def period(day: datetime) -> Period:
    return report.days(day.date(), day.date(), "UTC")


@pytest.fixture
def promise(db: None) -> Sla:
    """Simple queries: 95 % within 3 s, 99 % within 6 s, 4.5 stars; and nothing else."""
    Sla.objects.update(enabled=False)
    ModelTarget.objects.update(enabled=False)
    ResourceLimit.objects.update(enabled=False)
    sla = Sla.objects.create(
        code="tests",
        description="d",
        metric_name="conversational_query_response_time",
        component="cognitive_core",
        query_complexity="simple",
        target_response_time=3000,
        max_response_time=6000,
        availability=99.0,
        user_satisfaction_target=4.5,
        minimum_votes=2,
    )
    versions.sync(timezone.now())
    return sla


@pytest.fixture
def measured(acme: Client, promise: Sla, day: datetime, make_rows: Rows) -> None:
    """From noon on 96 fast, 3 slow, 1 failed; at two o'clock 10 far too slow."""
    at = day + 12 * HOUR
    make_rows(acme, [1000.0] * 96, timestamp=at, user_satisfaction_score=5.0)
    make_rows(acme, [4000.0] * 3, timestamp=at + HOUR / 2)
    make_rows(acme, [1000.0], timestamp=at + HOUR / 2, success=False)
    make_rows(acme, [9000.0] * 10, timestamp=at + 2 * HOUR)
    count()


@pytest.fixture
def agreed(acme: Client, day: datetime, make_user: Callable[..., User]) -> Exclusion:
    """The time from two to three o'clock is excluded."""
    one = Exclusion.objects.create(
        client=acme,
        starts_at=day + 14 * HOUR,
        ends_at=day + 15 * HOUR,
        category="maintenance",
        reason="The database moves.",
        requested_by=make_user(RESPONDER, username="rita"),
    )
    return exclusions.approve(one.pk, acting_user=make_user(SLA_MANAGER, username="sam"))


def count() -> None:
    rollups.roll_up_all()
    slis.count_all()


def promises(found: Report) -> dict[str, Any]:
    return {one["objective"].rpartition(":")[2]: one for one in found.content["promises"]}


# --- Figures ------------------------------------------------------------------------------


def test_each_promise_is_told_with_its_figures(
    acme: Client, measured: None, period: Period
) -> None:
    found = promises(report.of(acme, period))
    latency, available = found["latency"]["counted"], found["availability"]["counted"]
    assert (latency["good"], latency["total"], latency["verdict"]) == (96, 110, "broken")
    assert latency["attained"] == 87.272727
    # 5 % of 110 may be bad: 5.5. 14 were.
    assert latency["budget_left"] == pytest.approx(1 - 14 / 5.5, abs=1e-6)
    assert (available["good"], available["total"]) == (99, 110)
    stars = found["satisfaction"]["counted"]
    assert (stars["attained"], stars["good"], stars["total"], stars["verdict"]) == (
        5,
        None,
        96,
        "kept",
    )
    [version] = found["latency"]["versions"]
    assert version["promised"].replace("\u00a0", " ") == "≥ 95 % within 3,000 ms"
    assert version["reason"] == "First promised."


def test_figures_stand_with_and_without_exclusions(
    acme: Client, measured: None, agreed: Exclusion, period: Period
) -> None:
    found = promises(report.of(acme, period))["latency"]
    counted, gross = found["counted"], found["without_exclusions"]
    assert (counted["good"], counted["total"], counted["verdict"]) == (96, 100, "kept")
    assert (gross["good"], gross["total"], gross["verdict"]) == (96, 110, "broken")
    assert found["excluded_minutes"] == 60
    # The slowest that is left took 4 s, the slowest of all 9 s.
    assert counted["percentiles"]["p99"] == pytest.approx(4000, rel=0.0108)
    assert gross["percentiles"]["p99"] == pytest.approx(9000, rel=0.0108)


def test_percentiles_are_within_the_stated_error_of_the_rows(
    acme: Client, measured: None, period: Period
) -> None:
    read = promises(report.of(acme, period))["latency"]["counted"]["percentiles"]
    assert read["unit"] == "ms"
    # Of 109 that succeeded the 55th, the 104th and the 108th.
    for name, exact in {"p50": 1000.0, "p95": 9000.0, "p99": 9000.0}.items():
        assert abs(read[name] - exact) / exact <= read["error_percent"] / 100


def test_the_exclusions_are_listed_with_reason_and_both_people(
    acme: Client, measured: None, agreed: Exclusion, period: Period
) -> None:
    [line] = report.of(acme, period).content["exclusions"]
    assert (line["reason"], line["requested_by"], line["approved_by"]) == (
        "The database moves.",
        "rita",
        "sam",
    )
    assert (line["minutes"], line["times"], line["scope"]) == (60, 1, "Every promise")


def test_an_exclusion_of_something_else_is_not_listed(
    acme: Client, measured: None, agreed: Exclusion, period: Period
) -> None:
    Exclusion.objects.update(component="nervous_system")
    found = report.of(acme, period)
    assert found.content["exclusions"] == []
    assert promises(found)["latency"]["excluded_minutes"] == 0


def test_the_scorecard_adds_up_the_specifications_criteria(
    acme: Client, measured: None, agreed: Exclusion, period: Period
) -> None:
    target, available, satisfied, limits = report.of(acme, period).content["scorecard"]
    assert (target["attained"], target["met"]) == (96.0, True)
    assert target["without_exclusions"]["met"] is False
    # 99 of 100 is not more than 99 %.
    assert (available["attained"], available["met"]) == (99.0, False)
    assert (satisfied["attained"], satisfied["met"], satisfied["events"]) == (5.0, True, 96)
    assert (limits["attained"], limits["met"]) == (None, None)


def test_a_version_that_began_within_the_period_is_told_with_its_reason(
    acme: Client, measured: None, promise: Sla, period: Period, make_user: Callable[..., User]
) -> None:
    promise.target_response_time = 2000
    promise.save()
    versions.sync(period.start + 13 * HOUR, reason="Faster hardware.", by=make_user(username="eve"))
    found = promises(report.of(acme, period))["latency"]["versions"]
    assert [(one["number"], one["reason"], one["changed_by"]) for one in found] == [
        (1, "First promised.", None),
        (2, "Faster hardware.", "eve"),
    ]
    assert found[0]["until"] == found[1]["from"]


def test_an_internal_objective_is_not_told_to_the_client(
    acme: Client, promise: Sla, day: datetime, make_rows: Rows
) -> None:
    Contract.objects.create(
        client=acme, sla=promise, valid_from=day.date(), internal_latency_share=99.5
    )
    versions.sync(timezone.now())
    make_rows(acme, [1000.0] * 97 + [9000.0] * 3, timestamp=day + 12 * HOUR)
    count()
    found = report.of(acme, report.days(day.date(), day.date(), "UTC"))
    assert promises(found)["latency"]["counted"]["verdict"] == "kept"
    assert "99.5" not in report.canonical(found.content)
    assert "at_risk" not in report.canonical(found.content)


def test_credits_follow_from_each_whole_month(
    acme: Client, promise: Sla, make_rows: Rows, settings: Any
) -> None:
    settings.ROW_RETENTION_DAYS = 100
    month = periods.previous(periods.month(timezone.now(), "UTC"))
    Contract.objects.create(
        client=acme,
        sla=promise,
        reference="C-7",
        valid_from=month.start.date() - 5 * DAY,
        credit_terms=[{"below": 99.0, "percent": 10.0}, {"below": 95.0, "percent": 25.0}],
        monthly_fee=Decimal("1999.90"),
    )
    versions.sync(timezone.now())
    for number, value in ((90, 1000.0), (6, 9000.0)):  # 93.75 % available
        make_rows(acme, [value] * number, timestamp=month.start + 3 * DAY)
    count()
    [line] = report.of(acme, month).content["credits"]
    assert (line["month"], line["contract"], line["attained"]) == (month.name, "C-7", 93.75)
    # 25 % of 1,999.90
    assert (line["percent"], line["amount"], line["currency"]) == (25, "499.98", "EUR")
    part = report.days(month.start.date(), (month.end - 2 * DAY).date(), "UTC")
    assert report.of(acme, part).content["credits"] == []


def test_a_month_is_the_one_of_the_clients_zone(acme: Client, promise: Sla) -> None:
    acme.time_zone = "Europe/Berlin"
    found = report.of(acme, periods.named("2026-03", "Europe/Berlin")).content["period"]
    assert (found["start"], found["end"]) == (
        "2026-03-01T00:00:00+01:00",
        "2026-04-01T00:00:00+02:00",
    )
    assert found["last_hour_with_data"] is None


# --- Digest ------------------------------------------------------------------------------------


def test_made_again_it_has_the_same_digest_whatever_happened_since_elsewhere(
    acme: Client, globex: Client, measured: None, agreed: Exclusion, period: Period, make_rows: Rows
) -> None:
    before = report.of(acme, period)
    make_rows(globex, [1.0], timestamp=period.start + HOUR)
    make_rows(acme, [1.0], timestamp=period.end + HOUR)
    Emitter.objects.update(last_seen_at=timezone.now() - 5 * DAY)
    count()
    # Counted anew from the rows, and looked at from elsewhere.
    slis.count_again(period.start, [""])
    count()
    with timezone.override("Asia/Tokyo"):
        after = report.of(acme, period)
    assert after.digest == before.digest
    assert after.content == before.content


def test_another_row_another_digest_and_a_withdrawn_exclusion_restores_it(
    acme: Client, measured: None, period: Period, make_rows: Rows, agreed: Exclusion
) -> None:
    sealed = report.of(acme, period).digest
    Exclusion.objects.update(status="requested", decided_by=None, decided_at=None)
    plain = report.of(acme, period).digest
    assert plain != sealed
    exclusions.approve(agreed.pk, acting_user=User.objects.get(username="sam"))
    assert report.of(acme, period).digest != plain
    exclusions.withdraw(agreed.pk, acting_user=User.objects.get(username="sam"))
    assert report.of(acme, period).digest == plain
    make_rows(acme, [1.0], timestamp=period.start + HOUR)
    count()
    assert report.of(acme, period).digest != plain


def test_whoever_has_the_json_file_can_check_the_digest(
    acme: Client, measured: None, agreed: Exclusion, period: Period
) -> None:
    acme.name = "Çelik & Söhne “Nord”"
    file = json.loads(report_files.as_json(report.of(acme, period)))
    text = json.dumps(file["content"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == file["digest"]["sha256"]


# --- Files and page -----------------------------------------------------------------------


def test_the_csv_has_a_line_a_promise_and_no_formulas(
    acme: Client, promise: Sla, day: datetime, make_rows: Rows
) -> None:
    Contract.objects.create(
        client=acme, sla=promise, valid_from=day.date(), reference="=HYPERLINK(1)"
    )
    versions.sync(timezone.now())
    make_rows(acme, [1000.0] * 10, timestamp=day + 12 * HOUR)
    count()
    found = report.of(acme, report.days(day.date(), day.date(), "UTC"))
    lines = list(csv.DictReader(io.StringIO(report_files.as_csv(found))))
    assert {one["objective"] for one in lines} == {
        "sla:tests:latency",
        "sla:tests:availability",
        "sla:tests:satisfaction",
    }
    assert {one["digest"] for one in lines} == {found.digest}
    assert {one["contract"] for one in lines} == {"'=HYPERLINK(1)"}


def ask(person: User, **query: Any) -> Any:
    browser = Browser()
    browser.force_login(person)
    return browser.get(reverse("slas_report"), query)


def test_the_page_and_both_files_hold_the_same_digest(
    acme: Client, measured: None, period: Period, make_user: Callable[..., User]
) -> None:
    person, day = make_user(VIEWER), period.start.date().isoformat()
    query = {"client": acme.pk, "first": day, "last": day}
    digest = report.of(acme, period).digest
    assert digest in ask(person, **query).text
    file = ask(person, **query, format="json")
    assert json.loads(file.content)["digest"]["sha256"] == digest
    assert file["Content-Disposition"] == f'attachment; filename="compliance-acme-{day}_{day}.json"'
    assert digest in ask(person, **query, format="csv").text


def test_nobody_reads_the_report_of_a_client_that_they_may_not_see(
    acme: Client, globex: Client, make_user: Callable[..., User]
) -> None:
    person = make_user(VIEWER, clients=[globex])
    answer = ask(person, client=acme.pk, period="2026-03", format="json")
    assert answer["Content-Type"].startswith("text/html")
    assert "Acme" not in answer.text
    assert ask(person, client=globex.pk, period="2026-03", format="json").json()
    assert ask(make_user(), client=acme.pk, period="2026-03").status_code == 403


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"period": "2026-13"}, "is no period"),
        ({"period": ""}, "Choose a period, or two days."),
        ({"first": "2026-03-01"}, "Give both days"),
        ({"first": "2026-03-02", "last": "2026-03-01"}, "The last day comes before the first"),
        ({"first": "2020-03-02", "last": "2026-03-01"}, "at most 400 days"),
        ({"first": "2026-02-30", "last": "2026-03-01"}, "Enter a valid date"),
    ],
)
def test_a_bad_period_is_named_on_the_page(
    acme: Client, make_user: Callable[..., User], query: dict[str, str], named: str
) -> None:
    answer = ask(make_user(VIEWER), client=acme.pk, **query)
    assert answer.status_code == 200
    assert named in answer.text
    assert 'id="report"' not in answer.text


def test_the_last_day_of_a_custom_period_is_included() -> None:
    found = report.days(date(2026, 3, 29), date(2026, 3, 29), "Europe/Berlin")
    assert found.length == timedelta(hours=23)
    assert found.start == datetime(2026, 3, 28, 23, tzinfo=UTC)
