"""``POST /api/v1/alerts/<id>/actions/``: what people do in the admin, by a key in their name."""

from collections.abc import Callable
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import ApiKey, Team, User
from alerts.api.alerts import AlertDetailSerializer, found
from alerts.models import Resolution
from alerts.triage import lifecycle, people
from metrics.ingest.errors import problem

TRIAGE = "alerts.triage_alert"
NOTE_LENGTH = 2000
LONGEST_SECONDS = 30 * 86_400

Values = dict[str, Any]
Action = Callable[[int, User, Values], Any]


def _acknowledge(alert_id: int, user: User, sent: Values) -> Any:
    seconds = sent.pop("expires_in", None)
    after = None if seconds is None else timedelta(seconds=seconds)
    return lifecycle.acknowledge(alert_id, acting_user=user, expires_after=after, **sent)


# What each action takes beside its note; those that it needs are marked.
_NEEDS, _TAKES = True, False
_FIELDS: dict[str, dict[str, bool]] = {
    "acknowledge": {"version": _NEEDS, "expires_in": _TAKES},
    "unacknowledge": {"version": _NEEDS},
    "resolve": {"version": _NEEDS, "resolution": _TAKES},
    "reopen": {"version": _NEEDS},
    "assign": {"version": _NEEDS, "assignee": _TAKES, "team": _TAKES},
    "comment": {},
    "mark": {"actionable": _NEEDS},
}
_ACTIONS: dict[str, Action] = {
    "acknowledge": _acknowledge,
    "unacknowledge": lambda pk, user, sent: lifecycle.unacknowledge(pk, acting_user=user, **sent),
    "resolve": lambda pk, user, sent: lifecycle.resolve(pk, acting_user=user, **sent),
    "reopen": lambda pk, user, sent: lifecycle.reopen(pk, acting_user=user, **sent),
    "assign": lambda pk, user, sent: people.assign(pk, acting_user=user, **sent),
    "comment": lambda pk, user, sent: people.comment(
        pk, acting_user=user, note=sent.get("note", "")
    ),
    "mark": lambda pk, user, sent: people.mark(pk, acting_user=user, **sent),
}


class ActionSerializer(serializers.Serializer[Any]):
    """An action with what it needs."""

    action = serializers.ChoiceField(choices=[(name, name) for name in _FIELDS])
    version = serializers.IntegerField(
        required=False, min_value=1, help_text="Of the alert as it was seen."
    )
    note = serializers.CharField(required=False, allow_blank=True, max_length=NOTE_LENGTH)
    expires_in = serializers.IntegerField(
        required=False,
        min_value=60,
        max_value=LONGEST_SECONDS,
        help_text="acknowledge: for so many seconds. Without it, until it is resolved.",
    )
    resolution = serializers.ChoiceField(
        required=False, choices=Resolution.choices, help_text="resolve: what it was."
    )
    assignee = serializers.SlugRelatedField[User](
        required=False,
        slug_field="username",
        queryset=User.objects.filter(is_active=True),
        help_text="assign: a username.",
    )
    team = serializers.SlugRelatedField[Team](
        required=False, slug_field="name", queryset=Team.objects.all(), help_text="assign: a team."
    )
    actionable = serializers.BooleanField(
        required=False, help_text="mark: did anybody need to be told?"
    )

    def validate(self, attrs: Values) -> Values:
        """Exactly the fields that the action takes; ValidationError names the first at fault."""
        for name in self.initial_data:
            if name not in self.fields:
                near = get_close_matches(str(name), list(self.fields), 1)
                hint = f": did you mean {near[0]}?" if near else "."
                raise ValidationError({str(name): f"Unknown field{hint}"})
        action = attrs["action"]
        known = _FIELDS[action]
        for name in attrs.keys() - {"action", "note"}:
            if name not in known:
                raise ValidationError({name: f"{action} takes no {name}."})
        for name, needed in known.items():
            if needed and name not in attrs:
                raise ValidationError({name: f"{action} needs it."})
        return attrs


class ActionsView(APIView):
    """What a key that acts in a person's name may do with an alert."""

    scopes = {"POST": ApiKey.Scope.TRIAGE}
    serializer_class = ActionSerializer

    @extend_schema(request=ActionSerializer, responses={200: AlertDetailSerializer})
    def post(self, request: Request, alert_id: int) -> Response:
        """Act on an alert; 409 says what happened to it since the version that was named."""
        user = _person(request)
        found(request, alert_id)
        form = ActionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        sent = dict(form.validated_data)
        try:
            _ACTIONS[sent.pop("action")](alert_id, user, sent)
        except lifecycle.Refused as refused:
            return Response(
                problem("(alert)", str(refused), "Read the alert again, then decide anew."), 409
            )
        return Response(AlertDetailSerializer(found(request, alert_id)).data)


def _person(request: Request) -> User:
    user = request.auth.acts_as if isinstance(request.auth, ApiKey) else None
    if user is None or not user.has_perm(TRIAGE):
        raise PermissionDenied("The person in whose name this key acts may not triage alerts.")
    return user
