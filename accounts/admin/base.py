"""The base that every admin stands on: who may see and change what."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts import visibility
from accounts.models import Client


class ScopedAdmin(ModelAdmin):
    """An admin that shows a person only the rows of clients that they may see."""

    # The look-up from the model to its client; "pk" for clients.
    client_path = "client"
    # Whether rows without a client are defaults: all may see them, only who sees all changes them.
    shared_rows = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows of visible clients."""
        queryset = super().get_queryset(request)
        return visibility.limit(queryset, request.user, self.client_path, shared=self.shared_rows)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who is limited to some clients leaves alone what holds for every client."""
        return super().has_change_permission(request, obj) and self._reaches(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for changing."""
        return super().has_delete_permission(request, obj) and self._reaches(request, obj)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer only visible clients; who doesn't see all of them must choose one."""
        if db_field.related_model is Client:
            kwargs.setdefault("queryset", visibility.visible_clients(request.user))
            if not visibility.sees_all(request.user):
                kwargs["required"] = True
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def _reaches(self, request: HttpRequest, obj: Any) -> bool:
        if obj is None or not self.shared_rows or visibility.sees_all(request.user):
            return True
        return getattr(obj, self.client_path) is not None


class GlobalAdmin(ModelAdmin):
    """An admin of what holds for every client: only who sees all of them may change it."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """With the permission, and every client in sight."""
        return super().has_add_permission(request) and visibility.sees_all(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for adding; looking takes the permission alone."""
        allowed = super().has_change_permission(request, obj)
        return allowed and visibility.sees_all(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for adding."""
        allowed = super().has_delete_permission(request, obj)
        return allowed and visibility.sees_all(request.user)


class ReadOnlyAdmin(ScopedAdmin):
    """An admin for what is measured or decided elsewhere."""

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Rows come from the API, probes and evaluations alone."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """What was measured stays."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Retention removes rows, people don't."""
        return False
