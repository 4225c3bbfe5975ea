"""OpenSLO's page: download, a preview that changes nothing, the import, and who may do it."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser

from accounts.models import Client
from slas.models import Sla, SloVersion
from slas.openslo import export

pytestmark = pytest.mark.django_db
PAGE = "/admin/openslo/"


@pytest.fixture
def manager(make_user: Any) -> Browser:
    """Signed in as who may change promises."""
    browser = Browser()
    browser.force_login(make_user("SLA manager"))
    return browser


def changed_text() -> str:
    return export.export().replace("targetPercent: 99.5", "targetPercent: 99.6")


def availability() -> float:
    return Sla.objects.get(code="simple_queries").availability


def test_the_promises_can_be_downloaded(manager: Browser) -> None:
    answer = manager.get(f"{PAGE}promises.yaml")
    assert answer.content.decode() == export.export()
    assert "promises.yaml" in answer["Content-Disposition"]


def test_a_preview_shows_what_would_change_and_changes_nothing(manager: Browser) -> None:
    file = SimpleUploadedFile("p.yaml", changed_text().encode())
    answer = manager.post(PAGE, {"file": file, "preview": "1"})
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "1 changed" in text
    assert "99.5" in text
    assert "99.6" in text
    assert availability() == 99.5


def test_it_imports_what_was_seen_with_the_reason(manager: Browser) -> None:
    preview = manager.post(PAGE, {"text": changed_text(), "preview": "1"})
    form = preview.context["form"]
    data = {name: form.initial[name] for name in ("text", "seen")}
    answer = manager.post(PAGE, {**data, "reason": "New contract.", "apply": "1"}, follow=True)
    assert "0 new, 1 changed" in answer.content.decode()
    assert availability() == 99.6
    version = SloVersion.objects.get(slo__base="sla:simple_queries:availability", valid_until=None)
    assert version.reason == "New contract."
    assert version.changed_by is not None
    assert "New contract." in LogEntry.objects.get().change_message


@pytest.mark.parametrize(
    ("reason", "seen", "words"),
    [("", None, "Say why"), ("Because.", "0" * 64, "after the preview"), ("Because.", "", "after")],
)
def test_without_a_reason_or_a_preview_nothing_is_imported(
    manager: Browser, reason: str, seen: str | None, words: str
) -> None:
    if seen is None:
        preview = manager.post(PAGE, {"text": changed_text(), "preview": "1"})
        seen = preview.context["form"].initial["seen"]
    data = {"text": changed_text(), "reason": reason, "seen": seen, "apply": "1"}
    answer = manager.post(PAGE, data)
    assert words in answer.content.decode()
    assert availability() == 99.5


def test_problems_are_shown_with_line_and_field(manager: Browser) -> None:
    bad = export.export().replace("targetPercent: 99.5", "targetPercent: 995")
    answer = manager.post(PAGE, {"text": bad, "preview": "1"})
    assert answer.status_code == 400
    line = bad[: bad.index("995")].count("\n") + 1
    assert f"Line {line}" in answer.content.decode()
    assert "spec.objectives[0].targetPercent" in answer.content.decode()


@pytest.mark.parametrize("file", [b"\xff\xfe\x00", b"x" * (1024 * 1024 + 1)])
def test_a_file_that_can_not_be_read_is_refused(manager: Browser, file: bytes) -> None:
    upload = SimpleUploadedFile("p.yaml", file)
    answer = manager.post(PAGE, {"file": upload, "preview": "1"})
    assert answer.status_code == 400
    assert answer.context["form"].errors["file"]


def test_what_is_left_out_is_named(manager: Browser) -> None:
    source = (
        "\n---\napiVersion: openslo/v1\nkind: DataSource\nmetadata: {name: prom}\nspec: {type: p}\n"
    )
    answer = manager.post(PAGE, {"text": export.export() + source, "preview": "1"})
    assert "Left out" in answer.content.decode()


def test_who_may_only_look_can_not_import(make_user: Any) -> None:
    browser = Browser()
    browser.force_login(make_user("Viewer"))
    assert browser.get(PAGE).status_code == 200
    assert "<textarea" not in browser.get(PAGE).content.decode()
    assert browser.post(PAGE, {"text": changed_text(), "preview": "1"}).status_code == 403


def test_who_sees_some_clients_only_can_not_import(make_user: Any, acme: Client) -> None:
    browser = Browser()
    browser.force_login(make_user("SLA manager", clients=[acme]))
    assert browser.post(PAGE, {"text": changed_text(), "preview": "1"}).status_code == 403


def test_a_stranger_is_sent_to_sign_in() -> None:
    assert Browser().get(PAGE).status_code == 302
    assert Browser().get(f"{PAGE}promises.yaml").status_code == 302


def test_a_get_changes_nothing(manager: Browser) -> None:
    manager.get(PAGE, {"text": changed_text(), "apply": "1", "reason": "x"})
    assert availability() == 99.5
