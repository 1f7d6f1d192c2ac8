"""Reads of ingestion."""

from cdp.ingestion.models import Pull, PulledFile
from cdp.ingestion.words import failure

# Files that were left alone, for whatever reason.
PUT_ASIDE = {"pull__enabled": True, "failed__gt": ""}


def failing_places() -> list[tuple[str, str]]:
    """The places that could not be fetched from the last time, and why, in words."""
    failing = Pull.objects.filter(enabled=True).exclude(failed="")
    return [(pull.name, failure(pull.failed)) for pull in failing.order_by("name")]


def files_put_aside() -> int:
    """How many files of places that are fetched from were left alone, for what they are or lack."""
    return PulledFile.objects.filter(**PUT_ASIDE).exclude(failed="replaced").count()
