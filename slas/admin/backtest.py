"""“What would have happened”: the unsaved form's numbers, and those in force, against history."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from metrics.histogram import MAX_RELATIVE_ERROR
from slas import backtest, slis
from slas.admin import changes
from slas.admin.backtest_answer import Part, Question
from slas.backtest import TooMuchError
from slas.objectives import Objective

DAYS = (1, 7, 14, 30)


def button(model_admin: Any, request: HttpRequest, promise: Any) -> dict[str, Any] | None:
    """What the form needs to ask; None for who may not change it."""
    if not _allowed(model_admin, request, promise):
        return None
    info = f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}"
    if promise is None:
        url = reverse(f"{info}_add_backtest")
    else:
        url = reverse(f"{info}_backtest", args=[promise.pk])
    return {
        "url": url,
        "form": f"{model_admin.opts.model_name}_form",
        "days": DAYS,
        "usual": DAYS[-1],
    }


def view(model_admin: Any, request: HttpRequest, object_id: str | None) -> HttpResponse:
    """The answer to an unsaved form: a fragment for the page's script, else a page of its own."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    promise = None
    if object_id is not None:
        promise = model_admin.get_object(request, object_id)
        if promise is None:
            raise Http404
    if not _allowed(model_admin, request, promise):
        raise PermissionDenied
    form_class = model_admin.get_form(request, promise, change=promise is not None)
    form = form_class(request.POST, instance=promise)
    form.needs_reason = False
    context: dict[str, Any] = {"title": "What would have happened"}
    if form.is_valid():
        context |= answer(form, request, timezone.now())
    else:
        context["errors"] = _errors(form)
    if request.headers.get("X-Requested-With") == "fetch":
        return TemplateResponse(request, "admin/slas/backtest_result.html", context)
    context |= admin.site.each_context(request)
    return TemplateResponse(request, "admin/slas/backtest.html", context)


def answer(form: Any, request: HttpRequest, now: datetime) -> dict[str, Any]:
    """The result for a valid form."""
    wanted = request.POST.get("backtest_days", "")
    days = int(wanted) if wanted in map(str, DAYS) else DAYS[-1]
    end = now.replace(second=0, microsecond=0)
    start = end - timedelta(days=days)
    before = {} if form.instance.pk is None else _by_key(form.saved())
    after = _by_key(form.instance)
    context: dict[str, Any] = {"changes": form.changes, "disabled": not after}
    try:
        question = Question(request.user, start, end, slis.kept_since(now))
        context["parts"] = question.parts(before, after)
    except TooMuchError:
        context["too_much"] = f"{backtest.SECONDS:g} seconds"
        context["fewer"] = [day for day in DAYS if day < days]
        return context
    return context | _summary(context["parts"], question)


def _allowed(model_admin: Any, request: HttpRequest, promise: Any) -> bool:
    if promise is None:
        return bool(model_admin.has_add_permission(request))
    return bool(model_admin.has_change_permission(request, promise))


def _errors(form: Any) -> list[tuple[str, str]]:
    return [
        (str(form.fields[name].label) if name in form.fields else "", str(text))
        for name, texts in form.errors.items()
        for text in texts
    ]


def _by_key(promise: Any) -> dict[str, Objective]:
    return {objective.key: objective for objective in changes.of(promise)}


def _summary(parts: list[Part], question: Question) -> dict[str, Any]:
    now = sum(part.now_total.alerts for part in parts if part.now_total)
    then = sum(part.then_total.alerts for part in parts if part.then_total)
    first = min(question.firsts, default=question.end)
    return {
        "now_alerts": now,
        "then_alerts": then,
        "start": question.start,
        "end": question.end,
        "days": (question.end - question.start).days,
        # Told when it is clearly less than was asked for.
        "first": first if first - question.start > timedelta(hours=1) else None,
        "rows_since": question.rows_since if question.rows_since > first else None,
        "off_by": 100 * MAX_RELATIVE_ERROR,
    }
