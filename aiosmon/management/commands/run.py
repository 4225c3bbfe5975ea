"""`manage.py run`: the whole portal."""

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand

from aiosmon.embedded.paths import CHECKOUT


class Command(BaseCommand):
    """Replace this process by the supervisor."""

    help = "Start the whole portal: stores, migrations, web, workers, beat and the demo service."
    # The stores that the checks look at are what this starts.
    requires_system_checks = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Exec rather than call: the supervisor needs no Django, which would cost it 60 MB."""
        os.chdir(CHECKOUT)
        argv = [sys.executable, "-m", "aiosmon.portal"]
        os.execv(sys.executable, argv)  # noqa: S606  # no shell is the point
