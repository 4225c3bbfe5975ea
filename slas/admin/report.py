"""The page of compliance reports: choose a client and a period; read, print or download."""

from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts import visibility
from accounts.models import Client
from slas import periods, report, report_files
from slas.admin import report_page
from slas.periods import Period
from slas.report import Report

PERMISSION = "slas.view_slo"
BACK = {"month": 12, "week": 8, "quarter": 4}
_KIND_LABELS = {"month": "Months", "week": "Weeks", "quarter": "Quarters"}
_FILES = {
    "json": (report_files.as_json, "application/json"),
    "csv": (report_files.as_csv, "text/csv; charset=utf-8"),
}


class Choice(forms.Form):
    """Whose report, and over what: a calendar period, or days from–to."""

    client = forms.ModelChoiceField(Client.objects.none(), empty_label=None)
    period = forms.CharField(required=False, max_length=20, widget=forms.Select)
    first = forms.DateField(
        required=False, label="From", widget=forms.DateInput(attrs={"type": "date"})
    )
    last = forms.DateField(
        required=False, label="To", widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, request: HttpRequest) -> None:
        last_month = periods.previous(periods.month(timezone.now(), "UTC")).name
        asked = request.GET if "client" in request.GET else None
        super().__init__(asked, initial={"period": last_month})
        clients = visibility.visible_clients(request.user).order_by("name")
        self.fields["client"].queryset = clients  # type: ignore[attr-defined]
        name = request.GET.get("period", "")
        self.fields["period"].widget.choices = _offered(timezone.now(), name)
        for field in self.fields.values():
            field.widget.attrs["class"] = "aio-input"

    def clean(self) -> dict[str, Any]:
        """With ``span``, the period in the client's zone."""
        data = super().clean() or self.cleaned_data
        client = data.get("client")
        if client is None or self.errors:
            return data
        try:
            data["span"] = _span(client, data["period"], data["first"], data["last"])
        except ValueError as error:
            self.add_error("first" if data["first"] or data["last"] else "period", str(error))
        return data


def view(request: HttpRequest) -> HttpResponse:
    """The page, or with ``format`` the file, for who may see objectives; a client's by GET."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    form = Choice(request)
    found = None
    if form.is_valid():
        found = report.of(form.cleaned_data["client"], form.cleaned_data["span"])
        if request.GET.get("format") in _FILES:
            return _file(found, request.GET["format"])
    context = {
        **admin.site.each_context(request),
        "title": "Compliance report",
        "form": form,
        "report": found and report_page.of(found),
        "is_over": found is None or form.cleaned_data["span"].end <= timezone.now(),
        "links": {name: _link(request, name) for name in _FILES},
    }
    return TemplateResponse(request, "admin/slas/report.html", context)


def _file(found: Report, extension: str) -> HttpResponse:
    write, content_type = _FILES[extension]
    name = report_files.name_of(found, extension)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(write(found), content_type=content_type, headers=headers)


def _link(request: HttpRequest, extension: str) -> str:
    asked = request.GET.copy()
    asked["format"] = extension
    return f"?{asked.urlencode()}"


def _span(client: Client, name: str, first: date | None, last: date | None) -> Period:
    """Raises ValueError, which says what is missing or wrong."""
    if first and last:
        return report.days(first, last, client.time_zone)
    if first or last:
        raise ValueError("Give both days, or none of them.")
    if not name:
        raise ValueError("Choose a period, or two days.")
    return periods.named(name, client.time_zone)


def _offered(now: datetime, asked: str) -> list[Any]:
    """The periods on offer by kind, the last whole month first; any other may be asked for."""
    groups: list[Any] = []
    for kind, back in BACK.items():
        one = periods.KINDS[kind](now, "UTC")
        running, names = one.name, []
        for _ in range(back):
            one = periods.previous(one)
            names.append((one.name, one.name))
        groups.append((_KIND_LABELS[kind], [*names, (running, f"{running}, so far")]))
    known = {name for _, found in groups for name, _ in found}
    if asked and asked not in known:
        groups.insert(0, (asked, asked))
    return [*groups, ("", "Days from – to")]
