"""Admin of users, roles, clients and teams."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import rights, visibility
from accounts.admin.base import GlobalAdmin, ScopedAdmin
from accounts.models import PLATFORM, Client, Team, User

admin.site.unregister(Group)


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
