"""``/oncall/<token>.ics``: a calendar for programs that can't sign in."""

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from alerts.delivery import feeds, ical


@require_safe
def calendar(_request: HttpRequest, token: str) -> HttpResponse:
    """The calendar; 404 for a secret that is none, or no longer one."""
    content = feeds.read(token, timezone.now())
    if content is None:
        raise Http404("There is no such calendar.")
    response = HttpResponse(content, content_type=ical.CONTENT_TYPE)
    response["Cache-Control"] = "private, max-age=300"
    response["X-Robots-Tag"] = "noindex"
    response["Content-Disposition"] = 'inline; filename="oncall.ics"'
    return response
