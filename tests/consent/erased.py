"""A person in every store, and what is left of them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction

from cdp import pipeline
from cdp.core import crypto
from cdp.core.models import User
from cdp.core.types import Actor, now
from cdp.events.actions import quarantine, store
from cdp.events.models import Source
from cdp.events.types import NewEvent, Refusal
from cdp.ingestion import gate
from consent import erasure, requests
from consent.grounds import Door, Proof
from consent.models import PrivacyRequest
from consent.request_models import Erasure
from identity.models import Profile, Record
from tests.consent.people import say

CLERK, OFFICER = Actor("user:clerk"), Actor("user:officer")
EMAIL, PHONE = "erase.me@shop.example", "010-2345-6789"


def source() -> Source:
    fields = {"channel_id": "web", "zone": "Asia/Seoul", "currency": "KRW"}
    return Source.objects.get_or_create(name="web", defaults=fields)[0]


def event(name: str, kind: str = "track", user: str = "u1", **more: Any) -> NewEvent:
    made, sealed = source(), more.pop("sealed", {})
    return NewEvent(
        source=made.id, message_id=str(uuid4()), type=kind, name=name, record=crypto.record_id(made.id, "user", user),
        kind="user", occurred_at=more.pop("at", datetime(2026, 1, 1, tzinfo=UTC)), properties=more.pop("properties", {}),
        sealed={"external_id": user, **sealed}, **more,
    )  # fmt: skip


def somebody(user: str = "u1", email: str = EMAIL, phone: str = PHONE) -> UUID:
    """A user who is in every store: events, an order, quarantine, the ledger, the log of Django's forms. Their record."""
    said = {"attributes": {"email": email, "phone": phone, "full_name": "Erin Erased"}}
    order = {"order_id": f"o-{user}", "revenue": 90_000, "currency": "KRW", "at": now() - timedelta(days=30)}
    events = [event("Identify", "identify", user, sealed=said), event("Order Completed", user=user, **order)]
    with transaction.atomic():
        store(events)
        content = {"userId": user, "traits": {"email": email}}
        refused = Refusal(
            source().id,
            crypto.blind_index("test", user),
            "bad_time",
            content,
            now(),
            "",
            gate.identifier_digests(content),
        )
        quarantine([refused])
    pipeline.advance()
    record = events[0].record
    say(record, "granted", now(), proof={"form": "7"})
    pipeline.advance()
    profile = Record.objects.get(pk=record).profile_id
    staff = User.objects.get_or_create(username="staff")[0]
    LogEntry.objects.create(
        user=staff, content_type=ContentType.objects.get_for_model(Profile), object_id=str(profile), action_flag=CHANGE,
        object_repr=str(profile),
    )  # fmt: skip
    return record


def profile_of(record: UUID) -> UUID:
    found = Record.objects.get(pk=record).profile_id
    assert found is not None
    return found


def approved(record: UUID, kind: str = "erasure") -> PrivacyRequest:
    request = requests.receive(CLERK, kind, profile_of(record), via=Door.CONSOLE)
    requests.verify(CLERK, request.pk, Proof.DOCUMENT)
    return requests.approve(OFFICER, request.pk)


def erased(record: UUID) -> Erasure:
    """The finished erasure of a record's person."""
    request = approved(record)
    assert erasure.run(request.erasure.pk)
    pipeline.advance()
    return Erasure.objects.get(request=request)


def holding(*texts: str) -> set[str]:
    """Tables of which a row, written as text, contains one of these."""
    found = set()
    with connection.cursor() as cursor:
        for model in apps.get_models():
            table = model._meta.db_table
            for text in texts:
                cursor.execute(f'select exists (select from "{table}" t where t::text like %s)', [f"%{text}%"])
                if cursor.fetchone()[0]:
                    found.add(table)
    return found
