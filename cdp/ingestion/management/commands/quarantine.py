"""`manage.py quarantine list|replay|drop`: what does not fit, and what becomes of it."""

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from cdp.core.errors import Refused
from cdp.core.progress import Progress
from cdp.core.types import Actor
from cdp.events import queries
from cdp.events.quarantine import Chosen
from cdp.events.types import QUARANTINE_REASONS, QuarantineGroup, Remedy
from cdp.ingestion import replay

ACTOR = Actor.system("quarantine")
MOST_GROUPS = 1000


class Command(BaseCommand):
    help = "Show what waits in quarantine, send it through the doors again, or destroy it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["list", *Remedy.values])
        parser.add_argument("--source", help="name of the source; without it `list` shows all")
        parser.add_argument("--reason", default="", help="only of this reason, as `list` names it")
        parser.add_argument("--place", help="only at this place, as `list` names it: a file, or a part of a message")
        parser.add_argument("--mapping", type=Path, help="replay rows of files by this mended mapping")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "list":
            self._list(queries.quarantine_groups(MOST_GROUPS, self._source(options) if options["source"] else None))
            return
        if options["what"] == Remedy.DROP and not options["reason"]:
            raise CommandError(_("Say what is to be dropped: --reason."))
        chosen = Chosen(self._source(options), options["reason"], options["place"])
        try:
            request = replay.ask(ACTOR, Remedy(options["what"]), chosen, self._mended(options))
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        with Progress(_("Quarantine")) as progress:
            replay.run(request, lambda counts: progress.say(f"{counts.total():,}"))
        self._say(*replay.outcome(request))

    def _source(self, options: dict[str, Any]) -> Any:
        source = queries.source_by_name(options["source"] or "")
        if source is None:
            raise CommandError(_("There is no source of that name: make one with create_source."))
        return source.id

    def _mended(self, options: dict[str, Any]) -> bytes | None:
        try:
            return bytes(options["mapping"].read_bytes()) if options["mapping"] else None
        except OSError:
            raise CommandError(_("There is no such mapping.")) from None

    def _list(self, groups: list[QuarantineGroup]) -> None:
        for group in groups:
            self.stdout.write(
                f"{group.number:>9,}  {group.source_name}  {group.reason}  {group.place or '-'}  "
                f"{group.first:%Y-%m-%d %H:%M} … {group.last:%Y-%m-%d %H:%M}"
            )
            self.stdout.write(f"           {QUARANTINE_REASONS.get(group.reason, '')}".rstrip())

    def _say(self, counts: Counter[str], refused: str) -> None:
        if refused:
            raise CommandError(_("The source is switched off: nothing of it is taken in."))
        said = {
            _("taken"): counts["taken"],
            _("repeated"): counts["repeated"],
            _("suppressed"): counts["suppressed"],
            _("without the consent that the source requires"): counts["unconsented"],
            _("still in quarantine"): counts["still"],
            _("dropped"): counts["dropped"],
        }
        self.stdout.write(", ".join(f"{name}: {number:,}" for name, number in said.items()))
