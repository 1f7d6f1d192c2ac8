"""Keys rotate while others read and write; nothing ever becomes unreadable."""

import base64
import json
import os
import threading
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from cdp.core import crypto, rotation
from cdp.core.errors import NotReadable
from cdp.core.keyring import new_keyring
from cdp.core.models import DataKey, KeyEncryptionKey
from cdp.core.types import Actor

pytestmark = pytest.mark.django_db(transaction=True)
TESTER = Actor.system("test")


def sealed(count: int) -> dict:
    records = [uuid4() for _ in range(count)]
    with transaction.atomic():
        keys = crypto.data_keys(records)
    return {record: crypto.seal(keys[record], "t", "c", str(record)) for record in records}


def readable(blobs: dict) -> bool:
    keys = crypto.existing_data_keys(blobs)
    return all(crypto.unseal(keys[record], "t", "c", blob) == str(record) for record, blob in blobs.items())


def test_a_new_root_key_takes_over_and_the_old_one_may_go(settings) -> None:
    settings.KEYRING = new_keyring()
    crypto.forget_keys()
    blobs = sealed(3)
    ring = json.loads(settings.KEYRING)
    ring["root"]["keys"]["2"] = base64.b64encode(os.urandom(32)).decode()
    ring["root"]["active"] = "2"
    settings.KEYRING = json.dumps(ring)
    crypto.forget_keys()
    assert readable(blobs), "many keys read"
    assert rotation.rewrap_keks(TESTER) == 1
    del ring["root"]["keys"]["1"]
    settings.KEYRING = json.dumps(ring)
    crypto.forget_keys()
    assert readable(blobs)


def test_dropping_a_root_key_before_rotating_is_a_clear_error(settings) -> None:
    settings.KEYRING = new_keyring()
    crypto.forget_keys()
    blobs = sealed(1)
    KeyEncryptionKey.objects.update(root="gone")
    crypto.forget_keys()
    with pytest.raises(NotReadable, match="not in the keyring"):
        rotation.rewrap_keks(TESTER)
    with pytest.raises(NotReadable, match="not in the keyring"):
        readable(blobs)


def test_encryption_rule_4_data_keys_are_renewed_under_readers_and_writers(monkeypatch) -> None:
    monkeypatch.setattr(rotation, "BATCH", 7)
    blobs, failures, done = sealed(60), [], threading.Event()

    def read_and_write() -> None:
        try:
            while not done.is_set():
                assert readable(blobs)
                assert readable(sealed(2))
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=read_and_write) for _ in range(2)]
    for thread in threads:
        thread.start()
    list(rotation.renew_data_keys(TESTER))
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    fresh = KeyEncryptionKey.objects.get(writes=True)
    assert DataKey.objects.filter(record__in=blobs).exclude(kek=fresh).count() == 0
    crypto.forget_keks()
    assert readable(blobs)


def test_the_command_says_what_it_did(capsys) -> None:
    blobs = sealed(2)
    call_command("keys", "rotate")
    assert "2 data keys wrapped" in capsys.readouterr().out
    assert readable(blobs)
