"""What becomes of each field of a message, as real libraries send them."""

from datetime import UTC, datetime, timedelta

import pytest

from cdp.core import crypto
from cdp.core.types import now
from cdp.events.models import Event, PlannedField, Quarantined, Source
from tests.ingestion.wire import counters, post, reasons, refused_content, sealed, send, track

pytestmark = pytest.mark.django_db
Shop = tuple[Source, str]


def only() -> Event:
    return Event.objects.get()


def test_a_user_event_belongs_to_the_user_and_names_its_leaves(shop: Shop) -> None:
    source, key = shop
    send(key, track(anonymousId="a1", context={"device": {"id": "d1", "token": "t"}}))
    event = only()
    assert (event.record, event.kind) == (crypto.record_id(source.id, "user", "u1"), "user")
    assert event.leaves == {
        "anonymous": str(crypto.record_id(source.id, "anonymous", "a1")),
        "device": str(crypto.record_id(source.id, "device", "d1")),
    }
    assert sealed(event)["external_id"] == "u1"
    assert sealed(event)["leaf_ids"] == {"anonymous": "a1", "device": "d1"}


@pytest.mark.parametrize(
    "user", [None, "", "null", "0", "-1", "undefined", "[object Object]", "00000000", "---", True, {}, []]
)
def test_what_identifies_nobody_is_no_user(shop: Shop, user: object) -> None:
    send(shop[1], track(userId=user, anonymousId="a1"))
    assert (only().kind, only().leaves) == ("anonymous", {})


def test_numeric_ids_are_text(shop: Shop) -> None:
    send(shop[1], track(userId=123456789), track(messageId="m2", userId="123456789"))
    assert Event.objects.values("record").distinct().count() == 1


def test_a_device_alone_is_a_leaf(shop: Shop) -> None:
    send(shop[1], track(userId=None, context={"device": {"id": "d1"}}))
    assert only().kind == "device"


def test_nobody_is_quarantined_with_what_was_sent(shop: Shop) -> None:
    send(shop[1], track(userId=None, properties={"email": "kim@shop.kr"}))
    assert reasons() == ["no_identity"]
    kept = Quarantined.objects.get()
    assert refused_content(kept)["properties"] == {"email": "kim@shop.kr"}
    assert [bytes(digest) for digest in kept.identifiers] == [crypto.blind_index("email", "kim@shop.kr")]


@pytest.mark.parametrize("where", ["root", "context", "both"])
def test_identify_traits_at_the_root_or_in_the_context(shop: Shop, where: str) -> None:
    said = {
        "email": "kim@shop.kr",
        "firstName": "철수",
        "plan": "gold",
        "age": 34,
        "address": {"city": "서울", "postalCode": "04524"},
    }
    message = {"type": "identify", "userId": "u1", "messageId": "m"}
    message |= {} if where == "context" else {"traits": said}
    message |= {} if where == "root" else {"context": {"traits": said}}
    send(shop[1], message)
    assert (only().name, only().properties) == ("Identify", {"plan": "gold", "age": 34})
    attributes = {"email": "kim@shop.kr", "given_name": "철수", "city": "서울", "postcode": "04524"}
    assert sealed(only())["attributes"] == attributes


@pytest.mark.parametrize("kind", ["track", "page", "group"])
def test_only_identify_speaks_of_the_person(shop: Shop, kind: str) -> None:
    context = {"traits": {"email": "kim@shop.kr", "plan": "gold"}}
    send(shop[1], track(type=kind, groupId="g1", context=context))
    parts = sealed(only())
    assert "attributes" not in parts and "traits" not in parts and "plan" not in only().properties
    assert parts["context"]["traits"] == context["traits"]


def test_groups(shop: Shop) -> None:
    send(
        shop[1],
        {"type": "group", "userId": "u1", "groupId": "g1", "traits": {"industry": "retail", "name": "Kim & sons"}},
    )
    assert only().properties == {"industry": "retail"}
    assert sealed(only())["identifiers"] == {"group_id": ["g1"]}
    assert sealed(only())["properties"] == {"name": "Kim & sons"}


def test_alias_claims_the_earlier_id_and_a_self_alias_does_nothing(shop: Shop) -> None:
    send(
        shop[1],
        {"type": "alias", "userId": "u1", "previousId": "a1"},
        {"type": "alias", "userId": "u2", "previousId": "u2"},
    )
    claimed, idle = Event.objects.order_by("message_id").order_by("-leaves")
    assert {len(claimed.leaves), len(idle.leaves)} == {0, 1}
    leaf = str(crypto.record_id(shop[0].id, "anonymous", "a1"))
    assert [leaf] in [list(event.leaves.values()) for event in (claimed, idle)]


def test_pages_keep_their_name_as_a_property(shop: Shop) -> None:
    send(shop[1], track(type="page", name="Home", category="Landing", properties={"path": "/"}))
    assert (only().name, only().properties) == ("Page Viewed", {"path": "/", "name": "Home", "category": "Landing"})


def test_external_ids_become_identifiers(shop: Shop) -> None:
    listed = [
        {"id": "kim@shop.kr", "type": "email", "collection": "users", "encoding": "none"},
        {"id": "GA1.2", "type": "ga client-id"},
        {"id": "hashed", "type": "email", "encoding": "sha256"},
        {"id": "null", "type": "phone"},
        {"type": "phone"}, "nonsense", None,
    ]  # fmt: skip
    send(shop[1], track(context={"externalIds": listed}))
    assert sealed(only())["identifiers"] == {"email": ["kim@shop.kr"], "ga_client_id": ["GA1.2"]}


def test_reserved_properties_become_columns(shop: Shop) -> None:
    said = {"order_id": "O-1", "revenue": 19.99, "currency": "USD", "store_id": "S7", "accountId": "A9"}
    context = {"sessionId": 1763752411000, "campaign": {"name": "Spring sale for everyone we know"}}
    send(shop[1], track(event="Order Completed", properties=said, context=context))
    event = only()
    assert (event.order_id, event.revenue, event.currency, event.place, event.account) == (
        "O-1",
        1999,
        "USD",
        "S7",
        "A9",
    )
    assert (event.session, event.campaign, event.brand) == ("1763752411000", "Spring sale for everyone we know", "haru")


@pytest.mark.parametrize(
    ("said", "minor", "currency"),
    [
        ({"revenue": 12000}, 12000, "KRW"),
        ({"revenue": 0.1, "currency": "USD"}, 10, "USD"),
        ({"revenue": 1.005, "currency": "USD"}, 101, "USD"),
        ({"revenue": "12.5", "currency": "EUR"}, 1250, "EUR"),
        ({"revenue": 1.5, "currency": "KWD"}, 1500, "KWD"),
        ({"revenue": 5, "currency": "won"}, 5, "KRW"),
        ({"total": 7}, 7, "KRW"),
        ({"revenue": "free"}, None, None),
        ({"revenue": True}, None, None),
    ],
)
def test_money_is_exact_in_minor_units(
    shop: Shop, said: dict[str, object], minor: int | None, currency: str | None
) -> None:
    send(shop[1], track(event="Order Completed", properties=said))
    assert (only().revenue, only().currency) == (minor, currency)


def test_a_refund_is_stored_positive(shop: Shop) -> None:
    send(shop[1], track(event="Order Refunded", properties={"revenue": -300}))
    assert only().revenue == 300


# --- clear or sealed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("email", "x"), ("customerEmail", "x"), ("phone_number", 821012345678), ("이름", "x"), ("휴대폰 번호", "x"),
        ("receiver_name", "x"), ("any", "kim@shop.kr"), ("any", "call 010-1234-5678"), ("any", "+82 10 1234 5678"),
        ("any", "02-123-4567"), ("any", "ＫＩＭ@X.kr"), ("any", "4111 1111 1111 1111"), ("any", 4111111111111111),
        ("any", "x" * 65), ("any", "one two three four"), ("memo", "ok"), ("kim@shop.kr", "x"), ("kim@shop.kr", True),
        ("x" * 65, "x"), ("any", ["a", "kim@shop.kr"]), ("latitude", 37.5),
    ],
)  # fmt: skip
def test_personal_values_are_sealed(shop: Shop, name: str, value: object) -> None:
    send(shop[1], track(properties={name: value, "sku": "A"}))
    assert only().properties == {"sku": "A"}
    assert sealed(only())["properties"] == {name: value}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("color", "dark blue"), ("size", 42), ("price", 19.9), ("gift", True), ("due", "2026-03-04"), ("sku", "A-1234-5678"),
        ("tags", ["a", "b"]), ("nested", {"a": {"b": 1}}), ("email_domain", "shop.kr"), ("email_verified", True), ("age", 34),
        ("stamp", "20261121000012345"), ("상품이름", "운동화"), ("id", "550e8400-e29b-41d4-a716-446655440000"), ("empty", []),
    ],
)  # fmt: skip
def test_harmless_values_stay_clear(shop: Shop, name: str, value: object) -> None:
    send(shop[1], track(properties={name: value, "nothing": None}))
    assert only().properties == {name: value}


def test_products_keep_their_names_and_lose_what_is_personal(shop: Shop) -> None:
    products = [
        {"sku": "A", "name": "Very long name of a running shoe", "gift_email": "kim@shop.kr"},
        {"sku": "B", "price": 5},
    ]
    send(shop[1], track(event="Order Completed", properties={"products": products}))
    assert only().properties["products"] == [{"sku": "A", "name": products[0]["name"]}, {"sku": "B", "price": 5}]
    assert sealed(only())["properties"]["products"] == [{"gift_email": "kim@shop.kr"}, {}]


def test_the_tracking_plan_has_the_last_word(shop: Shop) -> None:
    source, key = shop
    PlannedField.objects.create(source=None, event="", path="slogan", treatment="clear")
    PlannedField.objects.create(source=source, event="Product Viewed", path="color", treatment="sealed")
    PlannedField.objects.create(source=source, event="", path="nested.note", treatment="clear")
    send(key, track(properties={"slogan": "a b c d e f", "color": "red", "nested": {"note": "n"}}))
    assert only().properties == {"slogan": "a b c d e f", "nested": {"note": "n"}}
    assert sealed(only())["properties"] == {"color": "red"}


def test_a_personal_order_id_becomes_a_stand_in(shop: Shop) -> None:
    for number in range(2):
        send(
            shop[1],
            track(
                messageId=f"m{number}", event="Order Completed", properties={"order_id": "kim@shop.kr", "revenue": 1}
            ),
        )
    first, second = Event.objects.all()
    assert first.order_id == second.order_id and "kim" not in first.order_id
    assert "order_id" not in first.properties and sealed(first)["properties"]["order_id"] == "kim@shop.kr"


def test_addresses_of_hosts_are_truncated(shop: Shop) -> None:
    send(shop[1], track(context={"ip": "203.0.113.77"}, properties={"ip": "2001:db8:1:2:3::4"}))
    assert sealed(only())["context"]["ip"] == "203.0.113.0"
    assert sealed(only())["properties"]["ip"] == "2001:db8:1::"


# --- what does not fit ------------------------------------------------------------------------------------------------

RESIDENT = "900101-1234568"


@pytest.mark.parametrize(
    "message",
    [
        track(properties={"memo": f"주민 {RESIDENT} 입니다"}),
        track(properties={"a": {"b": [RESIDENT.replace("-", "")]}}),
        track(properties={"n": 9001011234568}),
        track(userId=RESIDENT),
        track(context={"x": "９００１０１－１２３４５６８"}),
        track(properties={RESIDENT: 1}),
    ],
)
def test_encryption_rule_7_resident_numbers_are_put_aside_wherever_they_stand(shop: Shop, message: object) -> None:
    send(shop[1], message, track(messageId="good"))
    assert reasons() == ["resident_number"] and only().message_id == "good"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (track(properties={"a": "nul\0"}), "nul"),
        (track(properties={"a": "\ud800"}), "bad_text"),
        (track(properties={"a": float("nan")}), "number_range"),
        (track(properties={"a": float("inf")}), "number_range"),
        (track(properties={"a": 10**40}), "number_range"),
        (track(properties={"a": 10**70}), "number_range"),
        (track(properties={"a": 1e300}), "number_range"),
        (track(event="Order Completed", properties={"revenue": 1e25}), "number_range"),
        (track(properties={"caf\u00e9": 1, "cafe\u0301": 2}), "repeated_key"),
        (track(properties={"a": "x" * 40_000}), "too_large"),
        (track(properties=[1]), "bad_shape"),
        (track(context="x"), "bad_shape"),
        (track(event="x" * 300), "name_too_long"),
        (track(event="Mail to kim@shop.kr"), "personal_name"),
        (track(type="group"), "no_group_id"),
        (track(type="alias"), "no_previous_id"),
    ],
)  # fmt: skip
def test_what_does_not_fit_goes_to_quarantine_alone(shop: Shop, message: object, reason: str) -> None:
    assert send(shop[1], message, track(messageId="good")).status_code == 200
    assert reasons() == [reason]
    assert only().message_id == "good"
    assert counters() == {"received": 2, "taken": 1, f"quarantined:{reason}": 1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"type":"track","event":"e","userId":"u1","userId":"u2"}', "repeated_key"),
        (b'{"type":"track","event":"e","userId":"u1","properties":{"a" :1,"a":2}}', "repeated_key"),
        (b'{"type":"track","event":"e","userId":"u1","properties":{"a":1e400}}', "number_range"),
        (b'{"type":"track","event":"e","userId":"u1","properties":{"a":' + b"9" * 5000 + b"}}", "number_range"),
        (b'{"type":"track","event":"e","userId":"u1","properties":{"a":"\xff"}}', "bad_text"),
        (b'{"type":"track","event":"e","userId":"u1","properties":' + b'{"a":' * 40 + b"1" + b"}" * 41, "too_deep"),
        (b'{"type":"track","event":"e","userId":"u1","properties":{"a":' + b"[" * 40 + b"]" * 40 + b"}}", "too_deep"),
    ],
)
def test_malformed_text_costs_one_event(shop: Shop, text: bytes, reason: str) -> None:
    good = b'{"type":"track","event":"e","userId":"u1","messageId":"good"}'
    assert post("/v1/batch", b'{"batch":[' + text + b"," + good + b"]}", shop[1]).status_code == 200
    assert reasons() == [reason] and only().message_id == "good"
    assert post("/v1/track", text, shop[1]).status_code == 200


def test_text_is_kept_in_nfc(shop: Shop) -> None:
    send(shop[1], track(userId="cafe\u0301", properties={"pla\u0301ce": "e\u0301"}))
    assert only().properties == {"pl\u00e1ce": "\u00e9"}
    assert sealed(only())["external_id"] == "caf\u00e9"


def test_milliseconds_are_no_resident_number(shop: Shop) -> None:
    send(shop[1], track(properties={"started_at": 9001011234568}, context={"sessionId": 9001011234568}))
    assert only().session == "9001011234568"


def test_without_a_message_id_equal_content_is_one_event(shop: Shop) -> None:
    for sent in ("2026-03-04T05:06:08Z", "2026-03-04T05:06:09Z"):
        send(shop[1], track(messageId=None, sentAt=sent), track(messageId="", event="Other", sentAt=sent))
    assert counters() == {"received": 4, "taken": 2, "repeated": 2}


@pytest.mark.parametrize("id_", ["x" * 101, "kim@shop.kr", "010-1234-5678"])
def test_long_or_personal_message_ids_are_stood_in_for(shop: Shop, id_: str) -> None:
    for _ in range(2):
        send(shop[1], track(messageId=id_))
    assert len(only().message_id) == 36


# --- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clock", "age", "flags"),
    [
        (timedelta(0), timedelta(hours=1), []),
        (timedelta(minutes=2), timedelta(hours=1), []),
        (timedelta(hours=3), timedelta(hours=1), []),
        (timedelta(days=-400), timedelta(hours=1), ["clock"]),
        (timedelta(days=1800), timedelta(0), ["clock"]),
    ],
)
def test_a_wrong_clock_is_corrected(shop: Shop, clock: timedelta, age: timedelta, flags: list[str]) -> None:
    wrong_now = now() + clock
    message = track(timestamp=(wrong_now - age).isoformat(), sentAt=wrong_now.isoformat())
    send(shop[1], message)
    assert abs(only().occurred_at - (now() - age)) < timedelta(minutes=3)
    assert only().flags == flags
    assert sealed(only())["context"]["raw_time"] == message["timestamp"]


def test_a_backdated_timestamp_goes_before_the_original_one(shop: Shop) -> None:
    send(shop[1], track(timestamp="2025-01-02T03:04:05Z", originalTimestamp=now().isoformat()))
    assert only().occurred_at == datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_the_batch_may_say_when_it_was_sent(shop: Shop) -> None:
    wrong = now() + timedelta(hours=2)
    post("/v1/batch", {"batch": [track(timestamp=wrong.isoformat())], "sentAt": wrong.isoformat()}, shop[1])
    assert abs(only().occurred_at - now()) < timedelta(minutes=1)


@pytest.mark.parametrize("stated", ["2199-01-01T00:00:00Z", "nonsense", "0001-01-01T00:00:00+14:00", 1e300, [1], True])
def test_an_impossible_time_becomes_the_moment_of_receipt(shop: Shop, stated: object) -> None:
    send(shop[1], track(timestamp=stated))
    assert only().occurred_at == only().received_at and only().flags


def test_a_missing_time_is_the_moment_of_receipt(shop: Shop) -> None:
    send(shop[1], track(timestamp=None))
    assert only().occurred_at == only().received_at and only().flags == []
