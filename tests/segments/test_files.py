"""Files as a destination: an object a message, named by its id, signed as a webhook is."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cdp.core.errors import Refused
from segments import deliveries, delivery_plan, destinations, files
from segments.models import Delivery
from segments.outgoing import Message
from tests.segments.people import ACTOR
from tests.segments.receiver import verified
from tests.segments.test_deliveries import again, filled

MESSAGE = Message("msg_1", "segment.changes", datetime(2026, 6, 1, tzinfo=UTC), {"segment": "vip", "changes": []})


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        found = boto3.client("s3")
        found.create_bucket(Bucket="audiences")
        yield found


def objects(storage: Any) -> list[str]:
    return [row["Key"] for row in storage.list_objects_v2(Bucket="audiences").get("Contents", ())]


def test_a_message_is_an_object_that_its_reader_can_verify(storage: Any) -> None:
    secret = files.new_secret()
    for _ in range(2):
        assert files.send("s3://audiences/daily/", [secret], MESSAGE).confirmed
    assert objects(storage) == ["daily/msg_1.json"], "a second try overwrites the first"
    found = storage.get_object(Bucket="audiences", Key="daily/msg_1.json")
    body = found["Body"].read()
    assert verified(found["Metadata"], body, secret) and json.loads(body)["data"] == MESSAGE.data
    assert files.send("s3://audiences", [secret], MESSAGE).confirmed and "msg_1.json" in objects(storage)


def test_storage_that_is_not_there_is_a_failure_and_never_raised(storage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = files.new_secret()
    assert files.send("s3://nobody-s-bucket/x".replace("'", ""), [secret], MESSAGE).why == "http_404"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    boto3.DEFAULT_SESSION = None
    assert files.send("s3://audiences/x", [secret], MESSAGE).why == "NoCredentialsError"


@pytest.mark.parametrize(
    "address",
    [
        "https://audiences/x", "s3://", "s3:///x", "s3://a", "s3://169.254.169.254/x", "s3://user@audiences/x",
        "s3://audiences:80/x", "s3://audiences/../x", "s3://audiences/x?y=1", "s3://audiences/x#y", "s3://audiences/a b",
        "s3://Audiences/x", "s3://audiences//x",
    ],
)  # fmt: skip
def test_only_a_bucket_and_a_prefix_is_an_address(address: str) -> None:
    with pytest.raises(Refused) as caught:
        files.check(address)
    assert caught.value.code == "address_refused" and files.send(address, [], MESSAGE).why == "address_refused"


def test_without_the_extra_nothing_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    assert files.send("s3://audiences/x", [], MESSAGE).why == "not_installed"
    with pytest.raises(Refused) as caught:
        files.check("s3://audiences/x")
    assert caught.value.code == "kind_unavailable"


@pytest.mark.django_db
def test_members_are_sent_as_files(storage: Any) -> None:
    place, _secret = destinations.create(
        ACTOR, name="warehouse", kind="files", address="s3://audiences/vip", recipient="Warehouse Inc", country="KR",
        purpose="marketing", channel="email",
    )  # fmt: skip
    made, ids = filled()
    destinations.subscribe(ACTOR, place, made)
    delivery_plan.lay_out()
    deliveries.send_due(place.pk)
    [name] = objects(storage)
    said = json.loads(storage.get_object(Bucket="audiences", Key=name)["Body"].read())
    assert {line["profile_id"] for line in said["data"]["changes"]} == {str(one) for one in ids}
    assert Delivery.objects.get().state == "confirmed"
    again(place)
    assert objects(storage) == [name]
