"""Every address of the portal."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from aiosmon import health

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("metrics.urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
