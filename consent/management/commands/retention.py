"""`manage.py retention rules|preview|run`: how long what is kept, what is due now, and destroying it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from cdp.core.types import Actor
from consent import retention

ACTOR = Actor.system("retention")


class Command(BaseCommand):
    help = "Show for how long data is kept, count what is due, or destroy it as the nightly task does."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["rules", "preview", "run"])

    def handle(self, *args: Any, **options: Any) -> None:
        {"rules": self._rules, "preview": self._preview, "run": self._run}[options["what"]]()

    def _rules(self) -> None:
        for kept in retention.standing():
            days = _("without end") if kept.period.days is None else _("%(days)d days") % {"days": kept.period.days}
            because = f" ({kept.period.because_of})" if kept.period.because_of else ""
            self.stdout.write(f"{kept.what.label} · {kept.source} · {kept.data_class or '*'}: {days}{because}")

    def _preview(self) -> None:
        found = retention.preview(seconds=float("inf"))
        self._say(found.due)
        self.stdout.write(_("kept by legal holds: %(number)d") % {"number": found.held})

    def _run(self) -> None:
        done = retention.run(ACTOR)
        if done is None:
            self.stdout.write(_("Nothing was done: there are no rules, or another worker is at it."))
            return
        self._say({what: of for what, of in done.counts.items() if isinstance(of, dict)})
        self.stdout.write(_("kept by legal holds: %(number)d") % {"number": done.counts.get("held", 0)})

    def _say(self, due: dict[str, dict[str, int]]) -> None:
        for what, of in due.items():
            for source, number in sorted(of.items()):
                self.stdout.write(f"{retention.What(what).label} · {source}: {number:,}")
