"""`manage.py import_opt_outs FILE --list 080`: whoever a list names by number or address is contacted no more."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from cdp.core.errors import Refused
from cdp.core.types import Actor, now
from consent import opt_outs, value_files

ACTOR = Actor.system("import_opt_outs")


class Command(BaseCommand):
    help = "Withdraw the consents of every record that holds a number or address of a file; again doubles nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="one value a line, or a CSV")
        parser.add_argument("--list", required=True, choices=sorted(opt_outs.LISTS), dest="kind")
        parser.add_argument("--column", default="", help="the column of a CSV with a header that holds the values")
        parser.add_argument("--as-of", default="", help="ISO 8601; by default when the file was last written")
        parser.add_argument("--purpose", action="append", default=[], help="by default all that rest on consent")
        parser.add_argument("--channel", action="append", default=[], help="by default those of the kind of list")
        parser.add_argument("--brand", default="", help="by default all brands")

    def handle(self, *args: Any, **options: Any) -> None:
        narrowed = {"purposes": options["purpose"], "channels": options["channel"], "brand": options["brand"]}
        try:
            at = _as_of(options["as_of"], options["file"])
            with options["file"].open("rb") as lines:
                values = value_files.read(lines, options["column"])
                taken = opt_outs.take(ACTOR, options["kind"], values, at, **narrowed)
        except OSError:
            raise CommandError(_("There is no such file.")) from None
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(_("read: %(read)d, withdrawals: %(added)d") % {"read": taken.read, "added": taken.added})
        if taken.unusable:
            said = _("%(number)d lines hold no value of this kind and bind nobody, first at: %(lines)s")
            where = ", ".join(map(str, taken.unusable_lines))
            raise CommandError(said % {"number": taken.unusable, "lines": where})


def _as_of(stated: str, file: Path) -> datetime:
    """When the list was true: stated, else when the file was written; a time without a zone is UTC."""
    if not stated:
        return min(datetime.fromtimestamp(file.stat().st_mtime, UTC), now())
    try:
        moment = datetime.fromisoformat(stated)
    except ValueError:
        raise CommandError(_("Write the time as ISO 8601, such as 2026-03-04T05:06:07Z.")) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
