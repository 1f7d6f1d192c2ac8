"""Webhooks: signed as the standard says, sent to public hosts only, never for longer than they may take."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from cdp.core.errors import Refused
from segments import outbound, webhooks
from segments.outgoing import Message
from tests.segments.receiver import Receiver, receiving, verified

MESSAGE = Message("msg_1", "segment.changes", datetime(2026, 6, 1, tzinfo=UTC), {"segment": "vip", "changes": []})
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.DELIVERY_NETWORKS, settings.DELIVERY_PLAIN_HTTP = ["127.0.0.0/8"], True
    settings.DELIVERY_SECONDS = 2.0
    with receiving() as server:
        yield server


def test_the_signature_is_that_of_the_standard_s_own_example() -> None:
    body, at = b'{"test": 2432232314}', datetime.fromtimestamp(1614265330, UTC)
    message = Message("msg_p5jXN8AQM9LWM0D4loKWxJek", "", at, {})
    headers = webhooks.headers_of(message, body, [SECRET], at)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


def test_a_receiver_can_verify_what_it_is_sent(receiver: Receiver) -> None:
    new, old = webhooks.new_secret(), webhooks.new_secret()
    assert new != old and webhooks.send(receiver.address, [new, old], MESSAGE).confirmed
    [(headers, body)] = receiver.taken
    assert verified(headers, body, new) and verified(headers, body, old)
    assert not verified(headers, body, webhooks.new_secret()) and not verified(headers, body + b" ", new)
    assert headers["webhook-id"] == "msg_1" and abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert receiver.said == [{"type": "segment.changes", "timestamp": "2026-06-01T00:00:00Z", "data": MESSAGE.data}]


@pytest.mark.parametrize(
    ("answer", "why"), [(404, "http_404"), (500, "http_500"), (410, "http_410"), (301, "http_301")]
)
def test_anything_but_2xx_is_a_failure(receiver: Receiver, answer: int, why: str) -> None:
    receiver.answers = [answer, 200]
    outcome = webhooks.send(receiver.address, [SECRET], MESSAGE)
    assert (outcome.confirmed, outcome.why, outcome.gone) == (False, why, answer == 410)
    assert webhooks.send(receiver.address, [SECRET], MESSAGE).confirmed


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    with receiving() as other:

        def away(handler: Any) -> None:
            handler.send_response(307)
            handler.send_header("location", other.address)
            handler.end_headers()

        receiver.answers = [away]
        assert webhooks.send(receiver.address, [SECRET], MESSAGE).why == "http_307" and other.taken == []


def test_who_asks_for_time_is_given_some(receiver: Receiver) -> None:
    def later(handler: Any) -> None:
        handler.send_response(429)
        handler.send_header("retry-after", "120")
        handler.end_headers()

    receiver.answers = [later]
    assert webhooks.send(receiver.address, [SECRET], MESSAGE).wait == timedelta(seconds=120)


# --- how long it may take ---------------------------------------------------------------------------------------------


def drip(handler: Any) -> None:
    """A byte now and then, for ever: no time limit of a socket ends it."""
    try:
        for byte in b"HTTP/1.1 200 OK\r\n" + b"x-slow: y\r\n" * 50:
            handler.connection.sendall(bytes([byte]))
            time.sleep(0.05)
    except OSError:
        return


@pytest.mark.parametrize("slow", [drip, lambda handler: threading.Event().wait(3)])
def test_a_slow_receiver_is_cut_off(receiver: Receiver, settings: Any, slow: Any) -> None:
    settings.DELIVERY_SECONDS = 0.3
    receiver.answers = [slow]
    assert webhooks.send(receiver.address, [SECRET], MESSAGE).why == "timeout"


def test_one_that_is_not_there_and_one_that_breaks_off(receiver: Receiver) -> None:
    receiver.answers = [lambda handler: handler.connection.close()]
    assert webhooks.send(receiver.address, [SECRET], MESSAGE).why == "no_connection"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{free.getsockname()[1]}/"  # ours as long as we hold it, and nobody listens
        assert webhooks.send(gone, [SECRET], MESSAGE).why == "no_connection"
    assert webhooks.send("http://nowhere.invalid/", [SECRET], MESSAGE).why == "no_such_host"


def test_a_certificate_is_asked_for_and_must_be_the_host_s(
    receiver: Receiver, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DELIVERY_NETWORKS = ["127.0.0.0/8", "::1/128"]
    context, own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self_signed(tmp_path)
    context.load_cert_chain(own)
    receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
    by_name = f"https://localhost:{receiver.server_port}/"
    assert webhooks.send(by_name, [SECRET], MESSAGE).why == "not_trusted" and receiver.taken == []
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    assert webhooks.send(by_name, [SECRET], MESSAGE).confirmed
    assert webhooks.send(by_name.replace("localhost", "127.0.0.1"), [SECRET], MESSAGE).why == "not_trusted"


START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2046, 1, 1, tzinfo=UTC)


def self_signed(folder: Path) -> Path:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    made = x509.CertificateBuilder(name, name, key.public_key(), 7, START, END)
    alternative = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    signed = made.add_extension(alternative, critical=True).sign(key, hashes.SHA256())
    path = folder / "own.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + private)
    return path


# --- where it may lead ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "http://shop.example/", "file:///etc/passwd", "ftp://shop.example/", "https://user@shop.example/",
        "https://user:word@shop.example/", "https://shop.example/#part", "https:///path", "https://", "shop.example",
        "https://shop.example:99999/", "https://shop.example/\r\nx: y", "https://shop.example/a b", "https://sh\\op.example/",
        "https://상점.example/", "", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_only_https_to_a_host_is_an_address(address: str) -> None:
    with pytest.raises(Refused) as caught:
        webhooks.check(address)
    assert caught.value.code == "address_refused"
    assert webhooks.send(address, [SECRET], MESSAGE).why == "address_refused"


def test_plain_http_where_the_settings_say_so(settings: Any) -> None:
    webhooks.check("https://shop.example/hook?room=1")
    settings.DELIVERY_PLAIN_HTTP = True
    webhooks.check("http://shop.example:8080/")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "[::1]", "0x7f000001", "2130706433", "0177.0.0.1", "127.1", "0", "[::]",
        "169.254.169.254", "[fd00:ec2::254]", "10.0.0.8", "172.16.3.4", "192.168.0.1", "100.64.0.1", "[fe80::1]",
        "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "224.0.0.1",
        "255.255.255.255", "[ff02::1]",
    ],
)  # fmt: skip
def test_no_host_within_the_house_is_connected_to(host: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DELIVERY_PLAIN_HTTP = True
    reached: list[Any] = []
    monkeypatch.setattr(socket, "create_connection", lambda *to: reached.append(to))
    for address in (f"https://{host}/", f"http://{host}:8080/latest/meta-data/"):
        assert webhooks.send(address, [SECRET], MESSAGE).why in ("address_refused", "no_such_host")
    assert reached == []


def test_a_name_that_answers_differently_the_next_time_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: asked once, and connected to what was looked at."""
    answers, reached = [["93.184.215.14"], ["127.0.0.1"]], []

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        return [(0, 0, 0, "", (address, port)) for address in answers.pop(0)]

    def create(to: Any, seconds: float) -> Any:
        reached.append(to)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", create)
    assert webhooks.send("https://rebind.example/", [SECRET], MESSAGE).why == "no_connection"
    assert reached == [("93.184.215.14", 443)]
    assert webhooks.send("https://rebind.example/", [SECRET], MESSAGE).why == "address_refused" and len(reached) == 1


def test_one_address_within_the_house_spoils_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(0, 0, 0, "", (address, 443)) for address in ("93.184.215.14", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert webhooks.send("https://both.example/", [SECRET], MESSAGE).why == "address_refused"


@given(st.ip_addresses(v=4, network="10.0.0.0/8") | st.ip_addresses(v=4, network="127.0.0.0/8"))
def test_no_private_address_is_allowed_in_any_dress(address: Any) -> None:
    dressed = (
        f"{address}",
        f"::ffff:{address}",
        f"64:ff9b::{address}",
        f"2002:{int(address) >> 16:x}:{int(address) & 0xFFFF:x}::",
    )
    assert not any(outbound.allowed(one) for one in dressed)


def test_the_settings_may_allow_a_network_of_the_house(settings: Any) -> None:
    settings.DELIVERY_NETWORKS = ["10.1.0.0/16"]
    assert outbound.allowed("10.1.2.3") and outbound.allowed("::ffff:10.1.2.3") and outbound.allowed("93.184.215.14")
    assert not outbound.allowed("10.2.2.3") and not outbound.allowed("127.0.0.1")
