"""``manage.py recompute_alerts``: count every number of alerts' evidence again from the rows."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from alerts.models import Alert
from alerts.recount import Recount

LAST = 100


class Command(BaseCommand):
    """Prints each number that a recount gives otherwise; exits with 1 when there is any."""

    help = "Recount the evidence of the newest alerts from the rows, and print differences."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which alerts."""
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--last", type=int, default=LAST, help="Default: %(default)s.")
        which.add_argument("--alert", type=int, help="One alert, by its number.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Recount, newest first. CommandError for differences and for an alert there is not."""
        alerts = Alert.objects.select_related("client").order_by("-created_at", "-pk")
        if options["alert"] is not None:
            alerts = alerts.filter(pk=options["alert"])
            if not alerts:
                raise CommandError(f"There is no alert {options['alert']}.")
        recount, wrong, seen = Recount(), 0, 0
        for alert in alerts[: options["last"]]:
            seen += 1
            found = recount.of(alert)
            wrong += len(found)
            for text in [*recount.notes, *found]:
                self.stdout.write(f"{alert}: {text}")
        self.stdout.write(f"{seen} alerts, {recount.compared} numbers, {wrong} differ.")
        if wrong:
            raise CommandError("The evidence does not equal a recount.")
