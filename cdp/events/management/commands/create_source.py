"""`manage.py create_source NAME --channel …`: make a source and print its write key."""

import re
from argparse import ArgumentParser
from typing import Any
from zoneinfo import available_timezones

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from cdp.core.types import Actor
from cdp.events import queries
from cdp.events.actions import CHANNELS, create_source
from cdp.events.models import Source

_NAME = re.compile(r"[\w.-]{1,60}")
LONGEST_BRAND = 40
LARGEST_RANK = 2**15 - 1


class Command(BaseCommand):
    help = "Make a source of data and print the write key with which it sends."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="short name in letters, digits and hyphens")
        parser.add_argument("--channel", required=True, choices=CHANNELS)
        parser.add_argument("--brand", default="", help="empty: all brands")
        parser.add_argument("--party", default=Source.Party.FIRST, choices=Source.Party.values)
        parser.add_argument("--trust-rank", type=int, default=50, help="the lower, the more its values are trusted")
        parser.add_argument("--zone", default="", help="IANA time zone of times that name none")
        parser.add_argument("--currency", default="", help="ISO 4217 code of amounts that name none")
        parser.add_argument(
            "--required-purpose", default="", help="collect only of records that allow this purpose; count the others"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._refuse_wrong(options)
        facts = {
            fact: options[fact] for fact in ("brand", "party", "trust_rank", "zone", "currency", "required_purpose")
        }
        _source, key = create_source(Actor.system("create_source"), options["name"], options["channel"], **facts)
        self.stdout.write(key)

    def _refuse_wrong(self, options: dict[str, Any]) -> None:
        if not _NAME.fullmatch(options["name"]) or len(options["brand"]) > LONGEST_BRAND:
            raise CommandError(_("A name is 1 to 60 letters, digits, hyphens; a brand has at most 40 characters."))
        if not 0 <= options["trust_rank"] <= LARGEST_RANK:
            raise CommandError(_("A trust rank lies between 0 and %(most)d.") % {"most": LARGEST_RANK})
        if queries.source_by_name(options["name"]):
            raise CommandError(_("There is a source of that name already."))
        if options["zone"] and options["zone"] not in available_timezones():
            raise CommandError(_("No such time zone: name it as in the IANA database, such as Asia/Seoul."))
        if options["currency"] and not (len(options["currency"]) == 3 and options["currency"].isupper()):
            raise CommandError(_("A currency is three capital letters after ISO 4217, such as KRW."))
