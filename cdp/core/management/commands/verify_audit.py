"""Compute the audit's chain of hashes anew, compare it with the anchor outside, and name the first bad row."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdp.core import anchor, chain
from cdp.core.actions import audit
from cdp.core.types import Actor


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--restored", metavar="REASON",
            help="say that a backup was restored, so that what the anchor knows of later rows is history",
        )  # fmt: skip

    def handle(self, *, restored: str | None, **_: Any) -> None:
        if restored:
            self._say_restored(restored)
        try:
            found = chain.verify()
        except ValueError as error:
            raise CommandError(f"The anchor {settings.AUDIT_ANCHOR_FILE} cannot be read: {error}.") from error
        if found.fault is not None:
            raise CommandError(told(found.fault))
        self.stdout.write(
            f"{found.rows:,} rows are as they were written, up to number {found.last} with hash {found.link.hex()}; "
            f"{found.anchors:,} lines of the anchor agree."
        )

    def _say_restored(self, reason: str) -> None:
        """Possible only where everything else is sound: a chain that was changed is no backup."""
        found = chain.verify()
        if found.fault is not None and found.fault.what != chain.CUT:
            raise CommandError(told(found.fault))
        anchor.note_restored(found.last, reason)
        audit(Actor.system("verify_audit"), "audit.restored", target=str(found.last))


def told(fault: chain.Fault) -> str:
    """A fault in words."""
    named = f"Row {fault.seq}" if fault.seq else "A row"
    return f"{named}{f' ({fault.row})' if fault.row else ''} {fault.what}."
