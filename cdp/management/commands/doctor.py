"""`manage.py doctor`: what is wrong and what to do, the exit code 1 when something is grave."""

import faulthandler
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from cdp.management.doctor import findings

# Far beyond what all checks take: who asks what is wrong is told where it hangs rather than left to wait.
MOST_SECONDS = 100


class Command(BaseCommand):
    help = "Say what is wrong with this installation and what to do; ends with 1 when data is lost, late or at risk."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        faulthandler.dump_traceback_later(MOST_SECONDS, exit=True)
        found = []
        for finding in findings():
            found.append(finding)
            style, mark = (self.style.ERROR, "✗") if finding.grave else (self.style.WARNING, "!")
            self.stdout.write(f"{style(mark)} {finding.what}\n  → {finding.do}")
        if not found:
            self.stdout.write(self.style.SUCCESS("✓ " + _("Nothing is wrong.")))
        if any(finding.grave for finding in found):
            raise SystemExit(1)
