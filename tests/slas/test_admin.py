"""The promises' forms: what could never alert can't be chosen."""

from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.test import Client as Browser

from accounts.models import Client, User
from slas.models import ResourceLimit, Sla

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(make_user: Any) -> Browser:
    """A browser in which an SLA manager is signed in."""
    browser = Browser()
    person: User = make_user("SLA manager")
    browser.force_login(person)
    return browser


def form_of(promise: Any, **changes: Any) -> dict[str, Any]:
    """The promise's form as the page would send it back, with changes."""
    fields = {f.name: getattr(promise, f.name) for f in promise._meta.fields if f.name != "id"}
    fields = {name: value for name, value in fields.items() if value not in (None, False)}
    if "examples" in fields:
        fields["examples"] = "[]"
    return {**fields, **changes}


def test_an_sla_manager_edits_a_target(manager: Browser) -> None:
    sla = Sla.objects.get(code="simple_queries")
    url = f"/admin/slas/sla/{sla.pk}/change/"
    answer = manager.post(url, form_of(sla, target_response_time="2500", reason="Faster."))
    assert answer.status_code == 302, answer.context["errors"]
    sla.refresh_from_db()
    assert (sla.target_response_time, sla.metric_name) == (
        2500,
        "conversational_query_response_time",
    )


@pytest.mark.parametrize("field", ["component", "metric_name"])
def test_a_name_that_does_not_exist_is_refused(manager: Browser, field: str) -> None:
    sla = Sla.objects.get(code="simple_queries")
    url = f"/admin/slas/sla/{sla.pk}/change/"
    answer = manager.post(url, form_of(sla, **{field: "misspelt"}))
    assert field in answer.context["adminform"].form.errors


def test_a_limit_in_another_unit_than_its_metric_is_refused() -> None:
    limit = ResourceLimit.objects.get(component="cognitive_core", name="max_memory_usage")
    limit.metric_name = "cpu_usage"
    with pytest.raises(ValidationError, match="cpu_usage is measured in percent"):
        limit.full_clean()


def test_an_sla_on_a_metric_that_is_no_time_is_refused() -> None:
    sla = Sla.objects.get(code="simple_queries")
    sla.metric_name = "queue_size"
    with pytest.raises(ValidationError, match="measured in count"):
        sla.full_clean()


@pytest.mark.parametrize("path", ["slas/sla", "slas/modeltarget", "slas/resourcelimit"])
def test_who_sees_some_clients_reads_promises_but_changes_none(
    make_user: Any, acme: Client, path: str
) -> None:
    browser = Browser()
    browser.force_login(make_user("SLA manager", clients=[acme]))
    promise = apps.get_model(path.replace("/", ".")).objects.first()
    assert browser.get(f"/admin/{path}/{promise.pk}/change/").status_code == 200
    assert browser.post(f"/admin/{path}/{promise.pk}/change/", {}).status_code == 403
    assert browser.get(f"/admin/{path}/add/").status_code == 403
    assert browser.post(f"/admin/{path}/{promise.pk}/delete/").status_code == 403
