"""Legal holds: an officer's word, released by another than who asked; nobody held is erased."""

from typing import Any

import pytest

from cdp.core import crypto
from cdp.core.errors import Refused
from cdp.core.models import AuditEntry
from cdp.core.types import Actor
from consent import erasure, holds, requests
from consent.grounds import Door, Proof
from consent.holds import under_hold
from consent.request_models import Erasure, LegalHold
from identity.models import Record
from tests.consent.people import person, profile, record

pytestmark = pytest.mark.django_db
ONE, OTHER = Actor("user:one"), Actor("user:other")


@pytest.fixture(autouse=True)
def own_journal(settings: Any, tmp_path: Any) -> None:
    settings.ERASURE_JOURNAL = str(tmp_path / "erasures.jsonl")


def verified(of: Any) -> Any:
    request = requests.receive(ONE, "erasure", of, via=Door.CONSOLE)
    return requests.verify(ONE, request.pk, Proof.DOCUMENT)


def test_only_a_person_sets_or_releases_a_hold() -> None:
    subject = crypto.subjects([person()[1]]).popitem()[1]
    for actor in (Actor("key:1"), Actor.system("retention"), Actor("person")):
        with pytest.raises(Refused, match="privacy officer"):
            holds.set_hold(actor, subject, "claim")
    assert not LegalHold.objects.exists()


def test_who_asks_for_the_release_does_not_release() -> None:
    subject = crypto.subjects([person()[1]]).popitem()[1]
    hold = holds.set_hold(ONE, subject, "claim", "2026-가합-17")
    with pytest.raises(Refused, match="ask for the release first"):
        holds.release(ONE, hold.pk)
    holds.ask_release(ONE, hold.pk)
    with pytest.raises(Refused, match="Another person"):
        holds.release(ONE, hold.pk)
    assert holds.standing([subject])
    holds.release(OTHER, hold.pk)
    assert not holds.standing([subject])
    actions = AuditEntry.objects.filter(target=str(hold.pk)).order_by("id").values_list("action", "actor")
    assert list(actions) == [
        ("legal_hold.set", "user:one"), ("legal_hold.release_asked", "user:one"), ("legal_hold.released", "user:other"),
    ]  # fmt: skip
    with pytest.raises(Refused, match="not stand"):
        holds.ask_release(ONE, hold.pk)


def test_a_hold_follows_its_person_into_a_merge() -> None:
    of, who = person()
    other = record(profile())
    holds.set_hold(ONE, crypto.subjects([other])[other], "authority")
    assert not holds.held([who]) and under_hold() == {other}
    Record.objects.filter(pk=other).update(profile=of)
    request = verified(of)
    with pytest.raises(Refused, match="legal hold"):
        requests.approve(OTHER, request.pk)
    assert under_hold() == {who, other}


def test_a_hold_set_after_the_approval_stops_the_erasure_until_it_is_released() -> None:
    of, who = person()
    request = requests.approve(OTHER, verified(of).pk)
    hold = holds.set_hold(ONE, request.subject, "inquiry")
    assert not erasure.run(request.erasure.pk)
    assert Erasure.objects.get().state == "held" and Record.objects.filter(pk=who).exists()
    assert erasure.run_open() == 0
    holds.ask_release(ONE, hold.pk)
    holds.release(OTHER, hold.pk)
    assert erasure.run_open() == 1 and not Record.objects.filter(pk=who).exists()
