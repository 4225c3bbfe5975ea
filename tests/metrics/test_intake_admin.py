"""The admin of what came in: the health page, keys with their figures, reporting services."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Client
from metrics.admin import bars
from metrics.admin.intake_page import rate
from metrics.intake_health import Amount
from metrics.models import Emitter, IdempotencyKey, IntakeMinute, IntakeRejection

pytestmark = pytest.mark.django_db
HEALTH = "/admin/metrics/intakeminute/health/"
SERVICES = "/admin/metrics/emitter/"


@pytest.fixture
def signed_in(make_user: Any) -> Callable[..., Browser]:
    """A browser in which a person of the role is signed in."""

    def sign_in(role: str | None = None, **fields: Any) -> Browser:
        browser = Browser()
        browser.force_login(make_user(role, **fields))
        return browser

    return sign_in


def came(key: ApiKey | None, stored: int = 1, rejected: int = 0, face: str = "rest") -> None:
    IntakeMinute.objects.create(
        minute=timezone.now().replace(second=0, microsecond=0),
        api_key=key,
        face=face,
        requests=1,
        stored=stored,
        rejected=rejected,
        lag_max_seconds=1.5,
    )


def refused(key: ApiKey | None, reason: str, count: int = 1, face: str = "rest") -> None:
    now = timezone.now()
    IntakeRejection.objects.create(
        day=now.date(),
        api_key=key,
        face=face,
        reason=reason,
        count=count,
        last_at=now,
        example=f"<b>{reason}</b> example",
    )


def service(client: Client, name: str, hours_ago: float = 0, **more: Any) -> Emitter:
    seen = timezone.now() - timedelta(hours=hours_ago)
    return Emitter.objects.create(
        client=client, component="cognitive_core", service_name=name, last_seen_at=seen, **more
    )


def page(browser: Browser, path: str = HEALTH, **query: Any) -> str:
    answer = browser.get(path, query)
    assert answer.status_code == 200
    text: str = answer.content.decode()
    return text


# --- Health ----------------------------------------------------------------------


def test_before_the_first_row_it_says_how_to_send_one(signed_in: Any) -> None:
    text = page(signed_in("Viewer"))
    assert "Nothing came in yet" in text
    assert "curl" in text
    assert "/api/v1/metrics/" in text
    assert "/admin/accounts/apikey/add/" not in text
    assert "/admin/accounts/apikey/add/" in page(signed_in("Administrator"))


def test_services_that_went_quiet_long_ago_are_shown_though_nothing_came_in(
    signed_in: Any, acme: Client
) -> None:
    service(acme, "old-assistant", hours_ago=24 * 30)
    text = page(signed_in("Viewer"))
    assert "Nothing came in for weeks" in text
    assert "old-assistant" in text


def test_it_shows_refusals_with_an_example_and_silent_services(
    signed_in: Any, acme: Client
) -> None:
    key, _ = keys.issue("assistant", ["ingest"], client=acme)
    came(key, 1200, 34)
    refused(key, "metric_value", 34)
    refused(None, "401 Authorization")
    refused(key, "429 (request)", 56)
    service(acme, "billing-bot", hours_ago=3)
    service(acme, "quiet-on-purpose", hours_ago=3, muted=True)
    text = page(signed_in("Viewer"))
    for shown in ("1,200 stored, 34 refused", "no known key", "requests of 1 key", "billing-bot"):
        assert shown in text, shown
    assert "&lt;b&gt;metric_value&lt;/b&gt; example" in text
    assert "quiet-on-purpose" not in text


def test_it_is_narrowed_to_a_key_and_a_face(signed_in: Any, acme: Client) -> None:
    key, _ = keys.issue("assistant", ["ingest"], client=acme)
    came(key, 11)
    came(None, 700)
    refused(key, "of-the-key")
    refused(None, "of-nobody")
    browser = signed_in("Viewer")
    text = page(browser, key=key.pk)
    assert "11 stored, 0 refused" in text
    assert "of-key" not in text.replace("of-the-key", "")
    assert "of-nobody" not in text
    assert "of-nobody" in page(browser, face="rest", days=7)


@pytest.mark.parametrize("query", [{"key": "999"}, {"face": "fax"}, {"days": "5"}, {"key": "x"}])
def test_a_choice_that_does_not_exist_is_named(signed_in: Any, query: dict[str, str]) -> None:
    came(None, 700)
    text = page(signed_in("Viewer"), **query)
    assert "All are shown." in text
    assert "700 stored" in text


def test_who_sees_some_clients_sees_their_figures_alone(
    signed_in: Any, acme: Client, globex: Client
) -> None:
    hidden, _ = keys.issue("globex-key", ["ingest"], client=globex)
    came(hidden, 4321)
    refused(hidden, "globex-reason")
    service(globex, "globex-bot", hours_ago=3)
    text = page(signed_in("Administrator", clients=[acme]))
    for secret in ("4,321", "globex"):
        assert secret not in text
    assert "Nothing came in yet" in text
    narrowed = page(signed_in("Administrator", clients=[acme]), key=hidden.pk)
    assert "All are shown." in narrowed
    assert "4,321" not in narrowed


def test_who_may_not_see_minutes_does_not_see_the_page(signed_in: Any) -> None:
    assert signed_in().get(HEALTH).status_code == 403
    assert Browser().get(HEALTH).status_code == 302


def test_it_takes_a_bounded_number_of_queries(
    signed_in: Any, acme: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        key, _ = keys.issue(f"key {number}", ["ingest"], client=acme)
        came(key)
        refused(key, "unit")
        service(acme, f"service {number}", hours_ago=1)
    browser = signed_in("Viewer")
    with django_assert_max_num_queries(16):
        text = page(browser)
    assert "All 30 silent services" in text


@pytest.mark.parametrize(
    ("count", "seconds", "text"),
    [(0, 60, "0"), (1, 3600, "<\u00a00.01"), (90, 60, "1.5"), (120_000, 60, "2,000"), (1, 0, "0")],
)
def test_a_small_rate_is_not_rounded_to_nothing(count: int, seconds: float, text: str) -> None:
    assert rate(count, Amount(0, 0, 0, seconds)) == text


def test_bars_show_a_single_refusal_among_many_rows() -> None:
    chart = bars.draw([(0, 0), (100_000, 1), (0, 7)], ["a", "b", "c"])
    empty, full, few = chart.bars
    assert (empty.stored, empty.rejected) == (0, 0)
    assert (full.rejected, full.stored + full.rejected, full.rejected_y) == (2, 100, 0)
    assert (few.stored, few.rejected, few.rejected_y) == (0, 2, 98)
    assert bars.draw([(0, 0)], ["a"]).top == 0


# --- Keys ------------------------------------------------------------------------


def test_the_list_of_keys_shows_rows_and_refusals(
    signed_in: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        key, _ = keys.issue(f"key {number}", ["ingest"])
        came(key, 4567, 89)
    browser = signed_in("Administrator")
    with django_assert_max_num_queries(12):
        text = page(browser, "/admin/accounts/apikey/")
    assert text.count('4,567 <span class="aio-bad aio-nowrap">89 refused</span>') == 24


def test_a_keys_page_shows_its_days_and_reasons(signed_in: Any) -> None:
    key, _ = keys.issue("assistant", ["ingest"])
    other, _ = keys.issue("other", ["ingest"])
    came(key, 4567, 89)
    refused(key, "metric_value")
    refused(other, "not-mine")
    browser = signed_in("Administrator")
    text = page(browser, f"/admin/accounts/apikey/{key.pk}/change/")
    for shown in ("4,567 rows stored, 89 refused", "metric_value", "example"):
        assert shown in text
    assert "not-mine" not in text
    unused, _ = keys.issue("unused", ["ingest"])
    assert "Nothing came in with this key." in page(
        browser, f"/admin/accounts/apikey/{unused.pk}/change/"
    )


# --- Services --------------------------------------------------------------------


def test_services_are_listed_by_their_state(signed_in: Any, acme: Client) -> None:
    service(acme, "talks")
    service(acme, "quiet-bot", hours_ago=1)
    service(acme, "expected", hours_ago=1, muted=True)
    browser = signed_in("Viewer")
    for state, name in (("silent", "quiet-bot"), ("reporting", "talks"), ("muted", "expected")):
        text = page(browser, SERVICES, state=state)
        others = {"quiet-bot", "talks", "expected"} - {name}
        assert name in text
        assert not any(other in text for other in others)


def test_services_are_muted_by_an_action_and_by_post_alone(signed_in: Any, acme: Client) -> None:
    one, other = service(acme, "one"), service(acme, "other")
    browser = signed_in("SLA manager")
    form = {"action": "mute", "_selected_action": [one.pk]}
    browser.get(SERVICES, form)
    assert not Emitter.objects.filter(muted=True).exists()
    browser.post(SERVICES, form)
    assert [*Emitter.objects.filter(muted=True)] == [one]
    browser.post(SERVICES, {"action": "unmute", "_selected_action": [one.pk, other.pk]})
    assert not Emitter.objects.filter(muted=True).exists()


def test_a_viewer_mutes_nothing(signed_in: Any, acme: Client) -> None:
    one = service(acme, "one")
    browser = signed_in("Viewer")
    browser.post(SERVICES, {"action": "mute", "_selected_action": [one.pk]})
    assert browser.post(f"{SERVICES}{one.pk}/change/", {"muted": "on"}).status_code == 403
    one.refresh_from_db()
    assert not one.muted


def test_who_sees_some_clients_mutes_no_others(
    signed_in: Any, acme: Client, globex: Client
) -> None:
    hidden = service(globex, "hidden-bot")
    browser = signed_in("Administrator", clients=[acme])
    assert "hidden-bot" not in page(browser, SERVICES)
    browser.post(SERVICES, {"action": "mute", "_selected_action": [hidden.pk]})
    hidden.refresh_from_db()
    assert not hidden.muted


@pytest.mark.parametrize(
    ("sent", "kept"), [("", None), ("60", 60), ("59", 300), ("0", 300), ("-1", 300), ("x", 300)]
)
def test_the_time_after_which_it_is_silent_is_a_minute_at_least(
    signed_in: Any, acme: Client, sent: str, kept: int | None
) -> None:
    one = service(acme, "one", silent_after_seconds=300)
    form = {"silent_after_seconds": sent, "muted": "on"}
    signed_in("SLA manager").post(f"{SERVICES}{one.pk}/change/", form)
    one.refresh_from_db()
    assert (one.silent_after_seconds, one.muted) == (kept, kept != 300)


def test_editing_a_service_leaves_what_it_reports_alone(signed_in: Any, acme: Client) -> None:
    one = service(acme, "one", hours_ago=5)
    seen = one.last_seen_at
    form = {"muted": "on", "last_seen_at": "2020-01-01", "service_name": "another"}
    signed_in("SLA manager").post(f"{SERVICES}{one.pk}/change/", form)
    one.refresh_from_db()
    assert (one.muted, one.last_seen_at, one.service_name) == (True, seen, "one")


# --- What is only looked at --------------------------------------------------------


def test_a_remembered_request_is_shown_without_its_answer(signed_in: Any) -> None:
    key, _ = keys.issue("assistant", ["ingest"])
    one = IdempotencyKey.objects.create(
        api_key=key, face="rest", key="order-77", body_hash=b"x", status=201, answer=b"stored: 5"
    )
    browser = signed_in("Administrator")
    assert "order-77" in page(browser, "/admin/metrics/idempotencykey/")
    text = page(browser, f"/admin/metrics/idempotencykey/{one.pk}/change/")
    assert "order-77" in text
    assert "stored: 5" not in text
    assert signed_in("Viewer").get("/admin/metrics/idempotencykey/").status_code == 403


@pytest.mark.parametrize("model", ["intakeminute", "intakerejection", "idempotencykey"])
def test_nobody_edits_what_was_counted(signed_in: Any, model: str) -> None:
    browser = signed_in(is_superuser=True)
    assert browser.get(f"/admin/metrics/{model}/add/").status_code == 403


@pytest.mark.parametrize("model", ["intakeminute", "intakerejection", "idempotencykey", "emitter"])
def test_a_long_list_takes_a_bounded_number_of_queries(
    signed_in: Any, acme: Client, model: str, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        key, _ = keys.issue(f"key {number}", ["ingest"], client=acme)
        came(key)
        refused(key, "unit")
        service(acme, f"service {number}")
        IdempotencyKey.objects.create(
            api_key=key, face="rest", key="again", body_hash=b"x", status=201, answer=b"{}"
        )
    browser = signed_in("Administrator")
    with django_assert_max_num_queries(12):
        text = page(browser, f"/admin/metrics/{model}/")
    assert "key 19" in text or "service 19" in text


def test_counts_are_listed_by_key(signed_in: Any, acme: Client, globex: Client) -> None:
    mine, _ = keys.issue("acme-key", ["ingest"], client=acme)
    hidden, _ = keys.issue("globex-key", ["ingest"], client=globex)
    for key in (mine, hidden, None):
        came(key)
        refused(key, "unit")
    limited, unlimited = signed_in("Viewer", clients=[acme]), signed_in("Viewer")
    for model in ("intakeminute", "intakerejection"):
        text = page(limited, f"/admin/metrics/{model}/")
        assert "acme-key" in text
        assert "globex-key" not in text
        assert "No known key" not in text
        assert "No known key" in page(unlimited, f"/admin/metrics/{model}/", face="rest")
