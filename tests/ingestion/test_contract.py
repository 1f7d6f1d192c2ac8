"""The wire contract: addresses, keys, encodings, statuses and bodies."""

import gzip
import json
import zlib

import pytest
from django.db import OperationalError
from django.test import Client

from cdp.core import crypto
from cdp.core.types import Actor
from cdp.events.actions import create_source
from cdp.events.models import Event, Source
from tests.ingestion.wire import counters, post, reasons, send, track

pytestmark = pytest.mark.django_db
Shop = tuple[Source, str]
KINDS = {
    "identify": {"userId": "u", "traits": {}},
    "track": {"userId": "u", "event": "e"},
    "page": {"userId": "u", "name": "home"},
    "screen": {"userId": "u", "name": "home"},
    "group": {"userId": "u", "groupId": "g"},
    "alias": {"userId": "u", "previousId": "p"},
}


def refusal(response: object, status: int, code: str) -> None:
    body = json.loads(response.content)
    assert (response.status_code, body["success"], body["code"]) == (status, False, code)
    assert body["message"] and response["Access-Control-Allow-Origin"]


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_type_has_an_address_and_a_letter(shop: Shop, kind: str, slash: str) -> None:
    for number, path in enumerate((kind, kind[0])):
        response = post(f"/v1/{path}{slash}", KINDS[kind] | {"messageId": f"m{number}"}, shop[1])
        assert (response.status_code, response.content) == (200, b'{"success":true}')
    assert list(Event.objects.values_list("type", flat=True)) == [kind, kind]


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/batch/", "/v1/b", "/v1/b/"])
def test_batches(shop: Shop, path: str) -> None:
    assert post(path, {"batch": [track(), track(messageId="m2")]}, shop[1]).content == b'{"success":true}'
    assert counters() == {"received": 2, "taken": 2}


def test_the_key_may_stand_in_header_body_message_or_query(shop: Shop) -> None:
    key = shop[1]
    assert post("/v1/batch", {"batch": [track(messageId="1")], "writeKey": key}).status_code == 200
    assert post("/v1/batch", {"batch": [track(messageId="2", writeKey=key)]}).status_code == 200
    assert post("/v1/t", track(messageId="3", writeKey=key), content_type="text/plain").status_code == 200
    assert post(f"/v1/batch?writeKey={key}", {"batch": [track(messageId="4")]}).status_code == 200
    assert Event.objects.count() == 4


@pytest.mark.parametrize("header", ["Basic !!!", "Basic d3JvbmcK", "Basic \xff\xfe", "Bearer x", ""])
def test_an_unknown_key_is_401(shop: Shop, header: str) -> None:
    refusal(post("/v1/batch", {"batch": [track()]}, Authorization=header), 401, "unknown_key")
    assert not Event.objects.exists()


def test_a_disabled_source_is_404(shop: Shop) -> None:
    Source.objects.filter(id=shop[0].id).update(enabled=False)
    refusal(send(shop[1], track()), 404, "source_disabled")


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "application/json;charset=UTF-8"])
@pytest.mark.parametrize("pack", [lambda raw: raw, gzip.compress])
def test_the_body_is_json_whatever_it_is_called(shop: Shop, kind: str, pack: object) -> None:
    raw = pack(json.dumps({"batch": [track()]}).encode())
    headers = {"Content-Encoding": "gzip"} if raw[:2] == b"\x1f\x8b" else {}
    assert post("/v1/batch", raw, shop[1], content_type=kind, **headers).status_code == 200
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        *((body, "invalid_json") for body in (b"", b"{", b"[]", b"7", b"null", b'\xff\xfe{"batch":[1]}')),
        *((body, "empty_batch") for body in (b'{"batch":[]}', b"{}", b'{"batch":{}}', b'{"batch":null}')),
        (b'{"batch":[1],"batch":[2]}', "invalid_json"),
        (b'{"batch" :[1],"batch":[2]}', "invalid_json"),
        (b'{"batch":' + b"[" * 100_000, "invalid_json"),
    ],
)
def test_what_is_no_batch_is_400(shop: Shop, body: bytes, code: str) -> None:
    refusal(post("/v1/batch", body, shop[1]), 400, code)


@pytest.mark.parametrize("body", [b"", b"7", b"[]", b'"x"', b"{", b"null"])
def test_what_is_no_message_is_400(shop: Shop, body: bytes) -> None:
    refusal(post("/v1/track", body, shop[1]), 400, "invalid_json")


def test_gzip_in_several_members_is_read_whole(shop: Shop) -> None:
    body = json.dumps({"batch": [track(), track(messageId="m2")]}).encode()
    packed = gzip.compress(body[:40]) + gzip.compress(body[40:])
    assert post("/v1/batch", packed, shop[1], **{"Content-Encoding": "gzip"}).status_code == 200
    assert Event.objects.count() == 2


def test_damaged_and_exploding_gzip(shop: Shop) -> None:
    packed = gzip.compress(json.dumps({"batch": [track()]}).encode())
    refusal(post("/v1/batch", packed[:-9], shop[1], **{"Content-Encoding": "gzip"}), 400, "bad_gzip")
    refusal(post("/v1/batch", b"{}", shop[1], **{"Content-Encoding": "gzip"}), 400, "bad_gzip")
    bomb = zlib.compress(b" " * (64 * 2**20), wbits=31)
    refusal(post("/v1/batch", bomb, shop[1], **{"Content-Encoding": "gzip"}), 413, "too_large")


def test_too_many_events_are_413(shop: Shop) -> None:
    refusal(post("/v1/batch", {"batch": [{}] * 2501}, shop[1]), 413, "too_large")


def test_a_body_over_the_limit_is_413_before_it_is_read(shop: Shop) -> None:
    client = Client()
    answer = client.generic("POST", f"/v1/batch?writeKey={shop[1]}", b"{}", CONTENT_LENGTH=str(11 * 2**20))
    refusal(answer, 413, "too_large")


@pytest.mark.parametrize("path", ["/v1/unknown", "/v1/", "/v1/projects/x", "/v1/batch/more"])
def test_another_address_is_404_in_json(path: str) -> None:
    refusal(post(path, {}), 404, "not_found")


def test_another_method_changes_nothing() -> None:
    refusal(Client().get("/v1/batch"), 405, "method_not_allowed")


@pytest.mark.parametrize("where", ["store", "key", "gate"])
def test_while_nothing_can_be_kept_the_answer_is_503(shop: Shop, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_args: object) -> None:
        raise OperationalError("connection refused")

    target = {
        "store": "cdp.events.actions._copy",
        "key": "cdp.events.queries.source_by_write_key",
        "gate": "consent.suppression.prepared",
    }[where]
    monkeypatch.setattr(target, down)
    response = send(shop[1], {"type": "identify", "userId": "u1", "traits": {"email": "kim@shop.kr"}})
    refusal(response, 503, "unavailable")
    assert response["Retry-After"]
    assert not Event.objects.exists() and counters() == {}


def test_a_missing_key_encryption_key_is_503(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_id: object) -> bytes:
        raise crypto.NotReadable("gone")

    monkeypatch.setattr(crypto, "key_encryption_key", gone)
    refusal(send(shop[1], track()), 503, "unavailable")


def test_duplicates_are_told_apart_by_message_id(shop: Shop) -> None:
    for _ in range(3):
        assert send(shop[1], track(), track(messageId="m2"), track()).status_code == 200
    assert counters() == {"received": 9, "taken": 2, "repeated": 7}
    send(shop[1], track(messageId="m3"), track())
    assert Event.objects.count() == 3


def test_a_bad_event_never_fails_its_batch(shop: Shop) -> None:
    bad = [
        None,
        3,
        "x",
        [],
        {},
        {"type": "nonsense"},
        {"type": "track", "event": "e"},
        track(event=None, messageId="b"),
    ]
    assert send(shop[1], *bad, track()).content == b'{"success":true}'
    assert Event.objects.count() == 1
    assert reasons() == sorted(["not_an_object"] * 4 + ["unknown_type"] * 2 + ["no_identity", "no_event_name"])
    seen = counters()
    assert seen["received"] == 9 and seen["taken"] == 1 and seen["quarantined:not_an_object"] == 4


def test_a_refused_event_that_comes_again_is_a_repeat(shop: Shop) -> None:
    for _ in range(2):
        send(shop[1], {"type": "track", "event": "e", "messageId": "x"})
    assert reasons() == ["no_identity"]
    assert counters() == {"received": 2, "quarantined:no_identity": 1, "repeated": 1}


@pytest.mark.parametrize(
    "path", ["/v1/batch", "/v1/t", "/beacon/v1/batch", "/sourceConfig/", "/rsaMetrics", "/v1/none"]
)
def test_preflight(path: str) -> None:
    asked = {"Origin": "https://shop.kr", "Access-Control-Request-Headers": "authorization,x-retry-count,rsa-x"}
    response = Client().options(path, headers=asked)
    assert response.status_code == 204 and not response.content
    assert response["Access-Control-Allow-Origin"] == "https://shop.kr"
    assert response["Access-Control-Allow-Headers"] == "authorization,x-retry-count,rsa-x"
    assert response["Access-Control-Allow-Methods"] == "GET,POST,OPTIONS"
    assert response["Access-Control-Max-Age"] == "900"


def test_errors_can_be_read_from_another_origin() -> None:
    response = post("/v1/batch", {"batch": [1]}, "wrong", Origin="https://shop.kr")
    assert response["Access-Control-Allow-Origin"] == "https://shop.kr"
    assert response["Access-Control-Expose-Headers"] == "Retry-After"


@pytest.mark.parametrize("slash", ["", "/"])
def test_bootstraps(shop: Shop, slash: str) -> None:
    source, key = shop
    settings = Client().get(f"/v1/projects/{key}/settings{slash}").json()
    assert settings["integrations"]["Segment.io"]["apiKey"] == key
    config = Client().get(f"/sourceConfig{slash}?writeKey={key}").json()["source"]
    assert config["id"] == str(source.id) and config["destinations"] == [] and config["config"]["statsCollection"]
    assert post(f"/rsaMetrics{slash}", {}).status_code == 200
    refusal(Client().get(f"/sourceConfig{slash}?writeKey=wrong"), 401, "unknown_key")


def test_the_beacon(shop: Shop) -> None:
    path = f"/beacon/v1/batch?writeKey={shop[1]}"
    assert post(path, {"batch": [track()]}, content_type="text/plain").status_code == 200
    assert Event.objects.count() == 1


def test_a_write_key_reads_nothing(shop: Shop) -> None:
    send(shop[1], track(properties={"sku": "told-by-the-shop-alone"}))
    other = create_source(Actor.system("test"), "other", "web")[1]
    for key in (shop[1], other):
        assert b"told-by-the-shop-alone" not in Client().get(f"/v1/projects/{key}/settings").content
