"""What each package's `privacy` module must offer, and how they are visited (`settings.PRIVACY_HOOKS`, in that order)."""

from importlib import import_module
from typing import Any, Protocol, cast
from uuid import UUID

from django.conf import settings


class PrivacyHooks(Protocol):
    """A package's own knowledge of the personal data in its tables."""

    def export(self, records: list[UUID]) -> dict[str, Any]:
        """Everything the package holds about these records, readable, and nothing of others."""

    def erase(self, records: list[UUID]) -> dict[str, int]:
        """Erase it, in the caller's transaction; table → rows. Doing it again is harmless."""


def hooks() -> dict[str, PrivacyHooks]:
    """The hooks by module name, in order of erasure."""
    return {name: cast(PrivacyHooks, import_module(name)) for name in settings.PRIVACY_HOOKS}
