"""Reads of ingestion."""

from cdp.ingestion.models import Pull


def failing_places() -> list[tuple[str, str]]:
    """The places that could not be fetched from the last time, and why."""
    failing = Pull.objects.filter(enabled=True).exclude(failed="")
    return list(failing.order_by("name").values_list("name", "failed"))
