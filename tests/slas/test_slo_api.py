"""GET /api/v1/objectives/, /compliance/ and /objectives/<id>/series/."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
from django.core.management import call_command
from django.test import Client as Browser
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Client
from metrics import rollups
from slas import slis, versions
from slas.models import Sla, Slo, SloVersion
from slas.versions import numbers

pytestmark = pytest.mark.django_db
LATENCY = "sla:simple_queries:latency"
AVAILABLE = "sla:simple_queries:availability"
OBJECTIVES, COMPLIANCE = "/api/v1/objectives/", "/api/v1/compliance/"


@pytest.fixture
def get(db: None) -> Callable[..., Any]:
    """``get(url, client=acme, …)`` with a READ key; the rest are parameters."""

    def ask(url: str, *, of: Client | None = None, code: int = 200, **parameters: Any) -> Any:
        text = keys.issue("reader", [ApiKey.Scope.READ], client=of)[1]
        answer = Browser().get(url, parameters, headers={"Authorization": f"Bearer {text}"})
        assert answer.status_code == code, answer.content
        return answer.json()

    return ask


@pytest.fixture
def counted(acme: Client, globex: Client, make_rows: Any) -> datetime:
    """Acme: 8 good, 2 slow, two minutes ago; Globex: 10 good."""
    at = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=2)
    make_rows(acme, [100.0] * 8 + [5000.0] * 2, timestamp=at)
    make_rows(globex, [100.0] * 10, timestamp=at)
    count()
    return at


def count() -> None:
    versions.sync(timezone.now())
    rollups.roll_up_all()
    slis.count_all()


def own_objective(client: Client, share: float) -> Slo:
    """Acme's own latency promise, from ever."""
    default = SloVersion.objects.get(slo__base=LATENCY, slo__client=None)
    slo = Slo.objects.create(base=LATENCY, client=client)
    default.pk, default.slo, default.share = None, slo, share
    default.save()
    return slo


def follow(get: Callable[..., Any], url: str, **asked: Any) -> list[dict[str, Any]]:
    """All pages' results."""
    found, page = [], get(url, **asked)
    while True:
        found += page["results"]
        if page["next"] is None:
            return found
        parts = urlsplit(page["next"])
        page = get(f"{parts.path}?{parts.query}", of=asked.get("of"))


def test_objectives_come_with_their_versions(get: Any) -> None:
    versions.sync(timezone.now())
    Sla.objects.filter(code="simple_queries").update(latency_share=97.0)
    versions.sync(timezone.now() + timedelta(minutes=5), reason="Agreed.")
    (one,) = get(OBJECTIVES, base=LATENCY)["results"]
    assert (one["base"], one["client"], one["in_force"]) == (LATENCY, None, True)
    newest, first = one["versions"]
    assert (newest["number"], newest["share"], newest["reason"]) == (2, 97.0, "Agreed.")
    assert (first["share"], first["valid_until"]) == (95.0, newest["valid_from"])
    assert set(numbers.__annotations__) == {"objective", "return"}
    assert newest["good_within"] == 3000.0


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({"promise": "model"}, lambda one: one["base"].startswith("model:")),
        ({"kind": "availability"}, lambda one: one["versions"][0]["kind"] == "availability"),
        (
            {"component": "user_interface"},
            lambda one: one["versions"][0]["component"] == "user_interface",
        ),
        ({"in_force": "true"}, lambda one: one["in_force"]),
    ],
)
def test_objectives_can_be_filtered(get: Any, asked: dict[str, str], fits: Any) -> None:
    versions.sync(timezone.now())
    everything = follow(get, OBJECTIVES)
    found = follow(get, OBJECTIVES, **asked)
    assert found == [one for one in everything if fits(one)]
    assert found


def test_ended_objectives_are_not_in_force(get: Any) -> None:
    versions.sync(timezone.now())
    Sla.objects.filter(code="simple_queries").update(enabled=False)
    versions.sync(timezone.now() + timedelta(minutes=5))
    found = {one["base"] for one in follow(get, OBJECTIVES, in_force="false")}
    assert found == {LATENCY, AVAILABLE, "sla:simple_queries:satisfaction"}


def test_objectives_are_paged_without_gaps_or_repeats(get: Any) -> None:
    versions.sync(timezone.now())
    found = [one["id"] for one in follow(get, OBJECTIVES, page_size=3)]
    assert sorted(found) == sorted(Slo.objects.values_list("pk", flat=True))


def test_a_clients_own_objective_is_hidden_from_others(
    get: Any, acme: Client, globex: Client
) -> None:
    versions.sync(timezone.now())
    slo = own_objective(acme, 99.0)
    assert slo.pk in {one["id"] for one in follow(get, OBJECTIVES, of=acme)}
    assert slo.pk not in {one["id"] for one in follow(get, OBJECTIVES, of=globex)}
    get(f"{OBJECTIVES}{slo.pk}/series/", of=globex, code=404)
    assert not follow(get, COMPLIANCE, of=globex, objective=slo.pk)


@pytest.mark.usefixtures("counted")
def test_compliance_says_what_was_attained(get: Any, acme: Client) -> None:
    (one,) = get(COMPLIANCE, client="acme", base=LATENCY, period="1h")["results"]
    assert (one["client"], one["objective"], one["kind"]) == ("acme", LATENCY, "latency")
    assert (one["good"], one["total"], one["attained"], one["promised"]) == (8, 10, 80.0, 95.0)
    assert one["status"] == "breach"
    assert one["burn"] == pytest.approx(4.0)
    assert one["budget_left"] == pytest.approx(-3.0)
    found = follow(get, COMPLIANCE, of=acme)
    assert {one["client"] for one in found} == {"acme"}
    assert {LATENCY, AVAILABLE} <= {one["objective"] for one in found}


@pytest.mark.usefixtures("counted")
def test_two_clients_may_get_two_verdicts_on_the_same_traffic(
    get: Any, acme: Client, globex: Client, make_rows: Any
) -> None:
    own_objective(acme, 75.0)
    make_rows(globex, [5000.0] * 2, timestamp=timezone.now() - timedelta(minutes=1))
    make_rows(acme, [100.0], timestamp=timezone.now() - timedelta(minutes=1))
    count()
    slis.count_again(timezone.now() - timedelta(hours=1), [""])
    slis.count_all()
    found = follow(get, COMPLIANCE, base=LATENCY, period="1h")
    by_client = {one["client"]: one["status"] for one in found if one["total"]}
    assert by_client["globex"] == "breach"
    assert by_client["acme"] != "breach"


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("period", ["5m", "90m", "6h", "30d", "month", "week", "quarter"])
def test_compliance_over_any_period_holds_what_was_just_counted(get: Any, period: str) -> None:
    (one,) = get(COMPLIANCE, client="acme", base=LATENCY, period=period)["results"]
    assert one["total"] in {0, 10} if period in {"month", "week", "quarter"} else 10
    assert one["start"] < one["end"]


def test_a_month_begins_at_midnight_in_the_clients_zone(get: Any, counted: datetime) -> None:
    Client.objects.filter(code="acme").update(time_zone="America/New_York")
    (one,) = get(COMPLIANCE, client="acme", base=LATENCY, period="2026-03")["results"]
    start = datetime.fromisoformat(one["start"]).astimezone(UTC)
    end = datetime.fromisoformat(one["end"]).astimezone(UTC)
    assert start == datetime(2026, 3, 1, 5, tzinfo=UTC)
    assert end == datetime(2026, 4, 1, 4, tzinfo=UTC)
    assert counted is not None


@pytest.mark.usefixtures("counted")
def test_compliance_is_paged_without_gaps_or_repeats(get: Any) -> None:
    whole = follow(get, COMPLIANCE)
    paged = follow(get, COMPLIANCE, page_size=1)
    assert len(whole) > 3
    assert [(one["client"], one["objective_id"]) for one in paged] == [
        (one["client"], one["objective_id"]) for one in whole
    ]


@pytest.mark.usefixtures("counted")
def test_compliance_can_be_filtered_by_status_and_kind(get: Any) -> None:
    for one in follow(get, COMPLIANCE, status="breach", kind="latency"):
        assert (one["status"], one["kind"]) == ("breach", "latency")
    assert follow(get, COMPLIANCE, status="breach", kind="latency")


@pytest.mark.parametrize(
    ("url", "asked", "field"),
    [
        (COMPLIANCE, {"period": "4m"}, "period"),
        (COMPLIANCE, {"period": "31d"}, "period"),
        (COMPLIANCE, {"period": "2026-13"}, "period"),
        (COMPLIANCE, {"period": "soon"}, "period"),
        (COMPLIANCE, {"objective": "x"}, "objective"),
        (COMPLIANCE, {"metric": "x"}, "metric"),
        (COMPLIANCE, {"status": "fine"}, "status"),
        (OBJECTIVES, {"kind": "x"}, "kind"),
        (OBJECTIVES, {"name": "x"}, "name"),
    ],
)
def test_a_wrong_parameter_is_named(get: Any, url: str, asked: dict[str, str], field: str) -> None:
    error = get(url, code=400, **asked)["error"]
    assert error["field"] == field
    assert error["problem"]
    assert error["fix"]


@pytest.mark.parametrize("cursor", ["x", "LTEgMQ==", "MSA5OTk5OTk5OTk5OTk5OTk5OTk5OQ=="])
def test_a_cursor_that_was_never_given_is_refused(get: Any, cursor: str) -> None:
    error = get(COMPLIANCE, code=404, cursor=cursor)["error"]
    assert error["problem"] == "Invalid cursor"


@pytest.mark.parametrize(("step", "table"), [("1m", "minute"), ("1h", "hour"), ("1d", "hour")])
def test_a_series_has_good_and_total_by_step(
    get: Any, counted: datetime, step: str, table: str
) -> None:
    slo = Slo.objects.get(base=LATENCY, client=None)
    found = get(f"{OBJECTIVES}{slo.pk}/series/", client="acme", step=step)
    assert found["objective"] == LATENCY
    (one,) = found["results"]
    assert (one["good"], one["total"], one["attained"]) == (8, 10, 80.0)
    start = datetime.fromisoformat(one["start"])
    assert start <= counted < start + timedelta(seconds=found["step_seconds"])
    assert table in {"minute", "hour"}


@pytest.mark.usefixtures("counted")
def test_a_series_of_all_clients_is_their_sum(get: Any, acme: Client) -> None:
    slo = Slo.objects.get(base=LATENCY, client=None)
    url = f"{OBJECTIVES}{slo.pk}/series/"
    assert sum(one["total"] for one in follow(get, url)) == 20
    assert sum(one["total"] for one in follow(get, url, of=acme)) == 10
    assert follow(get, url, of=acme, client="globex") == []


def test_a_series_is_paged(get: Any, counted: datetime, acme: Client, make_rows: Any) -> None:
    for back in range(3, 10):
        make_rows(acme, [1.0], timestamp=counted - timedelta(minutes=back))
    count()
    slo = Slo.objects.get(base=LATENCY, client=None)
    url = f"{OBJECTIVES}{slo.pk}/series/"
    # The cursor goes with the span that it was given for.
    span = {
        "since": (counted - timedelta(hours=1)).isoformat(),
        "until": (counted + timedelta(minutes=1)).isoformat(),
    }
    whole = follow(get, url, step="1m", client="acme", **span)
    assert len(whole) == 8
    assert follow(get, url, step="1m", client="acme", page_size=3, **span) == whole


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"step": "90s"}, "step"),
        ({"step": "1m", "since": "2026-01-01T00:00:00Z"}, "step"),
        ({"since": "2099-01-01T00:00:00Z"}, "since"),
        ({"group": "x"}, "group"),
    ],
)
def test_a_wrong_parameter_of_a_series_is_named(
    get: Any, asked: dict[str, str], field: str
) -> None:
    versions.sync(timezone.now())
    slo = Slo.objects.get(base=LATENCY, client=None)
    error = get(f"{OBJECTIVES}{slo.pk}/series/", code=400, **asked)["error"]
    assert error["field"] == field


def test_there_is_no_series_of_no_objective(get: Any) -> None:
    get(f"{OBJECTIVES}999999/series/", code=404)


@pytest.mark.parametrize("url", [OBJECTIVES, COMPLIANCE, f"{OBJECTIVES}1/series/"])
def test_a_key_that_may_only_send_reads_nothing(url: str) -> None:
    text = keys.issue("sender", [ApiKey.Scope.INGEST])[1]
    assert Browser().get(url, headers={"X-API-Key": text}).status_code == 403
    assert Browser().get(url).status_code == 401


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    text = StringIO()
    call_command("spectacular", "--fail-on-warn", "--format", "openapi-json", stdout=text)
    return dict(json.loads(text.getvalue()))


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("path", [OBJECTIVES, COMPLIANCE, OBJECTIVES + "{objective_id}/series/"])
def test_answers_and_errors_are_as_described(
    get: Any, described: dict[str, Any], path: str
) -> None:
    url = path.format(objective_id=Slo.objects.get(base=LATENCY, client=None).pk)
    answers = {"200": get(url), "400": get(url, code=400, unknown="x")}
    answers["404"] = get(url, code=404, cursor="x")
    for code, answer in answers.items():
        response = described["paths"][path]["get"]["responses"][code]
        if "$ref" in response:
            response = described["components"]["responses"][response["$ref"].rsplit("/", 1)[-1]]
        schema = response["content"]["application/json"]["schema"]
        whole = {**schema, "components": described["components"]}
        jsonschema.Draft202012Validator(whole).validate(answer)
