"""Who may change whom: nobody hands out, or takes over, more rights than they have."""

from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.db.models import Q, QuerySet

from accounts import visibility
from accounts.models import User


def may_change(actor: User | AnonymousUser, person: User) -> bool:
    """Whether ``person`` can do and see no more than ``actor``.

    Who may set another's password can sign in as them.
    """
    if not isinstance(actor, User):
        return False
    if actor.is_superuser:
        return True
    if person.is_superuser or not _permissions_of(person) <= actor.get_all_permissions():
        return False
    if visibility.sees_all(actor):
        return True
    hidden = person.clients.exclude(pk__in=visibility.visible_clients(actor).values("pk"))
    return not person.all_clients and not hidden.exists()


def people_to_show(people: QuerySet[User], actor: User | AnonymousUser) -> QuerySet[User]:
    """Those of ``people`` who see no client that ``actor`` doesn't, and ``actor``."""
    if visibility.sees_all(actor):
        return people
    hidden = User.clients.through.objects.exclude(client__in=visibility.visible_clients(actor))
    shown = Q(is_superuser=False, all_clients=False) & ~Q(pk__in=hidden.values("user"))
    return people.filter(shown | Q(pk=actor.pk))


def groups_to_give(actor: User | AnonymousUser) -> QuerySet[Group]:
    """The groups with no permission that ``actor`` lacks."""
    if isinstance(actor, User) and actor.is_superuser:
        return Group.objects.all()
    own = actor.get_all_permissions()
    lacking = [
        pk
        for pk, label, codename in Permission.objects.values_list(
            "pk", "content_type__app_label", "codename"
        )
        if f"{label}.{codename}" not in own
    ]
    return Group.objects.exclude(permissions__in=lacking)


def _permissions_of(person: User) -> set[str]:
    """What a person may do, counted even while they are inactive: they can be activated."""
    found = Permission.objects.filter(group__user=person) | Permission.objects.filter(user=person)
    names = found.values_list("content_type__app_label", "codename")
    return {f"{label}.{codename}" for label, codename in names}
