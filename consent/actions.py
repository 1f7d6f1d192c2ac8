"""Writes of consent."""

from collections import Counter
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import connection, transaction

from cdp.core import crypto
from cdp.core.actions import count
from cdp.core.touched import touch
from cdp.core.types import uuid7
from cdp.core.wake import wake
from consent import sql
from consent.models import ConsentRecord, ContactChannel, Purpose
from consent.types import NewConsent

# key, kind of contact point, whether the night needs a consent of its own
CONTACT_CHANNELS = (
    ("email", "email", False),
    ("sms", "phone", True),
    ("alimtalk", "phone", True),
    ("push", "push", True),
    ("call", "phone", True),
    ("post", "address", False),
    ("ad_audience", "", False),
)
# key, Korean, English, legal basis, required, data classes, re-confirmed every … years
PURPOSES = (
    ("service", "서비스 제공", "Providing the service", "contract", True, ["general", "location", "credit"], None),
    ("marketing", "마케팅 정보 수신", "Marketing messages", "consent", False, ["general"], 2),
    ("marketing_night", "야간 마케팅 정보 수신", "Marketing at night", "consent", False, ["general"], 2),
    ("personalisation", "맞춤 추천", "Personalisation", "consent", False, ["general", "location"], None),
    ("analytics", "통계 분석", "Analytics", "interest", False, ["general"], None),
)


def ship_rows(using: str) -> None:
    """The contact channels and purposes every installation starts with."""
    ContactChannel.objects.using(using).bulk_create(
        [ContactChannel(key=key, point=point, night_rule=night) for key, point, night in CONTACT_CHANNELS],
        ignore_conflicts=True,
    )
    Purpose.objects.using(using).bulk_create(
        [
            Purpose(
                key=key, name_ko=ko, name_en=en, basis=basis, required=required, data_classes=classes,
                reconfirm_years=years,
            )
            for key, ko, en, basis, required, classes, years in PURPOSES
        ],
        ignore_conflicts=True,
    )


# --- the ledger -----------------------------------------------------------------------------------------------------


@transaction.atomic
def record_consents(consents: Iterable[NewConsent]) -> int:
    """Append lines to the ledger in the caller's transaction; returns how many were new.

    A line that is there already (same `key`) is left alone; a blank state writes nothing; a purpose, contact channel or
    state that does not exist is counted against its source and not written. The profiles concerned, by record or by the
    contact point named, are left for the consent stage and the pipeline is woken.
    """
    lines = _writable([consent for consent in consents if consent.state])
    if not lines:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(sql.INSERT_LINES, [list(column) for column in zip(*_rows(lines), strict=True)])
        written = cursor.fetchall()
    _touch_profiles(written)
    return len(written)


def _writable(consents: Sequence[NewConsent]) -> list[NewConsent]:
    purposes = set(Purpose.objects.values_list("key", flat=True))
    channels: set[str | None] = {None, *ContactChannel.objects.values_list("key", flat=True)}
    writable, refused = [], Counter[tuple[UUID | None, str]]()
    for consent in consents:
        if consent.purpose not in purposes:
            refused[consent.source, "consent_unknown_purpose"] += 1
        elif consent.channel not in channels:
            refused[consent.source, "consent_unknown_channel"] += 1
        elif consent.state not in ConsentRecord.State.values:
            refused[consent.source, "consent_unknown_state"] += 1
        else:
            writable.append(consent)
    for (source, kind), number in sorted(refused.items(), key=str):
        count(source, {kind: number})
    return writable


def _rows(lines: Sequence[NewConsent]) -> list[tuple[object, ...]]:
    keys = crypto.data_keys(line.record for line in lines if line.record)
    return [_row(line, keys[line.record] if line.record else None) for line in lines]


def _row(line: NewConsent, key: crypto.RecordKey | None) -> tuple[object, ...]:
    proof = None
    if key and line.proof is not None:
        proof = crypto.seal(key, "consent_consentrecord", "proof", line.proof)
    return (
        uuid7(), line.key, key.id if key else None, line.contact[1] if line.contact else None,
        line.purpose, line.channel, line.brand, line.recipient, line.country, line.basis,
        line.notice_version, line.notice_language, line.state, line.given_at, line.method, line.source,
        proof, line.expires_at, line.recorded_by,
    )  # fmt: skip


def _touch_profiles(written: Iterable[tuple[UUID | None, bytes | None]]) -> None:
    written = list(written)
    subjects = [subject for subject, _ in written if subject]
    contacts = [bytes(contact) for _, contact in written if contact]
    with connection.cursor() as cursor:
        cursor.execute(sql.PROFILES_NAMED, {"subjects": subjects, "contacts": contacts})
        touch("consent", [row[0] for row in cursor.fetchall()])
    if written:
        wake()
