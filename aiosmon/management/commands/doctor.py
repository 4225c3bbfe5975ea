"""`manage.py doctor`: the same as `make doctor`."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from aiosmon import doctor


class Command(BaseCommand):
    """Say what is wrong with this installation, and what mends it."""

    help = "Explain what is wrong with this installation and how to mend it."
    requires_system_checks = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Exit with 1 when anything is wrong."""
        sys.exit(doctor.main())
