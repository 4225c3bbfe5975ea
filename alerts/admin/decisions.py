"""What a person can decide about an alert, as forms: on its page, and over many at once."""

from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.db.models import Q, QuerySet

from accounts import rights, visibility
from accounts.models import Team, User
from alerts.models import Alert, Resolution
from alerts.triage import lifecycle, people
from alerts.triage.lifecycle import OPEN

TRIAGE = "alerts.triage_alert"
NOTE_LENGTH = 2000
# value → (label, for how long); the first is the default.
TERMS: dict[str, tuple[str, timedelta | None]] = {
    "": ("until resolved", None),
    "30": ("for 30 minutes", timedelta(minutes=30)),
    "120": ("for 2 hours", timedelta(hours=2)),
}


def responders(user: User, alert: Alert | None = None) -> QuerySet[User]:
    """Whom the person can hand an alert to: who may triage and see it, and whom they may know."""
    found = User.objects.with_perm(TRIAGE, backend="django.contrib.auth.backends.ModelBackend")
    if alert is not None:
        sees = Q(is_superuser=True) | Q(all_clients=True)
        found = found.filter(sees | Q(pk__in=alert.client.users.values("pk")))
    known = rights.people_to_show(found, user)
    if not visibility.sees_all(user) and alert is not None and alert.assignee_id:
        # Who has it already stands on the page.
        known = known | found.filter(pk=alert.assignee_id)
    return known.order_by("first_name", "last_name", "username").distinct()


def mentionable(user: User, alert: Alert) -> list[dict[str, str]]:
    """Whom a comment can name, for the page's script: usernames and names."""
    found = responders(user, alert).values_list("username", "first_name", "last_name")
    return [{"name": name, "full": f"{first} {last}".strip()} for name, first, last in found]


class Decision(forms.Form):
    """A decision with its note. ``act`` carries it out, or raises lifecycle.Refused."""

    name: ClassVar[str]
    done: ClassVar[str]  # "Alert #7 is …."
    title: ClassVar[str]
    # Whether it is made on a version of the alert: a comment contradicts nothing.
    versioned: ClassVar[bool] = True

    note = forms.CharField(required=False, max_length=NOTE_LENGTH)

    def __init__(
        self, data: Any = None, *, user: User, alert: Alert | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data, **kwargs)
        self.user = user
        self.alert = alert

    @classmethod
    def legal(cls, alert: Alert) -> bool:
        """Whether it can be made about the alert now."""
        return cls.name in lifecycle.legal_actions(alert.status)

    def act(self, alert_id: int, version: int) -> Alert:
        """Carry it out."""
        raise NotImplementedError


class Acknowledge(Decision):
    """Take it on."""

    name, done, title = "acknowledge", "acknowledged", "Acknowledge"
    term = forms.ChoiceField(
        choices=[(value, label) for value, (label, _span) in TERMS.items()], required=False
    )

    def act(self, alert_id: int, version: int) -> Alert:
        """For good or for a time."""
        return lifecycle.acknowledge(
            alert_id,
            acting_user=self.user,
            version=version,
            note=self.cleaned_data["note"],
            expires_after=TERMS[self.cleaned_data["term"]][1],
        )


class Unacknowledge(Decision):
    """Hand it back."""

    name, done, title = "unacknowledge", "no longer acknowledged", "Hand back"

    def act(self, alert_id: int, version: int) -> Alert:
        """It fires again."""
        return lifecycle.unacknowledge(
            alert_id, acting_user=self.user, version=version, note=self.cleaned_data["note"]
        )


class Resolve(Decision):
    """Close it."""

    name, done, title = "resolve", "resolved", "Resolve"
    resolution = forms.ChoiceField(choices=[("", "Not said"), *Resolution.choices], required=False)

    def act(self, alert_id: int, version: int) -> Alert:
        """With what it was."""
        return lifecycle.resolve(
            alert_id,
            acting_user=self.user,
            version=version,
            note=self.cleaned_data["note"],
            resolution=self.cleaned_data["resolution"],
        )


class Reopen(Decision):
    """It is not over."""

    name, done, title = "reopen", "open again", "Reopen"

    def act(self, alert_id: int, version: int) -> Alert:
        """It fires again."""
        return lifecycle.reopen(
            alert_id, acting_user=self.user, version=version, note=self.cleaned_data["note"]
        )


class Assign(Decision):
    """Hand it over to a person, a team or both."""

    name, done, title = "assign", "handed over", "Hand over"
    assignee = forms.ModelChoiceField(User.objects.none(), required=False)
    team = forms.ModelChoiceField(Team.objects.all(), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["assignee"].queryset = responders(self.user, self.alert)  # type: ignore[attr-defined]

    @classmethod
    def legal(cls, alert: Alert) -> bool:
        """While it is open."""
        return alert.status in OPEN

    def act(self, alert_id: int, version: int) -> Alert:
        """To nobody, where nobody was chosen."""
        return people.assign(
            alert_id,
            acting_user=self.user,
            version=version,
            assignee=self.cleaned_data["assignee"],
            team=self.cleaned_data["team"],
            note=self.cleaned_data["note"],
        )


class AssignMany(Assign):
    """The same over many: what is not chosen stays as it is with each."""

    def clean(self) -> dict[str, Any]:
        """Somebody has to be chosen."""
        data = super().clean() or self.cleaned_data
        if not self.errors and not data["assignee"] and not data["team"]:
            raise forms.ValidationError("Choose a person or a team.")
        return data

    def act(self, alert_id: int, version: int) -> Alert:
        """``version`` guards what was read here: another hand-over since is refused."""
        now = Alert.objects.select_related("assignee", "team").filter(pk=alert_id).first()
        return people.assign(
            alert_id,
            acting_user=self.user,
            version=version,
            assignee=self.cleaned_data["assignee"] or (now.assignee if now else None),
            team=self.cleaned_data["team"] or (now.team if now else None),
            note=self.cleaned_data["note"],
        )


class Comment(Decision):
    """Say something."""

    name, done, title, versioned = "comment", "commented", "Comment", False

    @classmethod
    def legal(cls, alert: Alert) -> bool:  # noqa: ARG003
        """Always: what was learned later belongs to it too."""
        return True

    def act(self, alert_id: int, version: int) -> Alert:  # noqa: ARG002
        """People named as @username are told."""
        note = self.cleaned_data["note"]
        return people.comment(alert_id, acting_user=self.user, note=note).alert


class Mark(Decision):
    """Judge it: did anybody need to be told?"""

    name, done, title, versioned = "mark", "marked", "Mark", False
    actionable = forms.ChoiceField(choices=[("yes", "Actionable"), ("no", "Not actionable")])

    @classmethod
    def legal(cls, alert: Alert) -> bool:  # noqa: ARG003
        """Always: the latest word counts."""
        return True

    def act(self, alert_id: int, version: int) -> Alert:  # noqa: ARG002
        """Yes or no."""
        return people.mark(
            alert_id,
            acting_user=self.user,
            actionable=self.cleaned_data["actionable"] == "yes",
            note=self.cleaned_data["note"],
        )


DECISIONS: dict[str, type[Decision]] = {
    one.name: one for one in (Acknowledge, Unacknowledge, Resolve, Reopen, Assign, Comment, Mark)
}
OVER_MANY: dict[str, type[Decision]] = {one.name: one for one in (Acknowledge, AssignMany, Resolve)}


def legal(alert: Alert) -> list[str]:
    """The names of the decisions that can be made about the alert now."""
    return [name for name, one in DECISIONS.items() if one.legal(alert)]
