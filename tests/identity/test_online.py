"""Records are linked as they come: what a batch run with the same model would find is there already."""

from collections.abc import Collection
from random import Random
from unittest.mock import Mock
from uuid import UUID

import psycopg
import pytest
from django.db import connection, connections, transaction
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.core import crypto, indexing, touched
from cdp.core.errors import Refused
from cdp.core.models import Touched
from cdp.events.models import Source
from identity import actions, cleaning, online, privacy, resolution, review, sql
from identity.linkage import normalise
from identity.linkage.blocking import RULES
from identity.models import BlockingKey, Link, ProfileChange, Record, ResolutionRun, ReviewCase
from identity.reading import Reading
from identity.types import Seen
from tests.identity.linkage import data
from tests.identity.test_profiles import Sender, folded, partition, profile_of

pytestmark = pytest.mark.django_db
PERSON = {"full_name": "Amelia Pennington", "birth_date": "1981-03-07", "city": "Leeds", "postcode": "LS1 4AP"}


def arrive(events: Collection[Seen]) -> None:
    """The stages that follow new events, until nothing waits for them."""
    with transaction.atomic():
        actions.touch_changed(folded(events), Reading())
        settle()


def settle() -> None:
    while records := touched.take("links", 500):
        actions.link(records)
    while records := touched.take("identity", 500):
        actions.recluster(records)


def probable() -> set[tuple[UUID, UUID, float]]:
    return set(Link.objects.filter(kind="probable").values_list("left", "right", "weight"))


def cases() -> set[tuple[UUID, UUID, str]]:
    """The open cases less those that a run draws by chance."""
    open_ones = ReviewCase.objects.filter(state="open").exclude(reason__in=review.DRAWN.values())
    return set(open_ones.values_list("left", "right", "reason"))


def assert_a_run_changes_nothing() -> None:
    before = probable(), cases(), partition(), ProfileChange.objects.count()
    with override_settings(REVIEW_SAMPLE=0):  # what is drawn by chance is asked beside the others of its two profiles
        resolution.resolve(retrain=False)
    assert probable() == before[0]
    assert cases() == before[1]
    assert (partition(), ProfileChange.objects.count()) == before[2:]


def generated(sender: Sender, people: int, seed: int) -> list[Seen]:
    records, _ = data.customers(people, seed)
    for number, (key, values) in enumerate(records):
        told = {name: value for name, value in values.items() if value}
        loyalty = told.pop("loyalty_id", None)
        sender.says(key, "customer", number, identifiers={"loyalty_id": [loyalty]} if loyalty else {}, **told)
    return sender.sent


def test_a_run_with_the_same_model_finds_nothing_to_change(sender: Sender) -> None:
    events = generated(sender, 400, seed=5)
    chance = Random(5)
    chance.shuffle(events)
    stored = len(events) * 7 // 10
    arrive(events[:stored])
    resolution.resolve()
    alone, linked = len(partition()), len(probable())
    while stored < len(events):
        size = chance.choice([1, 1, 2, 40])
        arrive(events[stored : stored + size])
        stored += size
    assert len(probable()) > linked + 20 and len(partition()) > alone, "the newcomers must bring something"
    assert_a_run_changes_nothing()


def test_a_new_record_joins_whom_only_the_model_knows(sender: Sender) -> None:
    known = sender.says("a", "customer", **PERSON)
    arrive(sender.sent)
    resolution.resolve()
    new = sender.says("b", "customer", minute=1, **PERSON | {"full_name": "Amelia Penington"})
    arrive(sender.sent[1:])
    assert profile_of(new) == profile_of(known)
    assert Link.objects.get().kind == "probable"
    sender.says("b", "customer", minute=2, full_name="Oliver Kowalski", birth_date="1955-11-30")
    arrive(sender.sent[2:])
    assert profile_of(new) != profile_of(known)
    assert Link.objects.count() == 0


def test_without_a_model_nothing_is_compared(sender: Sender) -> None:
    for name in "ab":
        sender.says(name, "customer", **PERSON)
    arrive(sender.sent)
    assert Link.objects.count() == 0 and len(holders()) == 2, "their keys are there when a model comes"


def test_a_run_indexes_what_an_earlier_version_folded(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after one that was killed, and beside what this version folded."""
    sender.says("a", "customer", **PERSON)
    sender.says("device", "anonymous", email="jane.doe@shop.example")
    with monkeypatch.context() as earlier:
        earlier.setattr(normalise, "VERSION", normalise.VERSION - 1)
        arrive(sender.sent)
    BlockingKey.objects.all().delete()
    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(online, "keep_all_keys", Mock(side_effect=KeyboardInterrupt))
        resolution.resolve()
    sender.says("b", "customer", minute=1, **PERSON | {"full_name": "Amelia Penington"})
    arrive(sender.sent[2:])
    assert len(holders()) == 1
    resolution.resolve()
    assert len(holders()) == 2


def test_whoever_waits_for_links_when_a_run_begins_has_a_profile_after_it(sender: Sender) -> None:
    """Also whom no link concerns: nothing but the waiting says that they are new."""
    sender.says("a", "customer", **PERSON)
    arrive(sender.sent)
    resolution.resolve()
    lonely = [sender.says(f"new{number}", "customer", minute=1) for number in range(3)]
    with transaction.atomic():
        actions.touch_changed(folded(sender.sent[1:]), Reading())
    assert set(touched.subjects("links")) == set(lonely)
    resolution.resolve(retrain=False)
    assert None not in map(profile_of, lonely) and not Touched.objects.filter(stage__in=("links", "identity")).exists()


def test_a_run_clusters_only_whom_new_evidence_concerns(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate("abc"):
        sender.says(name, "customer", minute=number, **PERSON | {"email": f"{name}@shop.example"})
    arrive(sender.sent)
    resolution.resolve()
    monkeypatch.setattr(resolution, "recluster", clustering := Mock(wraps=actions.recluster))
    resolution.resolve()
    assert not clustering.called
    lost = Link.objects.first()
    assert lost is not None
    lost.delete()
    resolution.resolve()
    assert set(clustering.call_args.args[0]) == {lost.left, lost.right}
    monkeypatch.setattr(resolution, "RULES", "another version")
    resolution.resolve()
    assert len(clustering.call_args.args[0]) == len("abc")


def test_after_a_run_that_was_killed_everybody_is_clustered(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been of another model, and have applied that to some."""
    for number, name in enumerate("abc"):
        sender.says(name, "customer", minute=number, **PERSON)
    arrive(sender.sent)
    resolution.resolve()
    ResolutionRun.objects.create()
    monkeypatch.setattr(resolution, "recluster", clustering := Mock(wraps=actions.recluster))
    resolution.resolve()
    assert len(clustering.call_args.args[0]) == len("abc")


def test_what_a_killed_run_did_not_cluster_is_not_forgotten(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (sender.says(name, "customer", minute=n, **PERSON) for n, name in enumerate("ab"))
    arrive(sender.sent)
    resolution.resolve()
    Link.objects.all().delete()
    actions.recluster([first, second])
    assert profile_of(first) != profile_of(second)
    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(resolution, "recluster", Mock(side_effect=KeyboardInterrupt))
        resolution.resolve()
    settle()
    assert profile_of(first) == profile_of(second)


def holders() -> set[UUID]:
    return set(BlockingKey.objects.values_list("record", flat=True))


NEIGHBOURS = next(rule.cap for rule in RULES if rule.name == "birth date")


def neighbour(sender: Sender, number: int, minute: int = 0, birth_date: str = "1981-03-07") -> UUID:
    """People who have nothing in common but a birth date; two bear one name, which no other key is made of."""
    name = f"{chr(ord('A') + number // 26)}{chr(ord('a') + number % 26)}x"
    phone = "010-7345-6789" if number < 2 else None
    return sender.says(str(number), "customer", minute, birth_date=birth_date, full_name=name, phone=phone or "")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(["come", "move", "erase"]), st.integers(1, 12), st.randoms())))
def test_keys_that_become_common_or_rare_change_the_links_of_all_their_holders(source: Source, steps) -> None:
    with transaction.atomic():
        crypto.forget_keys()
        sender = Sender(source)
        present = [neighbour(sender, number) for number in range(NEIGHBOURS - 2)]
        arrive(sender.sent)
        resolution.resolve()
        for what, size, chance in steps:
            take(sender, present, what, size, chance)
        assert_a_run_changes_nothing()
        transaction.set_rollback(True)
    crypto.forget_keys()


def take(sender: Sender, present: list[UUID], what: str, size: int, chance: Random) -> None:
    sent = len(sender.sent)
    if what == "erase":
        gone = chance.sample(present, min(size, len(present)))
        privacy.erase(gone)
        present[:] = [record for record in present if record not in gone]
    for _ in range(0 if what == "erase" else size):
        number = chance.randrange(NEIGHBOURS * 2)
        date = "1981-03-07" if what == "come" else chance.choice(["1981-03-07", "1955-11-30"])
        record = neighbour(sender, number, sent, date)
        present += [record] * (record not in present)
    arrive(sender.sent[sent:])


def test_the_last_holder_that_a_key_can_bear_parts_the_others(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutation of the same: without linking the holders again, pairs of the key would stay. Whom no link joins, or
    another key too, need not be looked at."""
    records = [neighbour_of_twins(sender, number) for number in range(NEIGHBOURS)]
    arrive(sender.sent)
    resolution.resolve()
    twins, linked = sorted(records[:2]), sorted(records[2:4])
    for left, right in (twins, linked):
        Link.objects.create(left=left, right=right, kind=Link.Kind.PROBABLE, weight=20)
    assert waiting_for(sender, "late") == set(linked)
    assert set(Touched.objects.filter(stage="links").values_list("subject", flat=True)) == set(records)
    with monkeypatch.context() as frozen:
        frozen.setattr(online._Live, "usable", lambda *_: False)
        assert waiting_for(sender, "later") == {*linked, *twins}
    ResolutionRun.objects.create()
    with resolution.alone():
        assert waiting_for(sender, "last") == set(records), "a run may be about to link any of them"


def neighbour_of_twins(sender: Sender, number: int) -> UUID:
    name, email = f"{chr(ord('A') + number)}ax", "twins@shop.example" if number < 2 else ""
    return sender.says(str(number), "customer", number, full_name=name, birth_date="1981-03-07", email=email)


def waiting_for(sender: Sender, newcomer: str) -> set[UUID]:
    """Whose links one more of these neighbours changes, besides the newcomer's own, before it is erased again."""
    fresh = sender.says(newcomer, "customer", full_name=newcomer, birth_date="1981-03-07")
    with transaction.atomic():
        waiting = folded(sender.sent[-1:])
    privacy.erase([fresh])
    return waiting - {fresh}


def holders_by_key() -> dict[int, list[UUID]]:
    found: dict[int, list[UUID]] = {}
    for key, record in BlockingKey.objects.values_list("key", "record"):
        found.setdefault(key, []).append(record)
    return found


def is_of(rule: str, key: int) -> bool:
    return RULES[key & 63].name == rule


def test_a_key_is_of_the_record_as_it_is_now(sender: Sender) -> None:
    resolution.resolve()
    record = sender.says("a", "customer", email="jane.doe@shop.example")
    arrive(sender.sent)
    before = set(BlockingKey.objects.values_list("key", flat=True))
    sender.says("a", "customer", minute=1, email="someone.else@shop.example")
    arrive(sender.sent[1:])
    after = set(BlockingKey.objects.values_list("key", flat=True))
    assert before and after and before.isdisjoint(after)
    assert privacy.erase([record])["identity_blockingkey"] == len(after)
    assert not BlockingKey.objects.exists()


def test_leaves_have_no_keys(sender: Sender) -> None:
    resolution.resolve()
    sender.says("device", "anonymous", email="jane.doe@shop.example")
    arrive(sender.sent)
    assert not BlockingKey.objects.exists()


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("moment", ["training", "scoring", "linking"])
def test_what_changes_while_a_run_reads_is_linked_when_it_is_done(sender: Sender, moment: str, trained: bool) -> None:
    first = sender.says("a", "customer", **PERSON)
    arrive(sender.sent)
    if trained:
        resolution.resolve()
    second = sender.says("b", "customer", minute=1, **PERSON)

    def meanwhile(step: str) -> None:
        if step == moment:
            arrive(sender.sent[1:])

    resolution.resolve(meanwhile)
    settle()
    assert profile_of(first) == profile_of(second)
    assert not Touched.objects.filter(stage__in=["links", "relink", "identity"]).exists()
    assert_a_run_changes_nothing()


def test_a_run_drops_what_waited_for_it(sender: Sender) -> None:
    record = sender.says("a", "customer", **PERSON)
    arrive(sender.sent)
    touched.touch("links", [record])
    resolution.resolve()
    assert not Touched.objects.filter(stage="links").exists()


def test_there_is_one_run_at_a_time() -> None:
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute(sql.BEGIN_RUN)
        with pytest.raises(Refused) as refused:
            resolution.resolve()
        other.execute(sql.END_RUN)  # for a connection ends some time after it is closed
    assert refused.value.code == "running"
    assert not ResolutionRun.objects.exists()
    resolution.resolve()


def test_a_run_that_was_killed_holds_up_nothing(sender: Sender) -> None:
    """Its row stays unfinished; what comes later is linked once and left to no run that never ends."""
    first = sender.says("a", "customer", **PERSON)
    arrive(sender.sent)
    resolution.resolve()
    ResolutionRun.objects.create()
    second = sender.says("b", "customer", minute=1, **PERSON)
    arrive(sender.sent[1:])
    assert profile_of(first) == profile_of(second)
    assert not Touched.objects.filter(stage="relink").exists()


def test_what_a_killed_run_left_is_read_by_the_next(sender: Sender) -> None:
    record = sender.says("a", "customer", **PERSON)
    arrive(sender.sent)
    touched.touch("relink", [record])
    resolution.resolve()
    assert not Touched.objects.filter(stage__in=["relink", "links"]).exists()


def test_events_that_change_nobody_are_not_normalised(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    resolution.resolve()
    sender.says("a", "customer", **PERSON)
    arrive(sender.sent)
    monkeypatch.setattr(normalise, "clean", cleaning := Mock())
    with transaction.atomic():
        assert folded(sender.sent) == set()
    assert not cleaning.called


def test_a_record_is_cleaned_once_when_it_is_folded(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither linking it, nor a run, nor clustering does so again, under the same version of the cleaning."""
    resolution.resolve()
    for number, name in enumerate("ab"):
        sender.says(name, "customer", minute=number, **PERSON)
    with monkeypatch.context() as counted:
        counted.setattr(normalise, "clean", cleaning := Mock(wraps=normalise.clean))
        arrive(sender.sent)
        resolution.resolve()
        assert Link.objects.count() == 1 and cleaning.call_count == 2
        counted.setattr(normalise, "VERSION", normalise.VERSION + 1)
        resolution.resolve()
        assert cleaning.call_count > 2


def test_a_steward_s_change_does_not_forget_what_waits_for_its_links(sender: Sender) -> None:
    first = sender.says("a", "customer", **PERSON)
    arrive(sender.sent)
    resolution.resolve()
    second = sender.says("b", "customer", minute=1, **PERSON)
    with transaction.atomic():
        actions.touch_changed(folded(sender.sent[1:]), Reading())
    actions.recluster([first, second])
    settle()
    assert profile_of(first) == profile_of(second)


def test_a_key_says_nothing_about_the_value(sender: Sender) -> None:
    resolution.resolve()
    sender.says("a", "customer", **PERSON)
    arrive(sender.sent)
    [record] = cleaning.read(Record.objects.values_list("pk", flat=True))
    keys = set(BlockingKey.objects.values_list("key", flat=True))
    assert keys == online._keys(record.row, indexing.now().written)
    assert len({key & 63 for key in keys}) > 3 and all(RULES[key & 63] for key in keys)


# --- what the planner knows -------------------------------------------------------------------------------------------


def forget_statistics() -> None:
    """What autovacuum does in the midst of a large transaction: it counts pages and not one row."""
    tables = ("record", "identifier", "link", "reviewcase", "blockingkey", "claim")
    names = ("dbname", "host", "port", "user", "password")
    known = connections["owner"].get_connection_params()
    with psycopg.connect(**{name: known[name] for name in names if name in known}, autocommit=True) as other:
        for table in tables:
            other.execute(f"vacuum analyze identity_{table}")


def rows_scanned() -> int:
    """Rows that sequential scans of identity's tables have read in this transaction."""
    with connection.cursor() as cursor:
        cursor.execute("select sum(seq_tup_read) from pg_stat_xact_user_tables where relname like 'identity%'")
        return int(cursor.fetchone()[0])


@pytest.mark.django_db(databases=["default", "owner"])
def test_no_step_reads_whole_tables_again_and_again_when_statistics_are_stale(sender: Sender) -> None:
    events = generated(sender, 120, seed=6)
    arrive(events[:-40])
    resolution.resolve()
    forget_statistics()
    before = rows_scanned()
    arrive(events[-40:])
    tables = [Record, Link, ReviewCase, BlockingKey, ProfileChange]
    assert rows_scanned() - before <= sum(table.objects.count() for table in tables)
