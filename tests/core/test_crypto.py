"""Sealing: what opens, what must never open, and what destroys for good."""

import os
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.core import crypto, keyring
from cdp.core.errors import NotReadable
from cdp.core.models import DataKey, KeyEncryptionKey

pytestmark = pytest.mark.django_db
VALUE = {"name": "김민준", "phones": ["+821012345678"], "n": 7}


@pytest.fixture
def key() -> crypto.RecordKey:
    record = uuid4()
    return crypto.data_keys([record])[record]


def test_what_was_sealed_opens(key: crypto.RecordKey) -> None:
    assert crypto.unseal(key, "t", "c", crypto.seal(key, "t", "c", VALUE)) == VALUE


def test_a_blob_opens_only_in_its_own_table_column_and_record(key: crypto.RecordKey) -> None:
    blob = crypto.seal(key, "t", "c", VALUE)
    other = crypto.data_keys([uuid4()])
    for elsewhere in [(key, "other", "c"), (key, "t", "other"), (next(iter(other.values())), "t", "c")]:
        with pytest.raises(NotReadable):
            crypto.unseal(*elsewhere, blob)


def test_every_flipped_bit_and_every_cut_raises(key: crypto.RecordKey) -> None:
    blob = crypto.seal(key, "t", "c", VALUE)
    for place in range(len(blob)):
        changed = bytearray(blob)
        changed[place] ^= 1
        with pytest.raises(NotReadable):
            crypto.unseal(key, "t", "c", bytes(changed))
        with pytest.raises(NotReadable):
            crypto.unseal(key, "t", "c", blob[:place])


@pytest.mark.parametrize("clear", [b"", b"kim@example.com", b'{"name": "Kim"}', os.urandom(80)])
def test_text_in_the_clear_is_never_handed_back(key: crypto.RecordKey, clear: bytes) -> None:
    with pytest.raises(NotReadable):
        crypto.unseal(key, "t", "c", clear)


def test_deleting_the_data_key_shreds_and_a_returning_person_is_somebody_new(key: crypto.RecordKey) -> None:
    blob = crypto.seal(key, "t", "c", VALUE)
    DataKey.objects.filter(record=key.record).delete()
    assert crypto.existing_data_keys([key.record]) == {}
    fresh = crypto.data_keys([key.record])[key.record]
    assert fresh.id != key.id
    with pytest.raises(NotReadable, match="unknown or destroyed"):
        crypto.unseal(fresh, "t", "c", blob)


def test_a_root_key_that_is_not_in_the_keyring_is_a_clear_error(key: crypto.RecordKey) -> None:
    KeyEncryptionKey.objects.update(root="retired")
    crypto.forget_keys()
    with pytest.raises(NotReadable, match="Root key retired is not in the keyring"):
        crypto.existing_data_keys([key.record])


def test_another_keyring_cannot_open_this_database(key: crypto.RecordKey, settings) -> None:
    crypto.forget_keys()
    settings.KEYRING = keyring.new_keyring()
    with pytest.raises(NotReadable, match="not the one this database was written with"):
        crypto.existing_data_keys([key.record])


def test_data_keys_are_made_once_and_kept_wrapped(key: crypto.RecordKey) -> None:
    again = crypto.data_keys([key.record])[key.record]
    assert (again.id, again.record) == (key.id, key.record)
    assert len(bytes(DataKey.objects.get(record=key.record).wrapped)) == 40


def test_record_ids_are_stable_version_8_and_told_apart_by_every_part() -> None:
    source, other = uuid4(), uuid4()
    ids = {
        crypto.record_id(*parts)
        for parts in [(source, "user", "1"), (other, "user", "1"), (source, "anonymous", "1"), (source, "user", "2")]
    }
    assert len(ids) == 4
    assert {id_.version for id_ in ids} == {8}
    assert crypto.record_id(source, "user", "1") in ids


@given(st.text(max_size=50), st.text(max_size=50))
def test_blind_indexes_are_equal_only_for_equal_values_of_one_namespace(one: str, other: str) -> None:
    assert (crypto.blind_index("email", one) == crypto.blind_index("email", other)) == (one == other)
    assert crypto.blind_index("email", one) != crypto.blind_index("phone", one)
    assert len(crypto.blind_index("email", one)) == 32


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: "{}",
        lambda text: text.replace('"record_id": "', '"record_id": "AAAA'),
        lambda text: text.replace('"suppression"', '"other"'),
        lambda text: text.replace('"active": "1"', '"active": "2"', 1),
    ],
)
def test_a_keyring_with_a_missing_or_short_key_is_refused(spoil) -> None:
    with pytest.raises(keyring.KeyringError, match="make_keyring"):
        keyring.parse(spoil(keyring.new_keyring()))


def test_a_default_key_is_refused() -> None:
    import base64
    import json

    raw = json.loads(keyring.new_keyring())
    raw["record_id"] = base64.b64encode(b"0" * 32).decode()
    with pytest.raises(keyring.KeyringError, match="record_id"):
        keyring.parse(json.dumps(raw))
