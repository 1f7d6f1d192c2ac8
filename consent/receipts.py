"""Consent receipts in the shape of ISO/IEC TS 27560:2023: header, processing, parties, events, by the names it gives them.

A line of the ledger is a consent record; its receipt is a copy for the person, with the events of its scope since. It holds
ids and keys of ours and nothing of the sealed proof.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _

from cdp.core.errors import Refused
from cdp.core.models import DataKey
from consent.models import ConsentRecord, Notice, Purpose
from identity import queries as identity

SCHEMA = "ISO/IEC TS 27560:2023"
STATES = {"granted": "consent given", "withdrawn": "consent withdrawn", "refused": "consent refused"}
SIGNALS = ("gpc", "tcf", "bounce")
CONTROLLER = "controller"
RIGHTS = ("access", "rectification", "erasure", "restriction", "portability", "objection", "explanation", "withdrawal")


def receipt(line: UUID, purpose: str = "", channel: str = "") -> dict[str, Any]:
    """The receipt of one line of the ledger, for a reader bound to a purpose and contact channel ("": any).

    Raises `Refused`, `not_found`: also for a line that names only a number or address, which is nobody's receipt.
    """
    found = ConsentRecord.objects.select_related("purpose__regime").filter(_readable(purpose, channel), pk=line).first()
    if found is None:
        raise Refused("not_found", _("There is no such consent record."))
    return _receipt(found)


def of_profile(
    profile: UUID, after: UUID | None, limit: int, purpose: str = "", channel: str = ""
) -> tuple[list[dict[str, Any]], bool]:
    """The receipts of the lines given by a live profile's records, in order of their ids after `after`; whether there are
    more."""
    records = [record.id for record in identity.all_records(profile)]
    subjects = DataKey.objects.filter(record__in=records).values("pk")
    lines = ConsentRecord.objects.select_related("purpose__regime").filter(
        _readable(purpose, channel), subject__in=subjects
    )
    page = list((lines.filter(pk__gt=after) if after else lines).order_by("pk")[: limit + 1])
    return [_receipt(line) for line in page[:limit]], len(page) > limit


def _readable(purpose: str, channel: str) -> Q:
    asked = Q(subject__isnull=False)
    if purpose:
        asked &= Q(purpose=purpose)
    return asked & (Q(channel=channel) | Q(channel=None)) if channel else asked


def _receipt(line: ConsentRecord) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA,
        "receipt_id": str(line.pk),
        "consent_record": {
            "schema_version": SCHEMA,
            "record_id": str(line.pk),
            "pii_principal_id": str(line.subject),
            "pii_processing": _processing(line),
            "party_identification": _parties(line),
            "events": [_event(one) for one in _since(line)],
        },
    }


def _processing(line: ConsentRecord) -> dict[str, Any]:
    purpose = line.purpose
    return {
        "privacy_notice": _notice(line),
        "language": line.notice_language or None,
        "purposes": [_purpose(line, purpose)],
        "jurisdiction": purpose.regime_id,
        "withdrawal_method": settings.CONTROLLER["withdrawal"] or None,
        "privacy_rights": list(RIGHTS),
    }


def _notice(line: ConsentRecord) -> dict[str, Any] | None:
    """The text that was agreed to, with its digest; only its version where it was not published here."""
    if not line.notice_version:
        return None
    named = {"version": line.notice_version, "language": line.notice_language}
    published = Notice.objects.filter(purpose=line.purpose_id, **named).first()
    return named | ({"text": published.text, "sha256": published.sha256} if published else {})


def _purpose(line: ConsentRecord, purpose: Purpose) -> dict[str, Any]:
    korean = line.notice_language == "ko"
    recipients = [{"party_id": line.recipient, "country": line.country or None}] if line.recipient else []
    return {
        "purpose": purpose.key,
        "purpose_description": purpose.name_ko if korean else purpose.name_en,
        "lawful_basis": line.basis,
        "pii_information": [
            {"pii_type": one, "pii_optional": not purpose.required, "sensitive_pii_category": one == "sensitive"}
            for one in purpose.data_classes
        ],
        "pii_controllers": [CONTROLLER],
        "collection_method": line.method,
        "processing_method": line.channel_id or "all contact channels",
        "services": [line.brand] if line.brand else [],
        "storage_locations": [settings.CONTROLLER["country"]],
        "processing_locations": [settings.CONTROLLER["country"], *([line.country] if line.country else [])],
        "geographic_restrictions": [],
        "retention_period": line.expires_at.isoformat() if line.expires_at else "until withdrawn",
        "recipient_third_parties": recipients,
    }


def _parties(line: ConsentRecord) -> list[dict[str, Any]]:
    ours = settings.CONTROLLER
    parties = [
        {
            "party_id": CONTROLLER, "party_type": "organisation", "party_role": "PII controller",
            "party_name": ours["name"], "party_address": ours["address"], "party_email": ours["email"],
            "party_phone": ours["phone"], "party_url": ours["url"], "party_contact": ours["contact"],
        },
        {"party_id": str(line.subject), "party_type": "individual", "party_role": "PII principal"},
    ]  # fmt: skip
    if line.guardian:
        parties.append(
            {"party_id": "guardian", "party_type": "individual", "party_role": "guardian of the PII principal"}
        )
    if line.recipient:
        parties.append(
            {"party_id": line.recipient, "party_type": "organisation", "party_role": "recipient third party"}
        )
    return parties


def _since(line: ConsentRecord) -> list[ConsentRecord]:
    """The line itself and every later one of its person about the same purpose, contact channel and brand."""
    same = ConsentRecord.objects.filter(subject=line.subject, purpose=line.purpose_id, brand=line.brand)
    scope = same.filter(Q(channel=line.channel_id) | Q(channel=None)) if line.channel_id else same.filter(channel=None)
    later = scope.filter(given_at__gte=line.given_at).exclude(pk=line.pk).order_by("given_at", "pk")
    return [line, *later[:100]]


def _event(line: ConsentRecord) -> dict[str, Any]:
    return {
        "event_time": line.given_at.isoformat(),
        "event_type": "signal" if line.method in SIGNALS else "expressed consent",
        "event_state": STATES[line.state],
        "entity_id": "guardian" if line.guardian else str(line.subject),
        "validity_duration": _duration(line.expires_at - line.given_at) if line.expires_at else None,
        "record_id": str(line.pk),
    }


def _duration(lasts: timedelta) -> str:
    """ISO 8601: days and seconds."""
    return f"P{lasts.days}DT{lasts.seconds}S"
