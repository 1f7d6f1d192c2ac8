"""`manage.py load_reference places|products|values FILE`: what is of no person, from CSV, Parquet or Excel."""

import re
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from cdp.core.types import Actor, now
from cdp.events import reference as written
from cdp.events.types import QUARANTINE_REASONS
from cdp.ingestion import money, reference
from cdp.ingestion.files import Table
from cdp.ingestion.opening import open_path

KINDS = {
    "places": (reference.PLACE, "key", reference.place_reader),
    "products": (reference.PRODUCT, "sku", reference.product_reader),
    "values": (reference.VALUES, "key", reference.values_reader),
}  # fmt: skip
REASONS = {
    **QUARANTINE_REASONS,
    "no_key": pgettext_lazy("loading", "The row has no key."),
    "bad_zone": pgettext_lazy("loading", "The time zone is no IANA time zone, such as Asia/Seoul."),
    "personal": pgettext_lazy("loading", "It holds a personal value: nothing of a person stands in these tables."),
}
_TABLE = re.compile(r"[a-z0-9_-]{1,60}")
_BAD = gettext_lazy("The file cannot be read: %(why)s")


class Command(BaseCommand):
    help = "Load places, products or reference values from a file; running it again doubles nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=sorted(KINDS))
        parser.add_argument("file", type=Path, help="CSV, Parquet or Excel (.xlsx), also as .gz or alone in a .zip")
        parser.add_argument("--table", help="of reference values, such as weather; in small letters")
        parser.add_argument("--column", action="append", default=[], metavar="MEANING=COLUMN", help="such as key=city")
        parser.add_argument("--zone", default=settings.TIME_ZONE, help="of times that name none")
        parser.add_argument("--currency", default=settings.DEFAULT_CURRENCY)

    def handle(self, *args: Any, **options: Any) -> None:
        table, defaults = _opened(options["file"]), _defaults(options)
        named, key, reader = KINDS[options["what"]]
        column = reference.columns_of(named, table.columns or [], _said(options["column"], named, table))
        if key not in column:
            told = _("No column is the %(key)s: say which one by --column %(key)s=COLUMN.")
            raise CommandError(told % {"key": key})
        loaded = self._load(table, reader(column, defaults), _writer(options))
        target = options["table"] or options["what"]
        written.note_load(
            Actor.system("load_reference"), target, rows=loaded.rows, changed=loaded.changed, refused=loaded.refused
        )
        self._tell(loaded)

    def _load(self, table: Table, read: Any, write: Any) -> reference.Loaded:
        try:
            return reference.load(table, read, write)
        except ValueError as error:
            raise CommandError(_BAD % {"why": error}) from None

    def _tell(self, loaded: reference.Loaded) -> None:
        counts = {_("rows"): loaded.rows, _("new or changed"): loaded.changed, _("refused"): loaded.refused}
        self.stdout.write(", ".join(f"{name}: {number}" for name, number in counts.items()))
        for line, reason in loaded.first:
            self.stdout.write(f"  {line}  {REASONS.get(reason, reason)}")
        if loaded.refused:
            raise CommandError(_("Some rows were refused; the others are loaded. Mend them, and load the file again."))


def _opened(file: Path) -> Table:
    if not file.is_file():
        raise CommandError(_("There is no such file."))
    try:
        table = open_path(file)
    except (ValueError, OSError) as error:
        raise CommandError(_BAD % {"why": error}) from None
    if table.columns is None:
        raise CommandError(_("These files need columns: CSV, Parquet or Excel."))
    return table


def _defaults(options: dict[str, Any]) -> reference.Defaults:
    if options["zone"] not in available_timezones():
        raise CommandError(str(REASONS["bad_zone"]))
    if not money.is_currency(options["currency"]):
        raise CommandError(str(REASONS["bad_currency"]))
    return reference.Defaults(options["zone"], options["currency"], now())


def _said(pairs: list[str], named: Any, table: Table) -> dict[str, str]:
    said = dict(pair.partition("=")[::2] for pair in pairs)
    if unknown := sorted(said.keys() - named.keys()):
        told = _("%(names)s means nothing here; what a column may mean: %(known)s.")
        raise CommandError(told % {"names": ", ".join(unknown), "known": ", ".join(named)})
    if missing := sorted(set(said.values()) - set(table.columns or ())):
        raise CommandError(_("The file has no column: %(names)s") % {"names": ", ".join(missing)})
    return said


def _writer(options: dict[str, Any]) -> Callable[[Any], int]:
    if options["what"] != "values":
        return reference.WRITERS[options["what"]]
    if not options["table"] or not _TABLE.fullmatch(options["table"]):
        raise CommandError(_("Name the table of reference values by --table, in small letters, such as weather."))
    return partial(written.load_values, options["table"])
