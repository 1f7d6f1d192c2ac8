"""The main job end to end: four channels, one person, consent, a segment, REST, and a withdrawal that is honoured."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cdp import pipeline
from cdp.ingestion import sources
from identity.models import Profile, Record
from tests.flow.doors import TILL, Tool, import_rows, segment, send, source

MAIL = {"purpose": "marketing", "channel": "email"}
BIG_SPENDERS = {"trait": "revenue_total_KRW", "op": "gte", "value": 100_000}
NOW = datetime.now(UTC)


def message(number: int, type_: str, days_ago: float, **fields: Any) -> dict[str, Any]:
    at = (NOW - timedelta(days=days_ago)).isoformat()
    return {"type": type_, "messageId": f"m{number}", "timestamp": at, "sentAt": NOW.isoformat(), **fields}


def agrees(yes: bool) -> dict[str, Any]:
    return {"consent": {"categoryPreferences": {"marketing:email": yes}}}


def day(days_ago: float) -> str:
    return (NOW - timedelta(days=days_ago)).isoformat(timespec="seconds")


@pytest.mark.django_db(transaction=True)
def test_one_person_from_four_channels_to_a_pulled_segment_and_out_of_it() -> None:
    sources.forget()
    web, app = source("web", "web"), source("app", "app", brand="onsae")
    source("till", "pos")
    source("calls", "call_center")
    tool = Tool("segments:read", "members:read", "profiles:read", "profiles:lookup")

    # Web: somebody looks around, signs up, buys. App of the sister brand: the same person by another id.
    send(web, [
        message(1, "page", 30, anonymousId="cookie-1", name="Shoes"),
        message(2, "identify", 29, anonymousId="cookie-1", userId="w-1", context=agrees(True),
                traits={"name": "김서연", "email": "Seoyeon@shop.example", "phone": "010-2345-6789"}),
        message(3, "track", 28, userId="w-1", event="Order Completed",
                properties={"order_id": "o-1", "revenue": 90_000, "currency": "KRW"}),
    ])  # fmt: skip
    send(app, [message(4, "identify", 20, userId="a-77", traits={"email": "seoyeon@shop.example", "name": "김서연"})])
    # The till knows a card and a phone; the call centre a phone.
    rows = [{"external_id": "card-9", "full_name": "김서연", "phone": "01023456789", "updated_at": day(10)}]
    assert "taken: 1" in import_rows("records", "till", rows)
    bought = [{"line": "1", "at": day(5), "member": "card-9", "receipt": "r-1", "total": "60000", "phone": ""}]
    assert "taken: 1" in import_rows("events", "till", bought, TILL)
    caller = [{"external_id": "c-5", "full_name": "김서연", "phone": "+82 10 2345 6789", "updated_at": day(3)}]
    assert "taken: 1" in import_rows("records", "calls", caller)

    big = segment("big-spenders", BIG_SPENDERS, brand="haru")
    pipeline.resolve()

    # Five records, four channels, one profile; what she spent on the web and at the till adds up.
    assert sorted(Record.objects.values_list("kind", flat=True)) == [
        "anonymous",
        "customer",
        "customer",
        "user",
        "user",
    ]
    person = str(Profile.objects.get(state="live").pk)
    found = tool.post("/profiles/lookup", {"email": "SEOYEON@shop.example"})["profiles"]
    assert found == [person]
    traits = tool.get(f"/profiles/{person}")["traits"]
    assert traits["channels"] == "app,call_center,pos,web" and traits["revenue_total_KRW"] == 150_000

    members = tool.get(f"/segments/{big.key}/members", **MAIL)["results"]
    assert [member["profile_id"] for member in members] == [person]
    told = tool.get(f"/segments/{big.key}/changes", **MAIL, since=0)
    assert (told["results"][0]["profile_id"], told["results"][0]["kind"]) == (person, "entered")

    # She withdraws on the telephone: at once nobody gets her, and the change says why.
    called = {"external_id": "c-5", "consent:marketing:email": "withdrawn", "consent_at": day(0), "updated_at": day(0)}
    import_rows("records", "calls", [called])
    assert tool.get(f"/segments/{big.key}/members", **MAIL)["results"] == []
    pipeline.advance()
    news = tool.get(f"/segments/{big.key}/changes", **MAIL, since=told["next_since"])["results"]
    assert [(one["profile_id"], one["kind"], one["reason"]) for one in news] == [(person, "left", "consent")]
