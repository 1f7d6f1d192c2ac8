"""`manage.py tracking_plan list|load|diff|infer|retire`: what events there should be, in files that are reviewed."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from cdp.core.errors import Refused
from cdp.core.types import Actor
from cdp.events import queries
from cdp.events.tracking import plans, samples
from cdp.events.tracking.changes import changes
from cdp.events.tracking.files import Plan, find, read, shipped
from cdp.events.tracking.infer import inferred
from cdp.events.types import VIOLATIONS

ACTOR = Actor.system("tracking_plan")
LATEST = 10_000


class Command(BaseCommand):
    help = "Load tracking plans from files, tell what a file would change, or write one from what arrived."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["list", "load", "diff", "infer", "retire"])
        parser.add_argument("plans", nargs="*", help="files, or the names of shipped plans; for infer one new name")
        parser.add_argument("--source", help="infer, diff: look at events of this source only")
        parser.add_argument("--event", default="", help="infer: look at events of this name only")
        parser.add_argument(
            "--latest", type=int, default=LATEST, help="infer, diff: how many stored events are looked at"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        work = getattr(self, f"_{options['what']}")
        try:
            work(options)
        except Refused as refusal:
            raise CommandError(str(refusal)) from None

    def _list(self, options: dict[str, Any]) -> None:
        known = plans.in_force()
        for row in known:
            events = _("%(count)d events") % {"count": len(row.content["events"])}
            self.stdout.write(f"{row.key}  {row.version}  {row.source or '*'}  {events}")
        for key in sorted({*shipped()} - {row.key for row in known}):
            self.stdout.write(f"{key}  " + _("shipped, not loaded"))

    def _load(self, options: dict[str, Any]) -> None:
        for plan in self._read(options):
            row, new = plans.load(ACTOR, plan)
            said = _("%(plan)s: version %(version)d is in force.") if new else _("%(plan)s: version %(version)d stays.")
            self.stdout.write(said % {"plan": row.key, "version": row.version})

    def _diff(self, options: dict[str, Any]) -> None:
        for plan in self._read(options):
            self.stdout.write(f"{plan.key}:")
            for line in changes(plans.current(plan.key), plan.content):
                self.stdout.write(f"  {line}")
            self._say_differences(plan, options)

    def _say_differences(self, plan: Plan, options: dict[str, Any]) -> None:
        source = self._source(options["source"] or plan.content.get("source"))
        described, found, differ = samples.differences(plan, samples.latest(options["latest"], source))
        counted = {"described": described, "differ": differ}
        self.stdout.write("  " + _("Of the latest events it describes %(described)d; %(differ)d differ.") % counted)
        for one, number in sorted(found.items(), key=lambda pair: (-pair[1], pair[0])):
            self.stdout.write(f"{number:>9,}  {one.event}  {one.place or '-'}  {one.kind} ({VIOLATIONS[one.kind]})")

    def _infer(self, options: dict[str, Any]) -> None:
        if len(options["plans"]) != 1:
            raise CommandError(_("Give the new plan a name."))
        kept = samples.latest(options["latest"], self._source(options["source"]), options["event"])
        content = inferred(options["plans"][0], ((one.name, one.clear, one.sealed) for one in kept))
        if not content["events"]:
            raise CommandError(_("No such events are kept."))
        if options["source"]:
            content["source"] = options["source"]
        self.stdout.write(json.dumps(Plan.of(content).content, ensure_ascii=False, indent=2))

    def _retire(self, options: dict[str, Any]) -> None:
        for key in options["plans"]:
            plans.retire(ACTOR, key)
            self.stdout.write(_("%(plan)s: in force no more.") % {"plan": key})

    def _read(self, options: dict[str, Any]) -> list[Plan]:
        if not options["plans"]:
            raise CommandError(_("Name a file, or a shipped plan: %(plans)s.") % {"plans": ", ".join(shipped())})
        return [self._one(name) for name in options["plans"]]

    def _one(self, name: str) -> Plan:
        try:
            return read(find(name))
        except Refused as refusal:
            raise CommandError(f"{name}: {refusal}") from None

    def _source(self, name: str | None) -> Any:
        source = queries.source_by_name(name) if name else None
        if name and source is None:
            raise CommandError(_("There is no source of that name: make one with create_source."))
        return source.id if source else None
