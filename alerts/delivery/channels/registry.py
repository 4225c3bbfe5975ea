"""Every kind of channel. A new one is one file and one line here."""

from alerts.delivery.channels import alertmanager, apprise, webhook
from alerts.delivery.channels.base import Kind
from alerts.models import Channel

KINDS: dict[str, Kind] = {
    Channel.Kind.APPRISE: apprise.KIND,
    Channel.Kind.WEBHOOK: webhook.KIND,
    Channel.Kind.ALERTMANAGER: alertmanager.KIND,
}
