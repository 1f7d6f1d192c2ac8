"""Reads of ingestion."""

from cdp.ingestion.models import Pull
from cdp.ingestion.words import failure


def failing_places() -> list[tuple[str, str]]:
    """The places that could not be fetched from the last time, and why, in words."""
    failing = Pull.objects.filter(enabled=True).exclude(failed="")
    return [(pull.name, failure(pull.failed)) for pull in failing.order_by("name")]
