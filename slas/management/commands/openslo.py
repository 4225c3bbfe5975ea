"""``manage.py openslo export|import``: the promises as OpenSLO v1 YAML."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from slas.openslo import export, importing
from slas.openslo.text import MAX_BYTES
from slas.openslo.vocabulary import Refused


class Command(BaseCommand):
    """Export to a file or to standard output; import from a file or from standard input."""

    help = "Export the promises as OpenSLO v1 YAML, or import them from it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One word for what to do, and the file."""
        kinds = parser.add_subparsers(dest="what", required=True)
        out = kinds.add_parser("export", help="Write all promises.")
        out.add_argument("file", nargs="?", default="-", help="Default: standard output.")
        into = kinds.add_parser("import", help="Make and change promises; delete none.")
        into.add_argument("file", help="A path, or - for standard input.")
        into.add_argument("--dry-run", action="store_true", help="Only say what would change.")
        into.add_argument("--reason", default="", help="Kept with the objectives' new versions.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do it."""
        try:
            if options["what"] == "export":
                self._export(options["file"])
            else:
                self._import(options["file"], options["reason"], dry=options["dry_run"])
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}.") from error

    def _export(self, file: str) -> None:
        found = export.export()
        if file == "-":
            self.stdout.write(found, ending="")
        else:
            Path(file).write_text(found, encoding="utf-8")

    def _import(self, file: str, reason: str, *, dry: bool) -> None:
        text = _read(file)
        try:
            planned = (
                importing.plan(text)
                if dry
                else importing.apply(text, timezone.now(), reason=reason)
            )
        except Refused as refused:
            raise CommandError(f"Nothing is imported.\n{refused}") from refused
        for step in planned.steps:
            if step.action != importing.Action.KEEP:
                self.stdout.write(f"{step.action}: {step.kind} {step.promise}")
        for one in planned.unmapped:
            self.stdout.write(f"left out: {one}")
        self.stdout.write(f"{'Would be' if dry else 'Done'}: {importing.summary(planned)}.")


def _read(file: str) -> str:
    """At most a byte more than may be read, as text."""
    if file == "-":
        body = sys.stdin.buffer.read(MAX_BYTES + 1)
    else:
        with Path(file).open("rb") as source:
            body = source.read(MAX_BYTES + 1)
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(body) > MAX_BYTES:
            return " " * len(body)
        raise CommandError(f"{file}: this is no UTF-8, at byte {error.start}.") from error
