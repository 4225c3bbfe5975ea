"""Pages that show what an unsaved form would come to: by POST, and nothing is stored."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

Context = dict[str, Any]
Answer = Callable[[HttpRequest, Any], Context]


class UnsavedPreview:
    """Mixin for admins: ``preview_of`` answers for a valid form's instance, on ``preview_page``."""

    preview_page: str
    preview_title: str
    preview_words: str
    change_form_outer_after_template = "admin/alerts/unsaved_button.html"

    def preview_of(self, request: HttpRequest, instance: Any) -> Context:
        """What the page shows for the instance, which is not stored."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        """With the preview of a new and of a stored one."""
        admin: Any = self
        info = f"{admin.opts.app_label}_{admin.opts.model_name}"
        wrapped = admin.admin_site.admin_view(self._preview)
        own = [
            path("add/preview/", wrapped, name=f"{info}_add_preview"),
            path("<int:object_id>/preview/", wrapped, name=f"{info}_preview"),
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def render_change_form(
        self, request: HttpRequest, context: Context, *args: Any, **kwargs: Any
    ) -> Any:
        """With the preview's button, for who may save the form."""
        admin: Any = self
        found = kwargs.get("obj")
        if self._may(request, found):
            info = f"admin:{admin.opts.app_label}_{admin.opts.model_name}"
            url = reverse(f"{info}_preview", args=[found.pk]) if found else None
            context["unsaved"] = {
                "url": url or reverse(f"{info}_add_preview"),
                "form": f"{admin.opts.model_name}_form",
                "title": self.preview_title,
                "words": self.preview_words,
            }
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]

    def _may(self, request: HttpRequest, found: Any) -> bool:
        admin: Any = self
        if found is None:
            return bool(admin.has_add_permission(request))
        return bool(admin.has_change_permission(request, found))

    def _preview(self, request: HttpRequest, object_id: int | None = None) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        admin: Any = self
        found = None
        if object_id is not None:
            found = admin.get_object(request, str(object_id))
            if found is None:
                raise Http404
        if not self._may(request, found):
            raise PermissionDenied
        form = admin.get_form(request, found, change=found is not None)(
            request.POST, instance=found
        )
        context = {"title": self.preview_title, **admin.admin_site.each_context(request)}
        if form.is_valid():
            context |= self.preview_of(request, form.instance)
        else:
            context["problems"] = [
                (str(form.fields[name].label) if name in form.fields else "", str(text))
                for name, texts in form.errors.items()
                for text in texts
            ]
        status = 200 if form.is_valid() else 400
        return TemplateResponse(request, self.preview_page, context, status=status)
