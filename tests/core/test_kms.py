"""A root key in AWS KMS behaves as one of the keyring: opened once, not per row; its refusals say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from cdp.core import crypto, custody, keyring, kms, rotation
from cdp.core.errors import NotReadable, Unavailable
from cdp.core.keyring import KeyringError
from cdp.core.models import DataKey, KeyEncryptionKey
from cdp.core.roots import WrongRoot
from cdp.core.types import Actor
from tests.core import keyrings

pytestmark = pytest.mark.django_db
REGION = "ap-northeast-2"
TESTER = Actor.system("test")


@pytest.fixture
def arn(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A key of a KMS of our own."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("kms", region_name=REGION).create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def in_kms(arn: str, settings) -> str:
    """A keyring whose root key is that one."""
    keyrings.use_fresh(settings)
    keyrings.add(settings, "root", arn)
    return arn


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The calls of KMS that are made meanwhile."""
    calls: list[str] = []
    for name in ("wrap", "unwrap"):
        original = getattr(kms.KmsRoot, name)
        monkeypatch.setattr(kms.KmsRoot, name, lambda *a, n=name, o=original: (calls.append(n), o(*a))[1])
    yield calls


def test_what_is_sealed_under_a_key_of_kms_opens_and_the_keyring_holds_no_root(in_kms: str, settings) -> None:
    record = uuid4()
    key = crypto.data_keys([record])[record]
    blob = crypto.seal(key, "t", "c", "값")
    crypto.forget_keys()
    assert crypto.unseal(crypto.existing_data_keys([record])[record], "t", "c", blob) == "값"
    assert in_kms in settings.KEYRING and KeyEncryptionKey.objects.get().root == "2"
    assert list(custody.problems(keyring.keys())) == []


def test_kms_is_called_once_for_all_rows_and_again_only_after_a_while(in_kms: str, settings, monkeypatch) -> None:
    with counted(monkeypatch) as calls:
        crypto.data_keys([uuid4() for _ in range(200)])
        assert calls == ["wrap", "unwrap"]
        for record in DataKey.objects.values_list("record", flat=True)[:50]:
            crypto.existing_data_keys([record])
        assert calls == ["wrap", "unwrap"]
        monkeypatch.setattr("cdp.core.crypto.time.monotonic", lambda: 10.0**9)
        crypto.existing_data_keys([record])
        assert calls == ["wrap", "unwrap", "unwrap"]


def test_a_key_is_bound_to_its_row_by_the_encryption_context(arn: str) -> None:
    root, one, other = kms.KmsRoot(arn), uuid4(), uuid4()
    wrapped = root.wrap(one, b"k" * 32)
    assert root.unwrap(one, wrapped) == b"k" * 32
    for kek, changed in ((other, wrapped), (one, wrapped[:-1] + bytes([wrapped[-1] ^ 1]))):
        with pytest.raises(WrongRoot):
            root.unwrap(kek, changed)


def test_from_the_keyring_to_kms_and_back(arn: str, settings) -> None:
    keyrings.use_fresh(settings)
    record = uuid4()
    blob = crypto.seal(crypto.data_keys([record])[record], "t", "c", 1)
    for arn_or_none in (arn, ""):
        keyrings.add(settings, "root", arn_or_none)
        assert rotation.rewrap_keks(TESTER) == 1
        crypto.forget_keys()
        assert crypto.unseal(crypto.existing_data_keys([record])[record], "t", "c", blob) == 1


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        ("DisabledException", NotReadable, "be enabled, and allow kms:Encrypt and kms:Decrypt"),
        ("AccessDeniedException", NotReadable, "be enabled, and allow kms:Encrypt and kms:Decrypt"),
        ("ThrottlingException", Unavailable, "try again"),
    ],
)
def test_a_refusal_of_kms_says_what_must_be(arn: str, code: str, error: type[Exception], said: str) -> None:
    root = kms.KmsRoot(arn)
    with Stubber(root._kms) as stub:
        stub.add_client_error("decrypt", code)
        with pytest.raises(error, match=said):
            root.unwrap(uuid4(), b"wrapped")


def test_a_key_that_kms_has_not_is_named(arn: str) -> None:
    gone = arn[:-4] + "0000"
    with pytest.raises(NotReadable, match=f"{gone} .NotFoundException"):
        kms.KmsRoot(gone).wrap(uuid4(), b"k" * 32)


def test_a_kms_out_of_reach_can_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setattr(kms, "_ATTEMPTS", 1)
    with pytest.raises(Unavailable, match="cannot be reached"):
        kms.KmsRoot(f"arn:aws:kms:{REGION}:123456789012:key/1").wrap(uuid4(), b"k" * 32)


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "boto3", None)
    with pytest.raises(NotReadable, match="extra `aws`"):
        kms.KmsRoot(f"arn:aws:kms:{REGION}:123456789012:key/1").wrap(uuid4(), b"k" * 32)


@pytest.mark.parametrize("arn", ["", "key/1", "arn:aws:s3:::bucket", "alias/cdp"])
def test_a_keyring_that_names_no_key_of_kms_is_refused(arn: str) -> None:
    text, _ = keyring.with_new_key(keyring.new_keyring(), "root", f"arn:aws:kms:{REGION}:123456789012:key/1")
    with pytest.raises(KeyringError, match="ARN"):
        keyring.parse(text.replace(f"arn:aws:kms:{REGION}:123456789012:key/1", arn))
