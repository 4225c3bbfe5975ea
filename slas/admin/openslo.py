"""The page of OpenSLO: download the promises, and import them after a look at what changes."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods
from unfold.widgets import UnfoldAdminFileFieldWidget

from accounts import visibility
from accounts.models import User
from slas.models import BurnRule, Contract, ModelTarget, ResourceLimit, Sla
from slas.openslo import export, importing
from slas.openslo.export import CONTRACT
from slas.openslo.importing import Action, Plan, Step
from slas.openslo.text import MAX_BYTES
from slas.openslo.vocabulary import Problem, Refused

NAMES = [model._meta.model_name for model in (Sla, ModelTarget, ResourceLimit, BurnRule)]  # noqa: SLF001
FILE = "promises.yaml"
MOST = 100
LEVELS = {Action.CREATE: "low", Action.CHANGE: "medium", Action.KEEP: "none"}


class OpenSloForm(forms.Form):
    """A text or a file, and for the import the reason and the plan that was seen."""

    file = forms.FileField(required=False, label="File", widget=UnfoldAdminFileFieldWidget)
    text = forms.CharField(
        required=False,
        label="or YAML",
        strip=False,
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false"}),
    )
    reason = forms.CharField(
        required=False,
        max_length=500,
        label="Reason",
        help_text="Kept with the new versions of the objectives.",
    )
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("text", "reason"):
            self.fields[name].widget.attrs["class"] = "aio-input"

    def clean(self) -> dict[str, Any]:
        """One text, from the file where there is one."""
        cleaned = super().clean() or {}
        if cleaned.get("file"):
            cleaned["text"] = self._read(cleaned["file"])
        if not cleaned.get("text", "").strip() and not self.errors:
            self.add_error("file", "Choose a file, or paste its text below.")
        return cleaned

    def _read(self, file: UploadedFile) -> str:
        if file.size is None or file.size > MAX_BYTES:
            self.add_error("file", f"It is larger than {MAX_BYTES} bytes: split it.")
            return ""
        try:
            return file.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self.add_error("file", f"This is no UTF-8, at byte {error.start}.")
            return ""


def urls() -> list[URLPattern]:
    """The page's addresses: below none of the models, of which it shows three."""
    return [
        path("", admin.site.admin_view(page), name="openslo"),
        path(FILE, admin.site.admin_view(download), name="openslo_download"),
    ]


@require_GET
def download(request: HttpRequest) -> HttpResponse:
    """Every promise as a file; of contracts those that the person may see."""
    if not _may_look(request):
        raise PermissionDenied
    headers = {"Content-Disposition": f'attachment; filename="{FILE}"'}
    contracts = Contract.objects.none()
    if request.user.has_perm("slas.view_contract"):
        contracts = visibility.limit(Contract.objects.all(), request.user)
    return HttpResponse(export.export(contracts), content_type="application/yaml", headers=headers)


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """The page; by POST what an import would do, or the import itself."""
    if not _may_look(request):
        raise PermissionDenied
    if request.method == "GET":
        return _show(request, OpenSloForm())
    if not may_import(request):
        raise PermissionDenied
    form = OpenSloForm(request.POST, request.FILES)
    if not form.is_valid():
        return _show(request, form)
    text = form.cleaned_data["text"]
    if "apply" in request.POST:
        return _apply(request, form, text)
    return _preview(request, text, form.cleaned_data["reason"])


def may_import(request: HttpRequest) -> bool:
    """As for editing promises of every kind: they hold for every client."""
    rights = [
        f"slas.{action}_{name}" for action in ("add", "change") for name in (*NAMES, CONTRACT)
    ]
    return request.user.has_perms(rights) and visibility.sees_all(request.user)


def _may_look(request: HttpRequest) -> bool:
    return request.user.has_perms([f"slas.view_{name}" for name in NAMES])


def _preview(request: HttpRequest, text: str, reason: str, note: str = "") -> HttpResponse:
    try:
        planned = importing.plan(text)
    except Refused as refused:
        form = OpenSloForm(initial={"text": text, "reason": reason})
        return _show(request, form, problems=refused.problems)
    initial = {"text": text, "reason": reason, "seen": planned.digest}
    return _show(request, OpenSloForm(initial=initial), planned=planned, note=note)


def _apply(request: HttpRequest, form: OpenSloForm, text: str) -> HttpResponse:
    reason = form.cleaned_data["reason"].strip()
    if not reason:
        return _preview(request, text, "", "Say why: the reason is kept with the new versions.")
    by = request.user if isinstance(request.user, User) else None
    seen = form.cleaned_data["seen"] or "-"
    try:
        planned = importing.apply(text, timezone.now(), by=by, reason=reason, seen=seen)
    except (Refused, importing.Stale):
        note = "The promises or the text changed after the preview. This is what would happen now."
        return _preview(request, text, reason, note)
    _log(request, planned, reason)
    messages.success(request, f"Imported: {importing.summary(planned)}.")
    return redirect("openslo")


def _log(request: HttpRequest, planned: Plan, reason: str) -> None:
    by = request.user.pk or 0
    for flag, action in ((ADDITION, Action.CREATE), (CHANGE, Action.CHANGE)):
        done = [step.promise for step in planned.steps if step.action == action]
        for one in done:
            message = f"Imported from OpenSLO: {reason}"
            LogEntry.objects.log_actions(by, [one], flag, message)


def _show(
    request: HttpRequest,
    form: OpenSloForm,
    planned: Plan | None = None,
    problems: list[Problem] | None = None,
    note: str = "",
) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": "OpenSLO",
        "form": form,
        "may_import": may_import(request),
        "planned": planned and [_row(one) for one in planned.steps if one.action != Action.KEEP],
        "summary": planned and importing.summary(planned),
        "changes": planned.changes if planned else 0,
        "unmapped": planned.unmapped if planned else (),
        "problems": (problems or [])[:MOST],
        "more": len(problems or []) - MOST,
        "note": note,
    }
    status = 400 if problems or form.errors else 200
    return TemplateResponse(request, "admin/slas/openslo.html", context, status=status)


def _row(step: Step) -> dict[str, Any]:
    fields = step.promise._meta  # noqa: SLF001
    changed = step.differences if step.action == Action.CHANGE else ()
    return {
        "kind": step.kind[:1].upper() + step.kind[1:],
        "name": str(step.promise),
        "action": step.action.value.capitalize(),
        "level": LEVELS[step.action],
        "line": step.line,
        "changes": [
            {
                "what": str(
                    getattr(fields.get_field(one.field), "verbose_name", one.field)
                ).capitalize(),
                "old": _shown(one.old),
                "new": _shown(one.new),
            }
            for one in changed
        ],
    }


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.15g}"
    return "none" if value is None or value == "" else str(value)
