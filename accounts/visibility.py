"""Who may see which client's rows: one rule, used by every admin and API."""

from typing import Any, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, Q, QuerySet

from accounts.models import Client, User

M = TypeVar("M", bound=Model)


def sees_all(user: User | AnonymousUser) -> bool:
    """Whether no client is hidden from this person."""
    return isinstance(user, User) and (user.is_superuser or user.all_clients)


def visible_clients(user: User | AnonymousUser) -> QuerySet[Client]:
    """The clients this person may see."""
    if sees_all(user):
        return Client.objects.all()
    if not isinstance(user, User):
        return Client.objects.none()
    return Client.objects.filter(users=user)


def limit(
    queryset: QuerySet[M],
    user: User | AnonymousUser,
    path: str = "client",
    *,
    shared: bool = False,
) -> QuerySet[M]:
    """Only the rows of clients this person may see.

    ``path`` is the look-up from the model to its client, "pk" for clients
    themselves. ``shared`` keeps rows without a client: defaults that hold for everyone.
    """
    if sees_all(user):
        return queryset
    # Constants, not a subquery: only with the ids at hand can PostgreSQL tell that a quiet
    # client has few rows, and leave the walk through everyone's.
    ids = list(visible_clients(user).order_by().values_list("pk", flat=True))
    own: dict[str, Any] = {f"{path}__in": ids}
    visible = Q(**own)
    if shared:
        visible |= Q(**{f"{path}__isnull": True})
    return queryset.filter(visible)
