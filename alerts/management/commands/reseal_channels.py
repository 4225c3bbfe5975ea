"""Encrypt every channel's URL and keys anew, after AIOSMON_CHANNEL_KEY has got a new first key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from alerts.delivery import sealing
from alerts.models import Channel


class Command(BaseCommand):
    """Repeatable; what it can't read it names, and leaves as it is."""

    help = "Encrypt the channels' URLs and keys with the first of AIOSMON_CHANNEL_KEY."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Raises CommandError when a channel could not be read."""
        failed = []
        for channel in Channel.objects.all():
            try:
                fresh = sealing.reseal(channel)
            except sealing.Unsealable as error:
                failed.append(str(error))
                continue
            # Only what was read: somebody may have entered another URL meanwhile.
            Channel.objects.filter(pk=channel.pk, sealed=channel.sealed).update(sealed=fresh)
        if failed:
            raise CommandError("\n".join(failed))
        self.stdout.write("Every channel is encrypted with the newest key.")
