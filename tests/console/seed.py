"""A small world for the console's tests: a row in every table, people with personal values, written directly."""

import hashlib
import random
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from cdp.core import crypto
from cdp.core.actions import audit, count
from cdp.core.models import Touched, Watermark
from cdp.core.types import Actor, uuid7
from cdp.events.actions import create_source
from cdp.events.models import Event, Place, PlannedField, Product, Quarantined, ReferenceValue, Source
from cdp.events.quality_models import Anomaly, FieldCount, SeenField
from cdp.ingestion import uploads
from cdp.profiles.models import ContactPoint, Golden, Group, GroupMember, TraitPeriod
from consent.models import (
    ConsentRecord,
    Effective,
    Notice,
    PrivacyRequest,
    RetentionRule,
    RetentionRun,
    Suppression,
)  # fmt: skip
from consent.request_models import Challenge, Erasure, ErasureStep, KeptTransaction, LegalHold, PersonNotice
from identity import queries
from identity.models import (
    BlockedValue,
    Claim,
    HouseholdHint,
    Identifier,
    Link,
    LinkageModel,
    ModelRequest,
    Move,
    Profile,
    ProfileChange,
    Record,
    ResolutionRun,
    ReviewCase,
)  # fmt: skip
from segments import destinations, versions
from segments.models import (
    Assignment,
    ComputedTrait,
    Delivery,
    ExportJob,
    ExportPart,
    ListEntry,
    Membership,
    Run,
    Segment,
    Subscription,
    Told,
    Transition,
    UploadedList,
    Version,
)

FAMILY, GIVEN = "김이박최정강조윤장임", ("민준", "서연", "도윤", "지우", "하은", "준서", "수아", "예준")
CHANNELS = ("web", "app", "pos", "call_center")
SEGMENTS = (
    ("vip-quiet", "VIP 고객 중 뜸해진 분", {"trait": "orders_count", "op": "gte", "value": 5}),
    ("cart-24h", "24시간 내 장바구니 이탈", {"event": "Cart Abandoned", "within": {"hours": 24}}),
    ("birthday", "이번 달 생일", {"trait": "birth_month", "op": "eq", "value": 11}),
)
NOW = timezone.now


def sources() -> list[Source]:
    actor = Actor.system("test")
    return [create_source(actor, f"{channel}-main".replace("_", "-"), channel)[0] for channel in CHANNELS]


def people(number: int, sources: list[Source], first: int = 0) -> list[Profile]:
    """`number` profiles of one to three records each, with sealed values, consents and events."""
    chance = random.Random(first)
    profiles = Profile.objects.bulk_create([Profile() for _ in range(number)])
    for index, profile in enumerate(profiles):
        person(profile, first + index, sources, chance)
    return profiles


def more(number: int) -> None:
    """More people in the same world, members of its segments too."""
    made = people(number, list(Source.objects.filter(built_in=False)), first=10_000)
    for segment in Segment.objects.all():
        Membership.objects.bulk_create([Membership(segment=segment, profile=one, entered_at=NOW()) for one in made])


def values_of(record: Record) -> dict[str, str]:
    """A record's values in the clear."""
    return queries.open_records([record.pk])[0].folded.current()


def person(profile: Profile, index: int, sources: list[Source], chance: random.Random) -> None:
    name = FAMILY[index % len(FAMILY)] + GIVEN[index % len(GIVEN)]
    values = {
        "full_name": name, "email": f"person{index}@example.com", "phone": f"+821055{index:06d}",
        "birth_date": f"19{70 + index % 30}-11-{1 + index % 28:02d}", "address": f"서울특별시 중구 세종대로 {index}",
        "city": "중구", "region": "서울",
    }  # fmt: skip
    records = [record(profile, source, index, values) for source in chance.sample(sources, chance.randint(1, 3))]
    lineage = {key: {"record": str(records[0].pk), "at": "2026-05-01T09:00:00Z", "why": "recency"} for key in values}
    traits = {
        "region": "서울", "gender": "F", "age_band": "30-39", "birth_month": 11, "orders_count": index % 9,
        "revenue_total_KRW": 48_000 * (index % 9), "has_email": True, "last_order_at": "2026-11-01T01:02:03.000000Z",
    }  # fmt: skip
    Golden.objects.create(profile=profile, traits=traits, lineage=lineage)
    for channel, likely in (("email", 0.7), ("sms", 0.5), ("alimtalk", 0.6), ("push", 0.2)):
        state = "granted" if chance.random() < likely else "withdrawn"
        Effective.objects.create(profile=profile, purpose_id="marketing", channel_id=channel, state=state, since=NOW())
    for step in range(4):
        event(records[0], sources[0], step)


def record(profile: Profile, source: Source, index: int, values: dict[str, str]) -> Record:
    pk = crypto.record_id(source.pk, "customer", f"c-{index}")
    sealed = {
        "external_id": f"c-{index}",
        "values": {name: [[value, "2026-05-01T09:00:00Z", f"m-{index}"]] for name, value in values.items()},
        "identifiers": {},
    }
    blob = crypto.seal(crypto.data_keys([pk])[pk], "identity_record", "attributes", sealed)
    made = Record.objects.create(
        pk=pk, source=source, kind="customer", profile=profile, attributes=blob, first_seen=NOW(), last_seen=NOW()
    )
    ContactPoint.objects.create(record=made, kind="email", digest=digest(values["email"]), valid_from=NOW())
    Identifier.objects.create(
        record=made, kind="email", digest=digest(values["email"]), first_seen=NOW(), last_seen=NOW()
    )
    return made


def event(record: Record, source: Source, step: int) -> Event:
    return Event.objects.create(
        source=source, message_id=str(uuid7()), type="track", name="Order Completed", record=record.pk,
        kind="customer", occurred_at=NOW() - timedelta(days=step), order_id=f"o-{step}", currency="KRW", revenue=48_000,
        properties={"category": "shoes", "quantity": 2, "gift": False},
    )  # fmt: skip


def segments(profiles: list[Profile]) -> list[Segment]:
    made = []
    for place, (key, name, rule) in enumerate(SEGMENTS):
        segment = Segment.objects.create(
            key=key, name=name, rule=rule, purpose_id="marketing", zone="Asia/Seoul", state="published"
        )
        members = profiles[:: place + 2]
        Membership.objects.bulk_create([Membership(segment=segment, profile=one, entered_at=NOW()) for one in members])
        Run.objects.create(
            segment=segment, version=1, as_of=NOW(), finished_at=NOW(), state="done", members=len(members),
            entered=len(members), left=0,
        )  # fmt: skip
        Transition.objects.create(segment=segment, profile=profiles[0].pk, kind="entered", reason="rule")
        made.append(segment)
    sent_somewhere(made[0], profiles[0])
    described(made[0], profiles[0])
    return made


def described(segment: Segment, profile: Profile) -> None:
    """What else hangs on a segment: its version, a file of its members, who is on a list, who is in which part."""
    meaning = versions.definition(segment)
    Version.objects.create(segment=segment, number=1, definition=meaning, written_by="user:root", state="published")
    listed = UploadedList.objects.create(
        key="guests", name="Guests", purpose_id="marketing", came_from="Fair", expires_at=NOW() + timedelta(days=30)
    )
    kept = Record.objects.filter(profile=profile).values_list("pk", flat=True)[0]
    ListEntry.objects.create(list=listed, record=kept)
    Assignment.objects.create(segment=segment, record=kept, variant="a", at=NOW())
    file = ExportJob.objects.create(
        segment=segment, purpose_id=segment.purpose_id, channel_id="email", format="csv", columns=["profile_id", "region"],
        reason="Letter of May", state="done", asked_by="user:root", percent=100, count=1, size=54, sha256="5a" * 32,
        made_at=NOW(), checked_at=NOW(), ends_at=NOW() + timedelta(days=1),
    )  # fmt: skip
    ExportPart.objects.create(job=file, number=0, at=NOW(), members=[profile.pk], sealed=b"")
    ComputedTrait.objects.create(
        key="orders_90d", label_en="Orders in 90 days", label_ko="90일 주문 수", kind="count", event="Order Completed",
        zone="Asia/Seoul", state="published",
    )  # fmt: skip


def sent_somewhere(segment: Segment, profile: Profile) -> None:
    """A destination that knows of one profile, and what was sent to it."""
    place, _secret = destinations.create(
        Actor.system("test"), name="mailer", address="https://mailer.example/hook", recipient="Mailer Inc", country="KR",
        purpose="marketing", channel="email",
    )  # fmt: skip
    sent = Subscription.objects.create(destination=place, segment=segment)
    Told.objects.create(subscription=sent, profile=profile.pk)
    Delivery.objects.create(destination=place, subscription=sent, state="dead", tries=10, failed="http_500")
    Delivery.objects.create(destination=place, kind="erased", digests=[digest("d")])


def rest(profiles: list[Profile], sources: list[Source]) -> None:
    """One row or more in every other table."""
    one, other = sorted(Record.objects.filter(profile=profile).order_by("pk")[0].pk for profile in profiles[:2])
    model = LinkageModel.objects.create(version="2026-11-01", parameters=b"\x01", state="retired")
    ResolutionRun.objects.create(model=model, finished_at=NOW(), counts={"records": 2})
    HouseholdHint.objects.create(left=one, right=other, household=one, shared="phone", reason="given names")
    ModelRequest.objects.create(model=model, kind="trial", actor="system:test", finished_at=NOW(), refused="model_live")
    Link.objects.create(left=one, right=other, kind="probable", weight=7.5, model=model)
    ReviewCase.objects.create(left=one, right=other, reason="gray", weight=3.2, levels={"name": 2, "birth_date": 1})
    Claim.objects.create(leaf=one, record=other, at=NOW(), message_id="m")
    BlockedValue.objects.create(kind="phone", digest=digest("blocked"), reason="shared by 400 records")
    ProfileChange.objects.create(profile=profiles[0].pk, kind="created", actor="system:test")
    Move.objects.create(record=one, joined=profiles[0].pk, actor="system:test")
    TraitPeriod.objects.create(profile=profiles[0], trait="region", value="서울", valid_from=NOW())
    group = Group.objects.create(kind="household", digest=digest("h"))
    GroupMember.objects.create(group=group, record_id=one, role="parent", since=NOW())
    Notice.objects.create(purpose_id="marketing", version="1", language="ko", text="안내")
    subjects = crypto.subjects([one, other])
    ConsentRecord.objects.create(
        key=uuid7(), subject=subjects[one], purpose_id="marketing", channel_id="email", state="granted", given_at=NOW(),
        method="form", source=sources[0], recorded_by="system:test",
    )  # fmt: skip
    Suppression.objects.create(digest=digest("gone"), kind="email", reason="erased")
    count(Source.objects.exclude(built_in=True)[0].pk, {"suppressed": 3, "suppressed:fold": 1})
    RetentionRule.objects.create(what="events", purpose_id="service", source=Source.objects.all()[0], days=365)
    RetentionRun.objects.create(actor="system:retention", counts={"events": {"shop": 3}, "held": 1}, rules=[])
    for days, kind in ((1, "erasure"), (6, "access")):
        PrivacyRequest.objects.create(
            kind=kind, subject=subjects[one], due_on=timezone.localdate() + timedelta(days=days), received_by="user:1"
        )
    privacy(subjects[one], one)
    for reason in ("bad_time", "too_long", "bad_time"):
        Quarantined.objects.create(source=sources[0], digest=digest(str(uuid7())), reason=reason, sealed=b"\x01")
    PlannedField.objects.create(event="Order Completed", path="category", treatment="clear")
    uploads.create(Actor.system("test"), sources[0].pk, "records", "people.csv", "회원번호,이름\nC1,김민준\n".encode())
    seen = SeenField.objects.create(source=sources[0], event="Order Completed", field="gift", first=NOW().date())
    FieldCount.objects.create(field=seen, day=NOW().date(), count=4)
    Anomaly.objects.create(
        source=sources[0], day=NOW().date() - timedelta(days=4), measure="late", value=0.4, usual=0.01
    )
    Place.objects.create(key="gangnam", name="강남점", region="서울", zone="Asia/Seoul")
    Product.objects.create(sku="S-1", name="운동화", category="신발", price=89_000, currency="KRW")
    ReferenceValue.objects.create(
        reference="weather", key="서울", valid_from=NOW(), values={"high": 3.5, "rain": False}
    )
    audit(Actor.system("test"), "test.done", subject=subjects[one])
    count(sources[0].pk, {"taken": 10})
    Touched.objects.create(stage="profiles", subject=profiles[0].pk)
    Watermark.objects.create(stage="identity", system_identifier="1", txid=2**60)


def privacy(subject: UUID, record: UUID) -> None:
    """A request that is answered by an erasure, and what hangs on it."""
    request = PrivacyRequest.objects.create(
        kind="erasure", subject=subject, state="approved", due_on=timezone.localdate() + timedelta(days=9), via="person",
        received_by="person", approved_by="user:1",
    )  # fmt: skip
    kept = {"statute": "kr_ecommerce", "article": "§6", "what": "transactions", "rows": 1, "until": "2031-11-01"}
    certificate = {
        "erased": {"events_event": 2}, "severed": {"core_auditentry": 3}, "kept": [kept], "suppressed_identifiers": 4,
        "destinations": [], "backups_expire_on": "2026-12-27",
    }  # fmt: skip
    erasure = Erasure.objects.create(request=request, state="failed", retry_at=NOW(), certificate=certificate)
    ErasureStep.objects.create(erasure=erasure, place=0, hook="segments.privacy", counts={"t": 1}, done_at=NOW())
    ErasureStep.objects.create(erasure=erasure, place=1, hook="cdp.events.privacy", tries=2, failed="OperationalError")
    KeptTransaction.objects.create(
        erasure=erasure, statute="kr_ecommerce", order_id="o-1", name="Order Completed", occurred_at=NOW(),
        currency="KRW", revenue=48_000, keep_until=timezone.localdate(),
    )  # fmt: skip
    PersonNotice.objects.create(request=request, what="received", tries=1, failed="OSError")
    LegalHold.objects.create(subject=subject, reason="claim", reference="2026-17", set_by="user:1")
    Challenge.objects.create(kind="access", digest=digest("c"), sealed=b"\x01", expires_at=NOW())


def everything(number: int = 6) -> dict[str, Any]:
    """The whole small world."""
    made = sources()
    profiles = people(number, made)
    kept = segments(profiles)
    rest(profiles, made)
    return {"sources": made, "profiles": profiles, "segments": kept}


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def subject_of(record: UUID) -> UUID:
    return crypto.subjects([record])[record]
