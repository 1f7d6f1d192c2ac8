"""Sealing: what opens, what must never open, and what destroys for good."""

import hmac
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.core import crypto, indexing, keyring
from cdp.core.digests import digester
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


def test_a_key_that_is_printed_shows_no_secret(key: crypto.RecordKey) -> None:
    assert str(key) == repr(key) == f"RecordKey({key.id})"


def test_encryption_rule_2_a_blob_opens_only_in_its_own_table_column_and_record(key: crypto.RecordKey) -> None:
    blob = crypto.seal(key, "t", "c", VALUE)
    other = crypto.data_keys([uuid4()])
    for elsewhere in [(key, "other", "c"), (key, "t", "other"), (next(iter(other.values())), "t", "c")]:
        with pytest.raises(NotReadable):
            crypto.unseal(*elsewhere, blob)


def test_encryption_rule_3_every_changed_byte_and_every_cut_raises(key: crypto.RecordKey) -> None:
    blob = crypto.seal(key, "t", "c", VALUE)
    for place in range(len(blob)):
        for spoilt in (blob[:place], blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :]):
            with pytest.raises(NotReadable):
                crypto.unseal(key, "t", "c", spoilt)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda x: st.lists(x) | st.dictionaries(st.text(), x),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=JSON, spoil=st.data())
def test_whatever_is_sealed_opens_as_it_was_and_nothing_else_does(
    key: crypto.RecordKey, value: object, spoil: st.DataObject
) -> None:
    blob = crypto.seal(key, "t", "c", value)
    assert crypto.unseal(key, "t", "c", blob) == value
    start = spoil.draw(st.integers(0, len(blob)), "from")
    stop = spoil.draw(st.integers(start, len(blob)), "to")
    put = spoil.draw(st.binary(max_size=40), "instead")
    spoilt = blob[:start] + put + blob[stop:]
    if spoilt != blob:
        with pytest.raises(NotReadable):
            crypto.unseal(key, "t", "c", spoilt)


@pytest.mark.parametrize("place", ["nonce", "text", "tag"])
def test_parts_of_two_blobs_of_one_place_do_not_fit(key: crypto.RecordKey, place: str) -> None:
    one, other = (crypto.seal(key, "t", "c", VALUE) for _ in range(2))
    start, stop = {"nonce": (17, 29), "text": (29, -16), "tag": (-16, len(one))}[place]
    assert len(one) == len(other) and one != other
    with pytest.raises(NotReadable):
        crypto.unseal(key, "t", "c", one[:start] + other[start:stop] + one[len(one) if stop == len(one) else stop :])


@pytest.mark.parametrize("clear", [b"", b"kim@example.com", b'{"name": "Kim"}', bytes(range(80))])
def test_encryption_rule_3_text_in_the_clear_is_never_handed_back(key: crypto.RecordKey, clear: bytes) -> None:
    with pytest.raises(NotReadable):
        crypto.unseal(key, "t", "c", clear)


def test_encryption_rule_1_deleting_the_data_key_shreds_and_a_returning_person_is_somebody_new(
    key: crypto.RecordKey,
) -> None:
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


def test_encryption_rule_3_a_key_encryption_key_that_is_gone_is_a_clear_error() -> None:
    gone = uuid4()
    with pytest.raises(NotReadable, match=f"{gone} does not exist.*restore the schema"):
        crypto.key_encryption_key(gone)


def test_another_keyring_cannot_open_this_database(key: crypto.RecordKey, settings) -> None:
    crypto.forget_keys()
    settings.KEYRING = keyring.new_keyring()
    with pytest.raises(NotReadable, match="not the one this database was written with"):
        crypto.existing_data_keys([key.record])


def test_encryption_rule_1_data_keys_are_made_once_and_kept_wrapped(key: crypto.RecordKey) -> None:
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
def test_encryption_rule_5_blind_indexes_are_equal_only_for_equal_values_of_one_namespace(one: str, other: str) -> None:
    index = indexing.now()
    assert (crypto.blind_index("email", one) == crypto.blind_index("email", other)) == (one == other)
    assert crypto.blind_index("email", one) != crypto.blind_index("phone", one)
    assert crypto.blind_index("email", one) == index.of("email", one) != crypto.contact_digest("email", one)
    assert len(index.of("email", one)) == 32


@given(st.binary(min_size=1, max_size=64), st.binary(max_size=300))
def test_digests_are_hmac_sha_256(key_bytes: bytes, message: bytes) -> None:
    assert digester(key_bytes)(message) == hmac.digest(key_bytes, message, "sha256")


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
def test_encryption_rule_8_a_keyring_with_a_missing_or_short_key_is_refused(spoil) -> None:
    with pytest.raises(keyring.KeyringError, match="make_keyring"):
        keyring.parse(spoil(keyring.new_keyring()))


def test_encryption_rule_8_a_default_key_is_refused() -> None:
    import base64
    import json

    raw = json.loads(keyring.new_keyring())
    raw["record_id"] = base64.b64encode(b"0" * 32).decode()
    with pytest.raises(keyring.KeyringError, match="record_id"):
        keyring.parse(json.dumps(raw))
