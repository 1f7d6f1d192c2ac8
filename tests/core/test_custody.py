"""`keys status`, `retire` and `check`: what uses a key, when it may go, whether a keyring opens what is stored."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from cdp.core import crypto, custody, indexing, keyring, rotation
from cdp.core.errors import NotReadable, Refused
from cdp.core.models import AuditEntry, DataKey, IndexKey, KeyEncryptionKey
from cdp.core.types import Actor
from tests.core import keyrings

pytestmark = pytest.mark.django_db
TESTER = Actor.system("test")


@pytest.fixture(autouse=True)
def stored(settings) -> list[Any]:
    """A database written with a keyring of its own: three data keys, an index key in use."""
    keyrings.use_fresh(settings)
    records = [uuid4() for _ in range(3)]
    crypto.data_keys(records)
    indexing.now()
    return records


def run(*words: str) -> str:
    """What a command says; its complaints after it."""
    out, err = StringIO(), StringIO()
    try:
        call_command("keys", *words, stdout=out, stderr=err)
    except SystemExit as left:
        assert left.code == 1
    return out.getvalue() + err.getvalue()


def age_keks() -> None:
    KeyEncryptionKey.objects.update(created_at=F("created_at") - timedelta(hours=1))


def test_status_tells_roots_keks_and_index_keys_with_what_uses_them(settings) -> None:
    keyrings.add(settings, "root")
    keyrings.add(settings, "index")
    found = custody.status()
    assert [(root.id, root.kind, root.active, root.keks) for root in found.roots] == [
        ("1", "keyring", False, 1),
        ("2", "keyring", True, 0),
    ]
    assert [(kek.root, kek.writes, kek.data_keys) for kek in found.keks] == [("1", True, 3)]
    assert [(key.id, key.state, key.rows) for key in found.index] == [("1", "read", 0), ("2", "", 0)]
    text = run("status")
    assert str(KeyEncryptionKey.objects.get().pk) in text and "3 data keys" in text


def test_a_root_key_goes_only_when_it_wraps_nothing(settings) -> None:
    keyrings.add(settings, "root")
    for root, why in (("1", "wraps 1 key-encryption key"), ("2", "is the active one")):
        with pytest.raises(Refused, match=why):
            custody.retire_root(TESTER, root)
    run("rotate", "--root")
    assert "take it out of the keyring" in run("retire", "root", "1")
    assert AuditEntry.objects.filter(action="keys.root_retired", target="1").exists()


def test_a_key_encryption_key_goes_only_when_it_wraps_nothing_and_nobody_remembers_it(settings) -> None:
    old = KeyEncryptionKey.objects.get().pk
    with pytest.raises(Refused, match="is the one that writes"):
        custody.retire_kek(TESTER, old)
    list(rotation.renew_data_keys(TESTER))
    with pytest.raises(Refused, match="may still write"):
        custody.retire_kek(TESTER, old)
    age_keks()
    late = crypto.data_keys([uuid4()])
    DataKey.objects.filter(record__in=late).update(kek=old)
    with pytest.raises(Refused, match="wraps 1 data keys"):
        custody.retire_kek(TESTER, old)
    DataKey.objects.filter(record__in=late).delete()
    assert "is deleted" in run("retire", "kek", str(old))
    assert KeyEncryptionKey.objects.count() == 1
    with pytest.raises(Refused, match="no key-encryption key"):
        custody.retire_kek(TESTER, old)


def test_an_index_key_goes_only_when_nothing_is_indexed_by_it(settings) -> None:
    with pytest.raises(CommandError, match="in use"):
        run("retire", "index", "1")
    keyrings.add(settings, "index")
    with pytest.raises(CommandError, match="in use"):
        run("retire", "index", "1")
    with pytest.raises(CommandError, match="active one"):
        run("retire", "index", "2")
    IndexKey.objects.update(key="2", proof=b"")
    assert "take it out" in run("retire", "index", "1")


def test_adding_a_key_prints_the_keyring_with_it_and_loses_none(settings) -> None:
    before = json.loads(settings.KEYRING)
    out = StringIO()
    call_command("keys", "add", "root", stdout=out, stderr=StringIO())
    after = json.loads(out.getvalue())
    assert after["root"]["active"] == "2" and after["root"]["keys"]["1"] == before["root"]["keys"]["1"]
    assert {name: after[name] for name in before if name != "root"} == {n: before[n] for n in before if n != "root"}
    with pytest.raises(CommandError, match="Only root keys"):
        run("add", "index", "--kms", "arn:aws:kms:eu-west-1:123456789012:key/1")


def test_a_backup_of_the_keyring_opens_what_is_stored_and_another_does_not(settings, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(settings.KEYRING)
    bad.write_text(keyring.new_keyring())
    assert run("check") == run("check", "--backup", str(good), "--every") == "The keyring opens what is stored.\n"
    told = run("check", "--backup", str(bad))
    assert "record_id" in told and "Root key 1" in told and "Index key 1" in told and "opens what" not in told
    with pytest.raises(CommandError, match="cannot be read"):
        run("check", "--backup", str(tmp_path / "none.json"))


@pytest.mark.parametrize("name", ["record_id", "suppression", "index", "root"])
def test_a_keyring_with_one_other_key_is_found_out(name: str, settings) -> None:
    mine, other = json.loads(settings.KEYRING), json.loads(keyring.new_keyring())
    assert list(custody.problems(keyring.parse(json.dumps(mine | {name: other[name]})))) != []


def test_a_data_key_that_was_changed_is_named(stored: list[Any]) -> None:
    changed = DataKey.objects.get(record=stored[1])
    changed.wrapped = bytes(changed.wrapped)[::-1]
    changed.save()
    for every in (False, True):
        [told] = custody.problems(keyring.keys(), every=every)
        assert str(changed.pk) in told


@pytest.mark.parametrize("name", ["record_id", "suppression", "index"])
def test_no_process_writes_with_a_key_that_is_not_this_databases(name: str, settings) -> None:
    mine, other = json.loads(settings.KEYRING), json.loads(keyring.new_keyring())
    keyrings.use(settings, json.dumps(mine | {name: other[name]}))
    with pytest.raises(NotReadable, match="is not the one this database was"):
        crypto.data_keys([uuid4()])
        indexing.now()


def test_serving_is_refused_before_the_keyring_is_proved(settings) -> None:
    custody.prove()
    mine, other = json.loads(settings.KEYRING), json.loads(keyring.new_keyring())
    for name in ("record_id", "suppression", "root"):
        keyrings.use(settings, json.dumps(mine | {name: other[name]}))
        with pytest.raises(NotReadable, match="is not the one"):
            custody.prove()


def test_an_index_key_that_left_the_keyring_too_early_is_a_clear_error(settings) -> None:
    keyrings.add(settings, "index")
    raw = json.loads(settings.KEYRING)
    del raw["index"]["keys"]["1"]
    keyrings.use(settings, json.dumps(raw))
    with pytest.raises(NotReadable, match="Index key 1 is not in the keyring: add it"):
        indexing.now()
