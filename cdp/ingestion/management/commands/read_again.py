"""`manage.py read_again`: files that were put aside, read again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from cdp.core.types import Actor
from cdp.ingestion import places
from cdp.ingestion.models import Pull, PulledFile


class Command(BaseCommand):
    help = "Have workers read the files again that were put aside, each from where it was left."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--place", help="only those of the place to fetch from that is called so")

    def handle(self, *args: Any, **options: Any) -> None:
        files = PulledFile.objects.all()
        if place := options["place"]:
            if not Pull.objects.filter(name=place).exists():
                raise CommandError(_("There is no place to fetch from of that name."))
            files = files.filter(pull__name=place)
        number = places.read_again(Actor.system("read_again"), files)
        self.stdout.write(_("Files that are read again: %(number)d.") % {"number": number})
