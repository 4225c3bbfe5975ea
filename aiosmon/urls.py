"""Every address of the portal."""

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.urls import include, path
from django.views.generic import RedirectView

from aiosmon import health, metrics_page
from aiosmon.openapi.views import DocsView, SchemaView
from alerts import oncall_view
from alerts.admin import noise, oncall_page
from slas.admin import openslo, report

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/slas/report/", admin.site.admin_view(report.view), name="slas_report"),
    path("admin/alerts/noise/", include(noise.urls())),
    path("admin/on-call/", include(oncall_page.urls())),
    path("admin/openslo/", include(openslo.urls())),
    path("admin/", admin.site.urls),
    path("api/v1/", include("metrics.urls")),
    path("api/v1/", include("slas.urls")),
    path("", include("alerts.urls")),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", staff_member_required(DocsView.as_view()), name="api_docs"),
    path("healthz", health.healthz, name="healthz"),
    path("metrics", metrics_page.metrics, name="prometheus"),
    path("oncall/<str:token>.ics", oncall_view.calendar, name="oncall_calendar"),
    path("readyz", health.readyz, name="readyz"),
]
