"""Keys, callers and people for the tests of the API, set up straight in the tables."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from django.test import Client

from cdp.core import crypto
from cdp.core.actions import SCOPES, create_service_key
from cdp.core.types import Actor
from cdp.events.models import Channel, Source
from cdp.profiles.models import ContactPoint, Golden
from consent.actions import record_consents, refresh_effective
from consent.types import NewConsent
from identity.models import Identifier, Profile, Record
from segments import actions
from segments.models import Segment

NOW = datetime(2026, 6, 1, 3, tzinfo=UTC)
START = datetime(2024, 1, 1, tzinfo=UTC)
ACTOR = Actor.system("test")
VIP = {"trait": "orders_count", "op": "gte", "value": 3}
# Nobody else in a test is called so: where one of these is found, a personal value has come out.
VALUES = {"full_name": "구슬기카나리아", "email": "canary.kim@example.kr", "phone": "+821055501234"}
EXTERNAL = "canary-external-77"
MARKETING = {"purpose": "marketing", "channel": "email"}


def secret(*scopes: str, **bound: Any) -> str:
    """The secret of a new key."""
    return create_service_key(ACTOR, f"tool {uuid4()}", scopes, **bound)[1]


class Caller:
    """A client with a key of its own."""

    def __init__(self, *scopes: str, **bound: Any) -> None:
        self.secret = secret(*scopes, **bound)
        self.client = Client(headers={"Authorization": f"Bearer {self.secret}"}, raise_request_exception=False)

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Any:
        return self.client.get(f"/api/v1{path}" if path.startswith("/") else path, query, headers=headers)

    def post(self, path: str, body: Any = None) -> Any:
        return self.client.post(f"/api/v1{path}", json.dumps({} if body is None else body), "application/json")

    def patch(self, path: str, body: Any) -> Any:
        return self.client.patch(f"/api/v1{path}", json.dumps(body), "application/json")


def everything(**bound: Any) -> Caller:
    """A caller whose key has every scope."""
    return Caller(*SCOPES, **bound)


def source(name: str = "shop", brand: str = "") -> Source:
    Channel.objects.get_or_create(key="web")
    defaults = {"channel_id": "web", "zone": "Asia/Seoul", "currency": "KRW", "brand": brand}
    return Source.objects.get_or_create(name=name, defaults=defaults)[0]


def person(**traits: Any) -> UUID:
    """A live profile of one record without personal values."""
    profile = Profile.objects.create()
    Record.objects.create(
        id=uuid4(), source=source(), kind="customer", profile=profile, first_seen=START, last_seen=START
    )
    Golden.objects.create(profile=profile, traits=traits)
    return profile.id


def people(number: int, **traits: Any) -> list[UUID]:
    return sorted(person(**traits) for _ in range(number))


def canary(identifiers: dict[str, str] | None = None, of: Source | None = None) -> UUID:
    """A profile of one record with the personal values above, indexed by e-mail, phone and `identifiers`."""
    shop = of or source()
    pk = crypto.record_id(shop.pk, "customer", EXTERNAL)
    sealed = {
        "external_id": EXTERNAL,
        "values": {name: [[value, "2026-05-01T09:00:00.000000Z", "m"]] for name, value in VALUES.items()},
        "identifiers": {},
    }
    blob = crypto.seal(crypto.data_keys([pk])[pk], "identity_record", "attributes", sealed)
    profile = Profile.objects.create()
    record = Record.objects.create(
        pk=pk, source=shop, kind="customer", profile=profile, attributes=blob, first_seen=START, last_seen=START,
        traits={"favourite": ["boots", "2026-05-01T09:00:00.000000Z", "m"]},
    )  # fmt: skip
    lineage = {name: {"record": str(pk), "at": "2026-05-01T09:00:00.000000Z", "why": "latest"} for name in VALUES}
    Golden.objects.create(profile=profile, traits={"region": "서울", "orders_count": 5}, lineage=lineage)
    indexed = {"email": VALUES["email"], "phone": VALUES["phone"]} | (identifiers or {})
    for kind, value in indexed.items():
        digest = crypto.blind_index(kind, value)
        Identifier.objects.create(record=record, kind=kind, digest=digest, first_seen=START, last_seen=START)
    ContactPoint.objects.create(
        record=record, kind="email", digest=crypto.contact_digest("email", VALUES["email"]), valid_from=START
    )
    return profile.id


def merged(into: UUID) -> UUID:
    """An id that redirects."""
    return Profile.objects.create(state="merged", redirect_id=into).id


def record_of(profile: UUID) -> UUID:
    return Record.objects.values_list("id", flat=True).get(profile=profile)


def says(profiles: UUID | list[UUID], state: str, **fields: Any) -> None:
    """A line of the ledger, and everything that follows from it."""
    listed = [profiles] if isinstance(profiles, UUID) else profiles
    records = dict(Record.objects.filter(profile__in=listed).values_list("profile_id", "id"))
    crypto.data_keys(records.values())
    defaults: dict[str, Any] = {
        "purpose": "marketing", "channel": "email", "given_at": datetime.now(UTC), "method": "form",
        "recorded_by": "system:test", "state": state,
    }  # fmt: skip
    record_consents([NewConsent(key=uuid4(), record=records[one], **defaults | fields) for one in listed])
    actions.note_consent_changes(refresh_effective(listed))


def segment(key: str = "vip", rule: object = VIP, publish: bool = True, **fields: Any) -> Segment:
    purpose = fields.pop("purpose", "marketing")
    made = actions.create_segment(ACTOR, key=key, name=key, purpose=purpose, rule=rule, **fields)
    return actions.publish(ACTOR, made) if publish else made


def filled(number: int = 3) -> tuple[Segment, list[UUID]]:
    """A computed segment whose members all agree to marketing mail."""
    made, ids = segment(), people(number, orders_count=3, country="KR")
    says(ids, "granted")
    actions.recompute(made.pk, NOW)
    return made, ids


def walk(caller: Caller, path: str, **query: Any) -> Iterator[list[Any]]:
    """Every page, by following `next`."""
    answer = caller.get(path, **query).json()
    yield answer["results"]
    while answer["next"]:
        answer = caller.get(answer["next"].removeprefix("http://testserver/api/v1")).json()
        yield answer["results"]


def is_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The problem of an answer, which is one as RFC 9457 has it."""
    body: dict[str, Any] = json.loads(answer.content)
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "detail", "instance"} <= body.keys()
    return body
