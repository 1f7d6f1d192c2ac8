"""`manage.py suppress FILE --kind email --reason asked`: keep the values of a file from ever coming back."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from cdp.core.errors import Refused
from cdp.core.types import Actor
from consent import suppression, value_files
from consent.types import SuppressionReason

ACTOR = Actor.system("suppress")


class Command(BaseCommand):
    help = "Put the values of a file (one a line, or a column of a CSV) on the suppression list."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--kind", required=True, help="email, phone, user_id, loyalty_id, … or KIND:BRAND")
        parser.add_argument("--reason", choices=SuppressionReason.values, default=SuppressionReason.LIST)
        parser.add_argument("--column", default="", help="the column of a CSV with a header that holds the values")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with options["file"].open("rb") as lines:
                values = value_files.read(lines, options["column"])
                taken = suppression.add_values(ACTOR, options["kind"], values, options["reason"])
        except OSError:
            raise CommandError(_("There is no such file.")) from None
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(_("read: %(read)d, new on the list: %(added)d") % {"read": taken.read, "added": taken.added})
        if taken.unusable:
            said = _("%(number)d lines hold no value of this kind and are not on the list, first at: %(lines)s")
            lines_ = ", ".join(map(str, taken.unusable_lines))
            raise CommandError(said % {"number": taken.unusable, "lines": lines_})
