"""What holds for every input: a status of the contract, nothing lost, nothing personal in the clear."""

import json
import logging
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.core.models import Counter
from cdp.core.types import Actor
from cdp.events.models import Quarantined, Source
from cdp.ingestion.vocabulary import words
from consent.actions import suppress
from consent.models import ConsentRecord
from tests.ingestion.wire import counters, post, send, track

pytestmark = pytest.mark.django_db
Shop = tuple[Source, str]
STATUSES = {200, 400, 401, 404, 413, 503}
WORDS = st.sampled_from(
    ["u1", "", "null", "0", "kim@shop.kr", "010-1234-5678", "900101-1234568", "한글", "\ud800", "\0", "x" * 300,
     "[object Object]", "\ufeff", "2026-03-04T05:06:07Z", "9999-12-31T23:59:59-23:59", "Order Refunded", "track", "1e400", "NaN"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=8) | st.just(10**400)
NAMES = st.sampled_from(
    sorted(words(
        "type event userId anonymousId messageId timestamp originalTimestamp sentAt context properties traits groupId previousId "
        "name category integrations writeKey email revenue total currency order_id orderId products session_id place consent "
        "categoryPreferences externalIds id encoding device campaign ip address sessionId marketing:email"
    ))
) | st.text(max_size=4)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=12
)
TYPES = st.sampled_from(["track", "identify", "page", "screen", "group", "alias"])
MESSAGES = st.dictionaries(NAMES, VALUES, max_size=8) | st.builds(
    lambda kind, more: {"userId": "u1", "event": "e", "groupId": "g", "previousId": "p"} | more | {"type": kind},
    TYPES, st.dictionaries(NAMES, VALUES, max_size=6),
)  # fmt: skip
EVERY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def accounted() -> None:
    seen = counters()
    received = seen.pop("received", 0)
    assert received == sum(n for kind, n in seen.items() if not kind.startswith("consent_"))


@EVERY
@given(messages=st.lists(MESSAGES | VALUES, min_size=1, max_size=4))
def test_whatever_json_arrives_nothing_is_lost(shop: Shop, messages: list[Any]) -> None:
    Quarantined.objects.filter(reason="unexpected").delete()
    before = Counter.objects.filter(kind="received").values_list("count", flat=True).first() or 0
    response = send(shop[1], *messages)
    assert (response.status_code, response.content) == (200, b'{"success":true}')
    assert counters()["received"] - before == len(messages)
    accounted()
    assert not Quarantined.objects.filter(reason="unexpected").exists()


@EVERY
@given(
    body=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")) | VALUES
)
@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track", "/v1/i"])
def test_whatever_bytes_arrive_the_answer_is_the_contracts(shop: Shop, path: str, body: Any) -> None:
    response = post(path, body, shop[1])
    assert response.status_code in STATUSES
    answer = json.loads(response.content)
    assert answer == {"success": True} if response.status_code == 200 else {"code", "message"} < set(answer)


# --- nothing personal in the clear --------------------------------------------------------------------------------------

EMAIL, PHONE, CARD = "canary.bird@secret.kr", "010-9876-5432", "4111 1111 1111 1111"
FULL_NAME, STREET, NOTE = "카나리아 노란새", "세종대로 987 카나리빌딩", "카나리아가 어제 전화로 길게 불평했다고 적었다"
CANARIES = (EMAIL, PHONE, CARD, "9876-5432", "98765432", "노란새", "카나리", "canary.bird", "1990-07-19")


def canary_messages() -> list[dict[str, Any]]:
    traits = {
        "email": EMAIL, "phone": PHONE, "name": FULL_NAME, "firstName": "노란새", "address": {"street": STREET}, "memo": NOTE,
        "birthday": "1990-07-19", "이름": FULL_NAME, "extra": EMAIL, "nested": {"deep": [PHONE, CARD]}, "company": {"name": "카나리"},
    }  # fmt: skip
    texts = [EMAIL, PHONE, CARD, NOTE]
    places = [
        lambda text: {"userId": text}, lambda text: {"anonymousId": text}, lambda text: {"messageId": text},
        lambda text: {"event": text}, lambda text: {"properties": {"any": text}}, lambda text: {"properties": {text: 1}},
        lambda text: {"properties": {"products": [{"name": text[:64], "gift": text}]}},
        lambda text: {"properties": {"order_id": text}},
        lambda text: {"properties": {"place": text, "account": text, "session_id": text, "coupon": [text]}},
        lambda text: {"context": {"campaign": {"name": text}, "sessionId": text, "page": {"url": text}, "traits": {"x": text}}},
        lambda text: {"context": {"device": {"id": text}, "externalIds": [{"id": text, "type": "email"}, {"id": "1", "type": text}]}},
        lambda text: {"context": {"consent": {"categoryPreferences": {text: True}}}},
        lambda text: {"timestamp": text, "sentAt": text},
        lambda text: {"integrations": {text: True}, text: text}, lambda text: {"type": text},
        lambda text: {"userId": None, "name": text},
        lambda text: {"type": "page", "name": text[:64], "category": text[:64]}, lambda text: {"properties": text},
        lambda text: {"type": "group", "groupId": text, "traits": {"name": text}}, lambda text: {"type": "alias", "previousId": text},
    ]  # fmt: skip
    strange = [
        track(messageId=None) | place(text)
        for text in texts
        for place in places
        if text is not NOTE or place in places[:2]
    ]
    noted = [track(messageId="n1", properties={"comment": NOTE}), track(messageId="n2", properties={"any": NOTE * 2})]
    return [{"type": "identify", "userId": "u1", "messageId": "i1", "traits": traits}, *strange, *noted]


def everything_in_the_clear() -> str:
    """The text of every row of every table, ours and Django's."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('public', 'keys') order by 1"
        )
        tables = [row[0] for row in cursor.fetchall()]
        texts = []
        for table in tables:
            cursor.execute(f"select coalesce(string_agg(t::text, ' '), '') from {table} t")
            texts.append(cursor.fetchone()[0])
    return " ".join(texts)


def test_personal_values_stand_nowhere_in_the_clear(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert send(shop[1], *canary_messages()).status_code == 200
    seen = counters()
    assert seen["taken"] > 40 and sum(seen.values()) > 80 and "quarantined:unexpected" not in seen
    text = everything_in_the_clear()
    assert [canary for canary in CANARIES if canary in text] == []
    hexed = [canary for canary in CANARIES if canary.encode().hex() in text]
    assert hexed == []
    sent = [record.getMessage() for record in caplog.records if not record.name.startswith("django.db")]
    assert [canary for canary in CANARIES for line in sent if canary in line] == []


# --- consent and suppression --------------------------------------------------------------------------------------------


def test_preferences_become_ledger_lines_once(shop: Shop) -> None:
    preferences = {"marketing:email": True, "analytics": False, "unheard": True, "marketing": "yes"}
    message = track(context={"consent": {"categoryPreferences": preferences}})
    for _ in range(2):
        send(shop[1], message, track(messageId="m2", context={"consent": {}}), track(messageId="m3"))
    lines = set(ConsentRecord.objects.values_list("purpose_id", "channel_id", "state", "brand", "method"))
    assert lines == {("marketing", "email", "granted", "haru", "sdk"), ("analytics", None, "withdrawn", "haru", "sdk")}
    assert ConsentRecord.objects.count() == 2


@pytest.mark.parametrize(
    "message",
    [
        {"type": "identify", "userId": "u1", "traits": {"email": "ＫＩＭ@Shop.KR"}},
        {"type": "identify", "userId": "u1", "context": {"traits": {"email": "kim@shop.kr"}}},
        {"type": "identify", "userId": "kim@shop.kr"},
        {"type": "identify", "userId": "u1", "traits": {"phone": "+82 10 1234 5678"}},
        track(context={"externalIds": [{"id": "KIM@shop.kr", "type": "email"}]}),
        track(context={"traits": {"email": "kim@shop.kr"}}),
        track(properties={"any": "kim@shop.kr"}),
    ],
)
def test_who_was_erased_does_not_come_back(shop: Shop, message: dict[str, Any]) -> None:
    suppress(Actor.system("test"), "email", ["kim@shop.kr"], "erasure")
    suppress(Actor.system("test"), "phone", ["010-1234-5678"], "erasure")
    preferences = {"categoryPreferences": {"marketing": True}}
    message = message | {"messageId": "bad", "context": message.get("context", {}) | {"consent": preferences}}
    assert send(shop[1], message, track(messageId="good")).status_code == 200
    assert counters() == {"received": 2, "taken": 1, "suppressed": 1}
    assert not ConsentRecord.objects.exists()
