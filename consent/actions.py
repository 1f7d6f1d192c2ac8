"""Writes of consent."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext

from cdp.core import crypto
from cdp.core.actions import audit, count
from cdp.core.errors import Refused
from cdp.core.models import DataKey
from cdp.core.statements import column, fetch
from cdp.core.touched import touch
from cdp.core.types import Actor, now, uuid7
from cdp.core.wake import wake
from consent import clocks, queries, regimes, sql, suppression
from consent.grounds import Door
from consent.models import ConsentRecord, ContactChannel, PrivacyRequest, Purpose
from consent.types import Change, NewConsent
from identity import queries as identity
from identity.linkage.normalise import identifier
from identity.types import Reason

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
# What leaves for others' audiences is shared: whoever objects to that is not among them, whatever the purpose.
SHARING, SHARED_BY = "sale_sharing", "ad_audience"
GENERAL = ["general"]
# key, Korean, English, legal basis, regime, what else is not as by default
PURPOSES: tuple[tuple[str, str, str, str, str, dict[str, Any]], ...] = (
    (
        "service", "서비스 제공", "Providing the service", "contract", "pipa",
        {"required": True, "data_classes": ["general", "location", "credit"]},
    ),
    ("marketing", "마케팅 정보 수신", "Marketing messages", "consent", "network_act", {}),
    ("marketing_night", "야간 마케팅 정보 수신", "Marketing at night", "consent", "network_act", {}),
    ("personalisation", "맞춤 추천", "Personalisation", "consent", "pipa", {"data_classes": ["general", "location"]}),
    ("analytics", "통계 분석", "Analytics", "interest", "pipa", {}),
    ("advertising", "맞춤형 광고", "Personalised advertising", "consent", "gdpr", {"tcf": [1, 2, 3, 4]}),
    (SHARING, "개인정보 판매·공유", "Sale and sharing of personal data", "interest", "ccpa", {"heeds_gpc": True}),
)  # fmt: skip


def ship_rows(using: str) -> None:
    """The regimes, purposes and contact channels every installation starts with."""
    first = regimes.ship(using)
    purposes, channels = Purpose.objects.using(using), ContactChannel.objects.using(using)
    known = {"data_classes": GENERAL}
    purposes.bulk_create(
        [
            Purpose(key=key, name_ko=ko, name_en=en, basis=basis, regime_id=regime, **known | more)
            for key, ko, en, basis, regime, more in PURPOSES
        ],
        ignore_conflicts=True,
    )
    channels.bulk_create(
        [ContactChannel(key=key, point=point, night_rule=night) for key, point, night in CONTACT_CHANNELS],
        ignore_conflicts=True,
    )
    if first:
        # Purposes and channels of a deployment that had no regimes yet; what an officer changes later stays.
        for key, _, _, _, regime, _ in PURPOSES:
            purposes.filter(key=key, regime=None).update(regime=regime)
        channels.filter(key=SHARED_BY, also=None).update(also=SHARING)


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
    written = fetch(sql.INSERT_LINES, list(zip(*_rows(lines), strict=True)))
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
        line.notice_version, line.notice_language, line.state, line.given_at, line.method,
        line.guardian, line.source, proof, line.expires_at, line.recorded_by,
    )  # fmt: skip


def _touch_profiles(written: Sequence[tuple[Any, ...]]) -> None:
    subjects = [subject for subject, _ in written if subject]
    contacts = [bytes(contact) for _, contact in written if contact]
    touch("consent", column(sql.PROFILES_NAMED, {"subjects": subjects, "contacts": contacts}))
    if written:
        wake()


# --- the effective state --------------------------------------------------------------------------------------------


@transaction.atomic
def refresh_effective(profile_ids: Iterable[UUID]) -> list[Change]:
    """Rewrite what the ledger adds up to for these profiles, and for those they were merged into; returns what changed.

    Harmless to run again and at once: the profiles are locked in order, and what is committed by then is read. A change
    with the same state before and after is one of its expiry only.
    """
    locked = column(sql.LOCK_PROFILES, {"profiles": sorted(set(profile_ids))})
    changed = fetch(sql.REFRESH_EFFECTIVE, {"profiles": locked, "lapses": queries.unconfirmed_lapses()})
    return [Change(*row) for row in changed]


# --- suppression and requests ---------------------------------------------------------------------------------------


@transaction.atomic
def suppress(actor: Actor, kind: str, values: Iterable[str], reason: str) -> int:
    """Keep these identifiers of `kind` (email, phone, loyalty_id, …; `loyalty_id:BRAND` for one brand) from ever coming
    back, whatever their spelling.

    Returns how many were new. `Refused` when a value is none of its kind: what can never match protects nobody.
    """
    normalised = {identifier(kind.partition(":")[0], value) for value in values}
    if None in normalised:
        raise Refused("not_an_identifier", gettext("A value to suppress is not a usable identifier of its kind."))
    return suppression.add(actor, [(kind, value) for value in normalised if value], reason)


@transaction.atomic
def open_request(
    actor: Actor,
    kind: str,
    subject: UUID,
    *,
    regime: str = "pipa",
    received_at: datetime | None = None,
    via: str = Door.CONSOLE,
    **details: Any,
) -> PrivacyRequest:
    """Take a person's request and start its statutory clock. `subject`: the random id of a data key of theirs.

    `details` hold no personal value. `Refused` for an unknown kind or regime.
    """
    if kind not in PrivacyRequest.Kind.values:
        raise Refused("unknown_request", "There is no such kind of privacy request.")
    received = received_at or now()
    request = PrivacyRequest.objects.create(
        kind=kind, subject=subject, regime=regime, via=via, received_at=received, due_on=clocks.due_on(regime, received),
        details=details, received_by=actor.name,
    )  # fmt: skip
    audit(actor, "privacy_request.opened", subject=subject, target=str(request.id), kind=kind, regime=regime)
    return request


@transaction.atomic
def rectify(actor: Actor, request: PrivacyRequest, attribute: str, value: str) -> UUID:
    """Correct a value as a person's rectification request asks: it outranks every import, like any steward's correction.

    Once for each attribute; closing the request is a step of its own. Returns the record of the correction. `Refused`:
    `not_to_rectify` for another kind of request, or before it is verified or after it is closed; `not_found` where the
    person is gone; as `cdp.profiles.actions.correct`.
    """
    states = (PrivacyRequest.State.VERIFIED, PrivacyRequest.State.APPROVED)
    if request.kind != PrivacyRequest.Kind.RECTIFICATION or request.state not in states:
        raise Refused(
            "not_to_rectify", gettext("Only a verified rectification request, not closed yet, corrects values.")
        )
    records = DataKey.objects.filter(pk=request.subject).values_list("record", flat=True)
    found = identity.profiles_of(records)
    if not found:
        raise Refused("not_found", gettext("There is no such profile."))
    corrected = suppression.correct(actor, found[0], attribute, value, Reason.PERSON_ASKED)
    audit(actor, "privacy_request.rectified", subject=request.subject, target=str(request.id), attribute=attribute)
    return corrected
