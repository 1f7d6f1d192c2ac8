"""SFTP as a destination: a file a message, written whole, to the host whose key is pinned, by a key of ours."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncssh
import paramiko
import pytest
from asyncssh.constants import MSG_SERVICE_REQUEST

from cdp.core.errors import Refused
from segments import deliveries, delivery_plan, destinations, sftp
from segments.models import Delivery
from segments.outgoing import Message
from tests.segments.people import ACTOR
from tests.segments.sftp_server import Server, serving
from tests.segments.test_deliveries import again, filled

MESSAGE = Message("msg_1", "segment.changes", datetime(2026, 6, 1, tzinfo=UTC), {"segment": "vip", "changes": []})
PIN = "#SHA256:" + "a" * 43


@pytest.fixture
def server(tmp_path: Path, settings: Any) -> Iterator[Server]:
    settings.DELIVERY_NETWORKS = ["127.0.0.0/8"]
    settings.DELIVERY_SECONDS = 30
    with serving(tmp_path) as found:
        yield found


def let_in(server: Server, *secrets: str) -> list[str]:
    server.known = {sftp.shown(secret).removesuffix(" cdp") for secret in secrets}
    return list(secrets)


def test_a_message_is_a_file_and_a_second_try_replaces_it(server: Server) -> None:
    secrets = let_in(server, sftp.new_secret())
    for _ in range(2):
        assert sftp.send(server.address(), secrets, MESSAGE).confirmed
    assert server.files() == ["in/msg_1.json"]
    assert json.loads((server.folder / "in/msg_1.json").read_bytes())["data"] == MESSAGE.data
    assert sftp.send(server.address(""), secrets, MESSAGE).confirmed and "msg_1.json" in server.files()


def test_a_server_without_the_rename_that_replaces_does_as_well(server: Server) -> None:
    secrets = let_in(server, sftp.new_secret())
    server.old = True
    for _ in range(2):
        assert sftp.send(server.address(), secrets, MESSAGE).confirmed
    assert server.files() == ["in/msg_1.json"]


def test_nothing_is_said_to_a_host_of_another_key(server: Server) -> None:
    secrets = let_in(server, sftp.new_secret())
    assert sftp.send(server.address(fingerprint=PIN[1:]), secrets, MESSAGE).why == "not_trusted"
    assert server.logins == [] and server.files() == []


def test_the_key_before_counts_until_the_receiver_has_the_new_one(server: Server) -> None:
    old, new = sftp.new_secret(), sftp.new_secret()
    let_in(server, old)
    assert sftp.send(server.address(), ["whsec_of_another_kind", new, old], MESSAGE).confirmed
    assert sftp.send(server.address(), [new], MESSAGE).why == "login_refused"
    assert sftp.send(server.address().replace("cdp@", "root@"), [old], MESSAGE).why == "login_refused"


def test_a_host_that_hangs_up_has_refused_nobody(server: Server) -> None:
    server.hangs_up = True
    assert sftp.send(server.address(), let_in(server, sftp.new_secret()), MESSAGE).why == "no_connection"


@pytest.mark.parametrize("known", [True, False])
def test_an_answer_that_comes_at_once_is_not_missed(
    server: Server, settings: Any, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    settings.DELIVERY_SECONDS = 30
    send = paramiko.Transport._send_message

    def sent_and_answered(transport: Any, message: Any) -> None:
        send(transport, message)
        if bytes(message.asbytes()[:1]) == paramiko.common.cMSG_USERAUTH_REQUEST:
            time.sleep(0.5)

    monkeypatch.setattr(paramiko.Transport, "_send_message", sent_and_answered)
    secrets = let_in(server, sftp.new_secret())
    asked = secrets if known else [sftp.new_secret()]
    assert sftp.send(server.address(), asked, MESSAGE).why == ("" if known else "login_refused")


def test_a_host_that_hangs_up_before_we_may_log_in_is_left(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    handlers = asyncssh.connection.SSHConnection._packet_handlers
    monkeypatch.setitem(handlers, MSG_SERVICE_REQUEST, lambda connection, *_: connection.abort())
    assert sftp.send(server.address(), [sftp.new_secret()], MESSAGE).why == "no_connection"


def test_what_is_not_written_whole_has_no_name(server: Server) -> None:
    secrets = let_in(server, sftp.new_secret())
    assert sftp.send(server.address("/nowhere"), secrets, MESSAGE).why == "not_written"
    server.full = True
    assert sftp.send(server.address(), secrets, MESSAGE).why == "not_written"
    assert "in/msg_1.json" not in server.files()


def test_only_public_hosts_are_connected_to(server: Server, settings: Any) -> None:
    settings.DELIVERY_NETWORKS = []
    assert sftp.send(server.address(), let_in(server, sftp.new_secret()), MESSAGE).why == "address_refused"
    assert server.logins == []


def test_a_host_that_says_nothing_is_left_in_time(settings: Any) -> None:
    settings.DELIVERY_NETWORKS, settings.DELIVERY_SECONDS = ["127.0.0.0/8"], 0.5
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"sftp://cdp@127.0.0.1:{silent.getsockname()[1]}/in{PIN}"
        before = threading.active_count()
        assert sftp.send(address, [sftp.new_secret()], MESSAGE).why == "timeout"
    assert sftp.send(address, [sftp.new_secret()], MESSAGE).why == "no_connection"
    ends = time.monotonic() + 30  # a timer that was cancelled ends in its own time
    while threading.active_count() > before and time.monotonic() < ends:
        time.sleep(0.02)
    assert threading.active_count() <= before


@pytest.mark.parametrize(
    "address",
    [
        "sftp://cdp@files.example/in", "sftp://files.example/in" + PIN, "sftp://cdp:secret@files.example/in" + PIN,
        "ftp://cdp@files.example/in" + PIN, "sftp://cdp@files.example/../in" + PIN, "sftp://cdp@files.example:0/in" + PIN,
        "sftp://cdp@files.example/in?x=1" + PIN, "sftp://cdp@files.example/a b" + PIN, "sftp://cdp@/in" + PIN,
        "sftp://cdp@files.example/in#MD5:aa", "sftp://cdp@files.example:99999/in" + PIN, "sftp://-x@files.example/" + PIN,
    ],
)  # fmt: skip
def test_only_an_account_a_host_a_folder_and_a_fingerprint_is_an_address(address: str) -> None:
    with pytest.raises(Refused) as caught:
        sftp.check(address)
    assert caught.value.code == "address_refused" and sftp.send(address, [], MESSAGE).why == "address_refused"


def test_without_the_extra_nothing_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sftp, "find_spec", lambda name: None)
    address = "sftp://cdp@files.example/in" + PIN
    assert sftp.send(address, [], MESSAGE).why == "not_installed"
    with pytest.raises(Refused) as caught:
        sftp.check(address)
    assert caught.value.code == "kind_unavailable"


@pytest.mark.django_db
def test_members_are_sent_as_files_and_only_the_public_half_of_the_key_is_shown(server: Server) -> None:
    place, told = destinations.create(
        ACTOR, name="warehouse", kind="sftp", address=server.address(), recipient="Warehouse Inc", country="KR",
        purpose="marketing", channel="email",
    )  # fmt: skip
    assert told.startswith("ssh-ed25519 ") and "PRIVATE" not in destinations.renew_secret(ACTOR, place)
    server.known = {told.removesuffix(" cdp")}
    made, ids = filled()
    destinations.subscribe(ACTOR, place, made)
    delivery_plan.lay_out()
    deliveries.send_due(place.pk)
    [name] = server.files()
    said = json.loads((server.folder / name).read_bytes())
    assert {line["profile_id"] for line in said["data"]["changes"]} == {str(one) for one in ids}
    assert Delivery.objects.get().state == "confirmed"
    again(place)
    assert server.files() == [name]
