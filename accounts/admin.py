"""Admin of users, roles, clients, teams and API keys, and the base that every admin stands on."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts import keys, rights, visibility
from accounts.filters import ClientFilter
from accounts.models import PLATFORM, ApiKey, Client, Team, User

admin.site.unregister(Group)


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


@admin.register(Client)
class ClientAdmin(ScopedAdmin):
    """Business customers."""

    client_path = "pk"
    list_display = ["name", "code", "tier", "time_zone", "is_active"]
    list_filter = ["tier", "active"]
    search_fields = ["name", "code"]

    @display(description="Active", boolean=True, ordering="active")
    def is_active(self, client: Client) -> bool:
        """Whether rows for it are taken."""
        return client.active

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:  # noqa: ARG002
        """A code is what services send: it stays. The platform stays what it is."""
        if obj is None:
            return []
        return ["code", "tier", "active"] if obj.code == PLATFORM else ["code"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """A client's rows refer to it: it is deactivated, not deleted."""
        return False


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    """People who sign in; who is limited to some clients sees those who see no others."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "full_name", "email", "roles", "sees", "is_active", "last_login"]
    list_filter = ["groups", "is_active", "is_superuser", "all_clients"]
    filter_horizontal = ["groups", "user_permissions", "clients"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Person", {"fields": ["first_name", "last_name", "email", "time_zone"]}),
        ("Clients", {"fields": ["all_clients", "clients"]}),
        ("Roles", {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    readonly_fields = ["last_login", "date_joined"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Users with what the list shows of them."""
        shown = rights.people_to_show(super().get_queryset(request), request.user)
        return shown.prefetch_related("groups", "clients")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only a superuser makes superusers, only who sees all clients makes others see them."""
        fields = [*super().get_readonly_fields(request, obj)]
        if not request.user.is_superuser:
            fields.append("is_superuser")
        if not visibility.sees_all(request.user):
            fields.append("all_clients")
        return fields

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the groups and clients that the person at the screen may hand on."""
        if db_field.name == "groups":
            kwargs["queryset"] = rights.groups_to_give(request.user)
        elif db_field.name == "clients":
            kwargs["queryset"] = visibility.visible_clients(request.user)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes, or sets the password of, a person with more rights than their own."""
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or rights.may_change(request.user, obj))

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """A new person sees no more than the one who made them."""
        if not change:
            obj.all_clients = visibility.sees_all(request.user)
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Timelines name their users: a user is deactivated, not deleted."""
        return False

    @display(description="Name")
    def full_name(self, user: User) -> str:
        """First and last name."""
        return user.get_full_name() or "–"

    @display(description="Roles")
    def roles(self, user: User) -> str:
        """The user's groups."""
        names = ", ".join(group.name for group in user.groups.all())
        return names or ("Superuser" if user.is_superuser else "–")

    @display(description="Sees")
    def sees(self, user: User) -> str:
        """The clients they may see."""
        if user.is_superuser or user.all_clients:
            return "All clients"
        return ", ".join(client.name for client in user.clients.all()) or "No client"


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, GlobalAdmin):
    """Roles."""


@admin.register(Team)
class TeamAdmin(GlobalAdmin):
    """Teams, with what they own."""

    list_display = ["name", "description", "size", "owns"]
    list_filter = ["components"]
    search_fields = ["name", "description", "members__username"]
    filter_horizontal = ["members"]
    readonly_fields = ["owns"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        """Teams with their size and components."""
        queryset = super().get_queryset(request)
        # Distinct: a search among the members joins them once more.
        people = Count("members", distinct=True)
        return queryset.annotate(people=people).prefetch_related("components")

    @display(description="Members", ordering="people")
    def size(self, team: Any) -> int:
        """How many people."""
        return int(team.people)

    @display(description="Components")
    def owns(self, team: Team) -> str:
        """What the team owns; set on the component."""
        return ", ".join(component.name for component in team.components.all()) or "–"


class ApiKeyForm(forms.ModelForm):
    """Scopes as tick boxes."""

    scopes = forms.MultipleChoiceField(
        choices=ApiKey.Scope.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What the key may do.",
    )

    class Meta:
        model = ApiKey
        fields = ["name", "scopes", "client", "expires_at"]


@admin.register(ApiKey)
class ApiKeyAdmin(ScopedAdmin):
    """Keys of services. The full key is shown once, when it is made."""

    form = ApiKeyForm
    list_display = ["name", "prefix", "what", "for_client", "state", "last_used_at", "expires_at"]
    list_filter = [ClientFilter]
    list_select_related = ["client"]
    search_fields = ["name", "prefix"]
    readonly_fields = ["prefix", "created_at", "created_by", "last_used_at", "revoked_at"]
    actions = ["revoke"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Prefix, dates and maker exist once the key does."""
        return super().get_readonly_fields(request, obj) if obj else []

    @display(description="May")
    def what(self, key: ApiKey) -> str:
        """The key's scopes."""
        return ", ".join(ApiKey.Scope(scope).label for scope in key.scopes)

    @display(description="Client")
    def for_client(self, key: ApiKey) -> str:
        """Whom it may report for."""
        return str(key.client or "All clients")

    @display(
        description="State", label={"Active": "success", "Revoked": "danger", "Expired": "warning"}
    )
    def state(self, key: ApiKey) -> str:
        """Whether it can be used."""
        if key.revoked_at:
            return "Revoked"
        if key.expires_at and key.expires_at <= timezone.now():
            return "Expired"
        return "Active"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """A key is revoked, so that its traces keep their name."""
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Issue a new key and show it once; changes are saved as they are."""
        if change:
            super().save_model(request, obj, form, change)
            return
        key, text = keys.issue(
            obj.name,
            obj.scopes,
            client=obj.client,
            expires_at=obj.expires_at,
            created_by=request.user if isinstance(request.user, User) else None,
        )
        obj.pk, obj.prefix = key.pk, key.prefix
        note = format_html(
            'The key is <code class="aio-key">{}</code> – copy it now: '
            "it is not stored and can't be shown again.",
            text,
        )
        self.message_user(request, note, messages.WARNING)

    @admin.action(description="Revoke selected keys", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """End the keys now."""
        count = sum(keys.revoke(key) for key in queryset)
        self.message_user(request, f"{count} keys revoked.", messages.SUCCESS)
