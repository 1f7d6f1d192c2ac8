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
    tool = Tool("segments:read", "members:read", "profiles:read", "profiles:lookup")
    she_signs_up_and_buys_on_the_web()
    she_uses_the_app_of_the_sister_brand()
    she_buys_at_the_till()
    she_is_known_to_the_call_centre()
    segment("big-spenders", BIG_SPENDERS, brand="haru")
    pipeline.resolve()
    person = the_profile_that_five_records_became()
    the_tool_finds_her_by_any_spelling(tool, person)
    what_she_spent_adds_up(tool, person)
    last = the_tool_pulls_her_as_a_member(tool, person)
    she_withdraws_on_the_telephone()
    at_once_nobody_gets_her(tool)
    pipeline.advance()
    the_change_says_why(tool, person, since=last)


# --- four channels ----------------------------------------------------------------------------------------------------


def she_signs_up_and_buys_on_the_web() -> None:
    """Somebody looks around, signs up and agrees to marketing mail, buys."""
    paid = {"order_id": "o-1", "revenue": 90_000, "currency": "KRW"}
    send(source("web", "web"), [
        message(1, "page", 30, anonymousId="cookie-1", name="Shoes"),
        message(2, "identify", 29, anonymousId="cookie-1", userId="w-1", context=agrees(True),
                traits={"name": "김서연", "email": "Seoyeon@shop.example", "phone": "010-2345-6789"}),
        message(3, "track", 28, userId="w-1", event="Order Completed", properties=paid),
    ])  # fmt: skip


def she_uses_the_app_of_the_sister_brand() -> None:
    """The same person by another id: only the e-mail says so."""
    traits = {"email": "seoyeon@shop.example", "name": "김서연"}
    send(source("app", "app", brand="onsae"), [message(4, "identify", 20, userId="a-77", traits=traits)])


def she_buys_at_the_till() -> None:
    """The till knows a card and a phone."""
    source("till", "pos")
    card = {"external_id": "card-9", "full_name": "김서연", "phone": "01023456789", "updated_at": day(10)}
    assert "taken: 1" in import_rows("records", "till", [card])
    bought = {"line": "1", "at": day(5), "member": "card-9", "receipt": "r-1", "total": "60000", "phone": ""}
    assert "taken: 1" in import_rows("events", "till", [bought], TILL)


def she_is_known_to_the_call_centre() -> None:
    """The call centre knows a phone."""
    source("calls", "call_center")
    caller = {"external_id": "c-5", "full_name": "김서연", "phone": "+82 10 2345 6789", "updated_at": day(3)}
    assert "taken: 1" in import_rows("records", "calls", [caller])


# --- one person -------------------------------------------------------------------------------------------------------


def the_profile_that_five_records_became() -> str:
    kinds = sorted(Record.objects.values_list("kind", flat=True))
    assert kinds == ["anonymous", "customer", "customer", "user", "user"]
    return str(Profile.objects.get(state="live").pk)


def the_tool_finds_her_by_any_spelling(tool: Tool, person: str) -> None:
    assert tool.post("/profiles/lookup", {"email": "SEOYEON@shop.example"})["profiles"] == [person]


def what_she_spent_adds_up(tool: Tool, person: str) -> None:
    """On the web and at the till."""
    traits = tool.get(f"/profiles/{person}")["traits"]
    assert traits["channels"] == "app,call_center,pos,web" and traits["revenue_total_KRW"] == 150_000


# --- in a segment and out of it ---------------------------------------------------------------------------------------


def the_tool_pulls_her_as_a_member(tool: Tool, person: str) -> int:
    """Returns the number up to which the tool knows all changes."""
    members = tool.get("/segments/big-spenders/members", **MAIL)["results"]
    assert [member["profile_id"] for member in members] == [person]
    told = tool.get("/segments/big-spenders/changes", **MAIL, since=0)
    assert (told["results"][0]["profile_id"], told["results"][0]["kind"]) == (person, "entered")
    return int(told["next_since"])


def she_withdraws_on_the_telephone() -> None:
    called = {"external_id": "c-5", "consent:marketing:email": "withdrawn", "consent_at": day(0), "updated_at": day(0)}
    import_rows("records", "calls", [called])


def at_once_nobody_gets_her(tool: Tool) -> None:
    assert tool.get("/segments/big-spenders/members", **MAIL)["results"] == []


def the_change_says_why(tool: Tool, person: str, since: int) -> None:
    news = tool.get("/segments/big-spenders/changes", **MAIL, since=since)["results"]
    assert [(one["profile_id"], one["kind"], one["reason"]) for one in news] == [(person, "left", "consent")]
