"""What is in quarantine is known again, and found by an erasure, whatever becomes of the index key."""

import pytest
from django.db import transaction

from cdp.core import crypto, indexing, reindex
from cdp.core.models import DataKey
from cdp.core.types import Actor
from cdp.events.models import Quarantined, Source
from cdp.ingestion import privacy
from tests.core import keyrings
from tests.identity.test_profiles import Sender, folded
from tests.ingestion.wire import send, track

pytestmark = pytest.mark.django_db
TESTER = Actor.system("test")
REFUSED = track(userId=None, properties={"email": "kim@shop.kr"})


@pytest.fixture(autouse=True)
def new_key(shop: tuple[Source, str], settings) -> None:
    """Something is in quarantine by the first index key; the keyring has a second, which is active."""
    keyrings.use_fresh(settings)
    send(shop[1], REFUSED)
    keyrings.add(settings, "index")


def test_it_is_indexed_anew_and_known_again(shop: tuple[Source, str]) -> None:
    before = bytes(Quarantined.objects.get().digest)
    reindex.run(TESTER)
    kept = Quarantined.objects.get()
    assert bytes(kept.digest) != before and indexing.now().read.key_id == "2"
    assert [bytes(digest) for digest in kept.identifiers] == [crypto.blind_index("email", "kim@shop.kr")]
    send(shop[1], REFUSED)
    assert Quarantined.objects.count() == 1


def turn_without_clearing() -> None:
    with transaction.atomic():
        indexing.begin(TESTER, "2")
        indexing.turn(TESTER)


def test_what_came_twice_meanwhile_is_kept_once(shop: tuple[Source, str]) -> None:
    turn_without_clearing()
    send(shop[1], REFUSED)
    assert Quarantined.objects.count() == 2
    reindex.run(TESTER)
    kept = Quarantined.objects.get()
    assert list(map(bytes, kept.identifiers)) == indexing.now().anywhere("email", "kim@shop.kr")
    assert DataKey.objects.filter(record=kept.pk).exists()


def test_an_erasure_finds_what_is_indexed_by_either_key(shop: tuple[Source, str]) -> None:
    turn_without_clearing()
    send(shop[1], REFUSED)
    sender = Sender(shop[0])
    record = sender.says("u1", identifiers={"email": ["kim@shop.kr"]})
    folded(sender.sent)
    assert privacy.erase([record]) == {"events_quarantined": 2}
