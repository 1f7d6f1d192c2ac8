"""What consent holds about records, to export and to erase."""

from typing import Any
from uuid import UUID

from django.db import transaction

from cdp.core import crypto
from cdp.core.touched import touch
from cdp.core.wake import wake
from consent import challenges
from consent.models import ConsentRecord, Effective, PrivacyRequest
from identity import queries as identity

LINE = (
    "id", "purpose", "channel", "brand", "recipient", "country", "basis", "notice_version", "notice_language",
    "state", "given_at", "received_at", "expires_at", "method", "source__name",
)  # fmt: skip
REQUEST = ("id", "kind", "regime", "state", "received_at", "due_on", "closed_at")


def export(records: list[UUID]) -> dict[str, Any]:
    """The lines of the ledger given by these records, each with its proof, and their privacy requests."""
    keys = {key.id: key for key in crypto.existing_data_keys(records).values()}
    lines = ConsentRecord.objects.filter(subject__in=keys).order_by("given_at", "key")
    requests = PrivacyRequest.objects.filter(subject__in=keys).order_by("received_at", "id")
    return {
        "consents": [_line(line, keys) for line in lines.values("subject", "proof", *LINE)],
        "requests": list(requests.values(*REQUEST)),
    }


@transaction.atomic
def erase(records: list[UUID]) -> dict[str, int]:
    """Delete the effective state and count the lines and requests that are severed: table → rows.

    The ledger stays whole: once the data keys are destroyed no line leads to a record and no proof can be opened. What
    other records of the same profiles say is added up again by the consent stage.
    """
    ids = [key.id for key in crypto.existing_data_keys(records).values()]
    profiles = identity.profiles_of(records)
    deleted, _ = Effective.objects.filter(profile__in=profiles).delete()
    touch("consent", profiles)
    wake()
    return {
        "consent_effective": deleted,
        "consent_challenge": challenges.forget(records),
        "consent_consentrecord": ConsentRecord.objects.filter(subject__in=ids).count(),
        "consent_privacyrequest": PrivacyRequest.objects.filter(subject__in=ids).count(),
    }


def _line(line: dict[str, Any], keys: dict[UUID, crypto.RecordKey]) -> dict[str, Any]:
    key, proof = keys[line.pop("subject")], line.pop("proof")
    return line | {"proof": crypto.unseal(key, "consent_consentrecord", "proof", proof) if proof else None}
