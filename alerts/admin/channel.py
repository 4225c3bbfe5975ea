"""Admin of channels. What is secret is entered here and never shown again."""

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget

from accounts import visibility
from accounts.admin import GlobalAdmin
from accounts.models import User
from alerts.delivery import sealing, sending
from alerts.delivery.channels.registry import KINDS
from alerts.delivery.sealing import Secrets, Unsealable
from alerts.models import Channel, Notification
from metrics import formats

_SECRETS = ("url", "signing_key", "token")
_HELP = {
    "url": "An Apprise URL such as mailto://user:password@smtp.example.org?to=ops@example.org or "
    "slack://…, else the web-hook's https:// address.",
    "signing_key": "Of a signed web-hook: at least 16 characters, e.g. from openssl rand -hex 32. "
    "The receiver needs the same.",
    "token": "Of a web-hook, if it wants one: sent as Authorization: Bearer.",
}


def _secret(name: str) -> forms.CharField:
    return forms.CharField(
        required=False,
        max_length=2000,
        label={"url": "URL", "signing_key": "Signing key", "token": "Bearer token"}[name],
        help_text=_HELP[name],
        widget=UnfoldAdminPasswordWidget(
            render_value=False, attrs={"autocomplete": "new-password", "spellcheck": "false"}
        ),
    )


class ChannelForm(forms.ModelForm):
    """A channel with its secrets, of which it only tells whether they are set."""

    url = _secret("url")
    signing_key = _secret("signing_key")
    token = _secret("token")
    forget_keys = forms.BooleanField(
        required=False,
        label="Remove signing key and token",
        help_text="Those that are stored; what is entered above is kept.",
    )

    class Meta:
        model = Channel
        fields = [
            "name",
            "kind",
            "enabled",
            "for_people",
            "signed_links",
            "timeout_seconds",
            "storm_per_minute",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stored, self._problem = _stored(self.instance)
        for name in _SECRETS:
            if name in self.fields and getattr(self._stored, name):
                text = "Set; leave empty to keep it."
                self.fields[name].help_text = f"{text} {_HELP[name]}"

    def clean(self) -> dict[str, Any]:
        """Let the kind check what would be stored."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not {"kind", *_SECRETS} <= {*data}:
            return data
        entered = {name: data[name].strip() for name in _SECRETS}
        stored = Secrets(self._stored.url) if data.get("forget_keys") else self._stored
        secrets = Secrets(**{name: entered[name] or getattr(stored, name) for name in _SECRETS})
        if not secrets.url:
            self.add_error("url", self._problem or "Enter the URL.")
            return data
        if data["kind"] == Channel.Kind.WEBHOOK and not secrets.signing_key:
            self.add_error("signing_key", "A signed web-hook needs a key to sign with.")
            return data
        try:
            KINDS[data["kind"]].check(secrets, bool(data.get("for_people")))
        except ValueError as error:
            self.add_error("url", str(error))
            return data
        if secrets != self._stored or not self.instance.sealed:
            self.instance.sealed = sealing.seal(secrets)
            self.instance.address = shown(secrets.url)
        return data


@admin.register(Channel)
class ChannelAdmin(GlobalAdmin):
    """Ways to reach people, and whether they work."""

    form = ChannelForm
    change_form_template = "admin/alerts/channel.html"
    list_display = ["name", "kind", "state", "address", "whom", "last_sent_at", "trouble"]
    list_filter = ["kind", "enabled"]
    search_fields = ["name", "address"]
    readonly_fields = ["address", "state", "last_sent_at", "last_error", "paused_until"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """What can be set; and, once the channel exists, how it does."""
        own = ["name", "kind", "enabled"]
        where = ["url", "signing_key", "token", *(["forget_keys"] if obj else [])]
        found = [
            (None, {"fields": own}),
            ("Where to", {"fields": where}),
            (
                "How",
                {"fields": ["for_people", "signed_links", "timeout_seconds", "storm_per_minute"]},
            ),
        ]
        if obj is not None and not self.has_change_permission(request, obj):
            del found[1]
        if obj is not None:
            life = ["address", "state", "last_sent_at", "last_error", "paused_until"]
            found.append(("How it does", {"fields": life}))
        return found

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Channels carry every client's alerts: they are for who sees all clients."""
        return super().has_view_permission(request, obj) and visibility.sees_all(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A channel that was used keeps its notifications their name: it is disabled instead."""
        used = obj is None or Notification.objects.filter(channel=obj).exists()
        return not used and super().has_delete_permission(request, obj)

    @display(
        description="State",
        label={"Works": "success", "Not used yet": "info", "Fails": "danger", "Off": "warning"},
    )
    def state(self, channel: Channel) -> str:
        """Whether it works."""
        if not channel.enabled:
            return "Off"
        if channel.failures:
            return "Fails"
        return "Works" if channel.last_sent_at else "Not used yet"

    @display(description="For", ordering="for_people")
    def whom(self, channel: Channel) -> str:
        """Who is reached."""
        return "Single people" if channel.for_people else "Routes"

    @display(description="Trouble")
    def trouble(self, channel: Channel) -> str:
        """What it said, if it fails."""
        if not channel.failures:
            return "–"
        text = f"{channel.failures} in a row: {channel.last_error}"
        return text if len(text) <= 100 else f"{text[:99]}…"

    def get_urls(self) -> list[URLPattern]:
        """The test's address, before the admin's own."""
        view = self.admin_site.admin_view(self.test)
        own = [path("<int:channel_id>/test/", view, name="alerts_channel_test")]
        return [*own, *super().get_urls()]

    def test(self, request: HttpRequest, channel_id: int) -> HttpResponse:
        """Send a test message, by POST alone, and show what the channel answers."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        user = request.user
        if not isinstance(user, User) or not self.has_change_permission(request):
            raise PermissionDenied
        channel = Channel.objects.filter(pk=channel_id).first()
        if channel is None:
            raise Http404(f"There is no channel {channel_id}.")
        answer = sending.test(channel, user)
        self.log_change(request, channel, "Sent a test message.")
        said = f"{channel} answered: {answer.text}"
        level = messages.SUCCESS if answer.ok else messages.ERROR
        self.message_user(request, said if answer.ok else f"The test failed. {said}", level)
        return HttpResponseRedirect(reverse("admin:alerts_channel_change", args=[channel_id]))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """With the button to test it, and what waits for it."""
        extra = dict(extra_context or {})
        if self.has_change_permission(request) and object_id.isdigit():
            extra |= {"channel_id": int(object_id), **_standing(int(object_id))}
        return super().change_view(request, object_id, form_url, extra)


def shown(url: str) -> str:
    """PURE: what of a URL is no secret: its scheme, and the host where that is one."""
    parts = urlsplit(url)
    if parts.scheme in {"http", "https"}:
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}/…"[:255]
    return f"{url.partition('://')[0].lower()}://…"[:255]


def _stored(channel: Channel) -> tuple[Secrets, str]:
    try:
        return sealing.unseal(channel), ""
    except Unsealable as error:
        return Secrets(), str(error)


def _standing(channel_id: int) -> dict[str, Any]:
    of = Notification.objects.filter(channel=channel_id)
    waiting = of.filter(status=Notification.Status.WAITING)
    oldest = waiting.order_by("created_at").values_list("created_at", flat=True).first()
    return {
        "waiting": waiting.count(),
        "oldest": formats.age(timezone.now() - oldest) if oldest else "",
        "dead": of.filter(status=Notification.Status.DEAD).count(),
    }
