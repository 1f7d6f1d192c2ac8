"""Who is under a legal hold, record by record: of them nothing is destroyed."""

from uuid import UUID

from consent import people
from consent.request_models import LegalHold


def under_hold() -> set[UUID]:
    """All records of everybody on whom a hold stands, those too that their profile gained since it was set."""
    subjects = LegalHold.objects.filter(released_at=None).values_list("subject", flat=True).distinct()
    return {record for subject in subjects for record in people.records_of(subject)}
