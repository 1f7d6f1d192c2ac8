"""What is due is destroyed and counted, nothing else; the fold stays whole; holds, locks, kills and two at once."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from cdp import pipeline
from cdp.core import crypto
from cdp.core.models import AuditEntry, DataKey
from cdp.core.types import Actor, now
from cdp.events.actions import create_source, quarantine, store
from cdp.events.models import Event, PlannedField, Quarantined, Source
from cdp.events.types import NewEvent, Refusal
from cdp.profiles.models import Golden
from consent import holds, periods, retention
from consent import retention_sql as sql
from consent.models import Purpose, RetentionRule, RetentionRun
from consent.periods import Period, Rule
from consent.suppression import correct
from identity.models import Identifier, Profile, Record
from tests.consent.desk import signed_in
from tests.database import owner_parameters

OFFICER = Actor("user:officer")
AT = now()
committing = pytest.mark.django_db(transaction=True)


# --- which rule holds ---------------------------------------------------------------------------------------------------

SHOP, DESK = UUID(int=1), UUID(int=2)
USES = {"service": ["general", "location"], "marketing": ["general"]}


@pytest.mark.parametrize(
    ("rules", "classes", "days"),
    [
        ([], ["general"], None),
        ([Rule(30)], ["general"], 30),
        ([Rule(30), Rule(10, source=SHOP)], ["general"], 10),
        ([Rule(30), Rule(10, source=DESK)], ["general"], 30),
        ([Rule(30), Rule(90, data_class="general")], ["general"], 90),
        # A purpose without a rule may still need it; the longest claim holds.
        ([Rule(30, "marketing")], ["general"], None),
        ([Rule(30, "marketing"), Rule(365, "service")], ["general"], 365),
        ([Rule(400), Rule(365, "service"), Rule(30, "marketing", SHOP)], ["general"], 365),
        ([Rule(400), Rule(365, "service")], ["general"], 400),
        # Of several classes the first to end ends all; of a class that no purpose may use, only general rules speak.
        ([Rule(365), Rule(180, data_class="location")], ["general", "location"], 180),
        ([Rule(365), Rule(180, "marketing", data_class="location")], ["general", "location"], 365),
        ([Rule(365, "service"), Rule(7, data_class="sensitive")], ["sensitive"], 7),
        ([Rule(7, data_class="location")], ["general", "location"], 7),
    ],
)
def test_which_rule_holds(rules: list[Rule], classes: list[str], days: int | None) -> None:
    assert periods.of_classes(rules, USES, SHOP, classes).days == days


RULES = st.builds(
    Rule, st.integers(1, 999), st.sampled_from([None, "service", "marketing"]), st.sampled_from([None, SHOP, DESK]),
    st.sampled_from(["", "general", "location"]),
)  # fmt: skip


@given(st.lists(RULES, unique_by=lambda rule: (rule.purpose, rule.source, rule.data_class)), st.randoms())
def test_a_period_is_some_rule_s_own_and_the_order_of_rules_is_no_matter(rules: list[Rule], chance: Any) -> None:
    found = periods.of_classes(rules, USES, SHOP, ["general", "location"])
    chance.shuffle(rules)
    assert periods.of_classes(rules, USES, SHOP, ["location", "general"]) == found
    speaking = {rule.days for rule in rules if rule.source in (None, SHOP)}
    assert found.days is None or found.days in speaking
    claims = [periods.of_class(rules, {purpose: USES[purpose]}, SHOP, "general") for purpose in USES]
    together = periods.of_class(rules, USES, SHOP, "general")
    assert together.days == (
        None if Period(None) in [Period(one.days) for one in claims] else max(c.days or 0 for c in claims)
    )


@pytest.mark.django_db
def test_a_rule_that_could_never_hold_is_refused() -> None:
    marketing = Purpose.objects.get(key="marketing")
    for wrong in (
        {"what": "events", "purpose": marketing, "data_class": "location", "days": 3},
        {"what": "quarantine", "purpose": marketing, "days": 3},
        {"what": "quarantine", "data_class": "general", "days": 3},
        {"what": "records", "data_class": "location", "days": 3},
        {"what": "events", "days": 0},
        {"what": "events", "data_class": "secret", "days": 3},
    ):
        with pytest.raises(ValidationError):
            RetentionRule(**wrong).full_clean()
    rule(what="events", days=3)
    with pytest.raises(ValidationError, match="exactly this"):
        RetentionRule(what="events", days=4).full_clean()


# --- a small world ------------------------------------------------------------------------------------------------------


def rule(what: str, days: int, **narrowed: Any) -> RetentionRule:
    made = RetentionRule(what=what, days=days, **narrowed)
    made.full_clean()
    made.save()
    return made


@pytest.fixture
def shop() -> Source:
    return create_source(OFFICER, "shop", "web", brand="haru")[0]


def event(source: Source, who: str, days_ago: float, name: str = "Product Viewed", **fields: Any) -> NewEvent:
    at = AT - timedelta(days=days_ago)
    type_ = "identify" if name == "Identify" else "track"
    sealed = {"external_id": who} | ({"attributes": {"email": f"{who}@x.kr"}} if name == "Identify" else {})
    told: dict[str, Any] = {
        "occurred_at": at,
        "received_at": at,
        "properties": {"n": days_ago},
        "brand": "haru",
        "sealed": sealed,
    }
    whose: dict[str, Any] = {"record": crypto.record_id(source.pk, "user", who), "kind": "user"}
    return NewEvent(source=source.pk, message_id=str(uuid4()), type=type_, name=name, **told | whose | fields)


def bring(*events: NewEvent) -> None:
    with transaction.atomic():
        store(events)
    pipeline.advance()


def refuse(source: Source, days_ago: float, text: str, identifiers: tuple[bytes, ...] = ()) -> None:
    received = AT - timedelta(days=days_ago)
    with transaction.atomic():
        quarantine([Refusal(source.pk, text.encode().ljust(32), "bad", {"text": text}, received, "", identifiers)])


def kept() -> Counter[str]:
    """How many events are left, by name."""
    return Counter(Event.objects.values_list("name", flat=True))


def fold() -> list[Any]:
    """Everything that identity has folded, opened."""
    from identity.queries import open_records

    records = [
        (r.id, r.folded, r.first_seen, r.last_seen) for r in open_records(Record.objects.values_list("pk", flat=True))
    ]
    return [
        sorted(records, key=str),
        sorted(Identifier.objects.values_list("record", "kind", "digest", "first_seen"), key=str),
    ]


# --- what people did ----------------------------------------------------------------------------------------------------


@committing
def test_what_is_due_is_destroyed_counted_and_audited_and_a_preview_said_so(shop: Source) -> None:
    bring(event(shop, "kim", 90, "Identify"), *(event(shop, "kim", days) for days in (80, 40, 31, 29, 1)))
    rule("events", 30)
    before, golden = fold(), Golden.objects.get().traits
    found = retention.preview()
    assert (found.due, found.held, found.whole) == ({"events": {"shop": 3}, "quarantine": {}, "records": {}}, 0, True)
    assert Event.objects.count() == 6
    done = retention.run(OFFICER)
    assert done is not None and done.finished_at is not None
    assert done.counts == {"events": {"shop": 3}, "held": 0}
    assert done.rules == [{"what": "events", "purpose": None, "source__name": None, "data_class": "", "days": 30}]
    entry = AuditEntry.objects.get(action="retention.run")
    assert (entry.target, entry.details) == (str(done.pk), {"destroyed": done.counts})
    assert kept() == {"Identify": 1, "Product Viewed": 2}
    pipeline.advance()
    assert fold() == before
    assert Golden.objects.get().traits["events_count"] == golden["events_count"] - 3
    connection.cursor().execute("update core_watermark set txid = 0, row = null")
    pipeline.advance()
    assert fold() == before, "folding what is left again changes nothing"
    again = retention.run(OFFICER)
    assert again is not None and again.counts == {}


@committing
def test_rules_hold_by_source_purpose_and_data_class(shop: Source) -> None:
    desk = create_source(OFFICER, "desk", "call_center", brand="haru")[0]
    PlannedField.objects.create(event="Store Visited", path="position", treatment="clear", data_class="location")
    for source in (shop, desk):
        bring(*(event(source, "kim", days, name) for days in (5, 50, 500) for name in ("Page Viewed", "Store Visited")))
    rule("events", 10, source=shop, data_class="location")
    rule("events", 100)
    service = Purpose.objects.get(key="service")
    rule("events", 1000, purpose=service, source=desk)
    assert {
        (k.source, k.data_class): (k.period.days, k.period.because_of)
        for k in retention.standing()
        if k.what == "events"
    } == {
        ("shop", "general"): (100, ""),
        ("shop", "location"): (10, ""),
        ("desk", "general"): (1000, "service"),
        ("desk", "location"): (1000, "service"),
    }
    done = retention.run()
    assert done is not None and done.counts["events"] == {"shop": 3}
    assert kept() == {"Page Viewed": 5, "Store Visited": 4}


@committing
def test_neither_a_clock_in_the_future_nor_a_late_import_keeps_anything_longer(shop: Source) -> None:
    ahead = event(shop, "kim", 40, occurred_at=AT + timedelta(days=3650))
    late = event(shop, "kim", 40, "Order Completed", received_at=AT)
    bring(ahead, late, event(shop, "kim", 3, "Page Viewed"))
    rule("events", 30)
    retention.run()
    assert kept() == {"Page Viewed": 1}


@committing
def test_what_is_not_folded_yet_is_not_due(shop: Source) -> None:
    bring(event(shop, "kim", 90))
    with transaction.atomic():
        store([event(shop, "lee", 90)])
    rule("events", 30)
    done = retention.run()
    assert done is not None and done.counts["events"] == {"shop": 1} and Event.objects.count() == 1
    pipeline.advance()
    retention.run()
    assert Event.objects.count() == 0 and Record.objects.count() == 2


# --- whoever nobody has seen, and quarantine ----------------------------------------------------------------------------


@committing
def test_whoever_nobody_has_seen_goes_whole_and_leaves_no_trace_of_theirs(shop: Source) -> None:
    desk = create_source(OFFICER, "desk", "call_center", brand="haru")[0]
    gone, active = event(shop, "kim", 800, "Identify"), event(shop, "lee", 800, "Identify")
    bring(gone, event(shop, "kim", 790), active, event(shop, "lee", 700))
    bring(event(desk, "lee", 5, "Identify", kind="customer", record=crypto.record_id(desk.pk, "customer", "lee")))
    home = Record.objects.get(pk=gone.record).profile_id
    assert home is not None and Record.objects.filter(profile__records=active.record).count() == 2
    corrected = correct(OFFICER, home, "full_name", "김하나", "person_asked")
    pipeline.advance()
    rule("records", 730)
    rule("events", 3650)
    assert retention.preview().due["records"] == {"shop": 1}
    done = retention.run()
    assert done is not None and done.counts == {"events": {"shop": 2}, "records": {"shop": 1}, "held": 0}
    pipeline.advance()
    for record in (gone.record, corrected):
        assert not Record.objects.filter(pk=record).exists() and not DataKey.objects.filter(record=record).exists()
        assert (
            not Event.objects.filter(record=record).exists() and not Identifier.objects.filter(record=record).exists()
        )
    assert Profile.objects.get(pk=home).state == "erased" and not Golden.objects.filter(pk=home).exists()
    assert Record.objects.filter(pk=active.record).exists(), "seen at the desk five days ago"
    assert Event.objects.filter(record=active.record).count() == 2


@committing
def test_whoever_comes_back_the_same_night_stays(shop: Source) -> None:
    seen = event(shop, "kim", 800, "Identify")
    bring(seen)
    with transaction.atomic():
        store([event(shop, "kim", 0)])
    rule("records", 730)
    done = retention.run()
    assert done is not None and "records" not in done.counts
    assert Record.objects.filter(pk=seen.record).exists()


@committing
def test_quarantine_goes_after_its_period_with_its_key(shop: Source) -> None:
    refuse(shop, 100, "old")
    refuse(shop, 10, "new")
    rule("quarantine", 90)
    rule("events", 1)
    assert retention.preview().due["quarantine"] == {"shop": 1}
    done = retention.run()
    assert done is not None and done.counts["quarantine"] == {"shop": 1}
    assert Quarantined.objects.count() == 1
    assert set(DataKey.objects.values_list("record", flat=True)) == set(
        Quarantined.objects.values_list("pk", flat=True)
    )


@committing
def test_nothing_of_whoever_is_under_a_legal_hold_is_destroyed(shop: Source) -> None:
    desk = create_source(OFFICER, "desk", "call_center", brand="haru")[0]
    web = event(shop, "kim", 800, "Identify")
    called = event(desk, "kim", 800, "Identify", kind="customer", record=crypto.record_id(desk.pk, "customer", "kim"))
    bring(web, event(shop, "kim", 790), event(shop, "lee", 790, "Identify"))
    hold = holds.set_hold(OFFICER, crypto.subjects([web.record])[web.record], "claim")
    bring(called, event(desk, "kim", 780, kind="customer", record=called.record))
    index = Identifier.objects.filter(record=web.record, kind="email").values_list("digest", flat=True)[0]
    refuse(shop, 790, "names her", (bytes(index),))
    refuse(shop, 790, "names nobody")
    for what in ("events", "records", "quarantine"):
        rule(what, 365)
    found = retention.preview()
    assert found.due == {"events": {}, "records": {"shop": 1}, "quarantine": {"shop": 1}}
    done = retention.run()
    assert done is not None and done.counts["held"] == found.held == 5
    assert Event.objects.count() == 4 and Record.objects.count() == 2 and Quarantined.objects.count() == 1
    holds.ask_release(OFFICER, hold.pk)
    holds.release(Actor("user:another"), hold.pk)
    retention.run()
    assert not Event.objects.exists() and not Record.objects.exists() and not Quarantined.objects.exists()


@committing
def test_the_command_tells_the_rules_what_is_due_and_what_it_did(shop: Source) -> None:
    bring(event(shop, "kim", 80))
    out = StringIO()
    call_command("retention", "run", stdout=out)
    assert "there are no rules" in out.getvalue() and not RetentionRun.objects.exists()
    rule("events", 30)
    for what, said in (("rules", "shop · general: 30 days"), ("preview", "shop: 1"), ("run", "shop: 1")):
        out = StringIO()
        call_command("retention", what, stdout=out)
        assert said in out.getvalue(), what


# --- locks, two at once, kills ------------------------------------------------------------------------------------------


@contextmanager
def elsewhere(statement: str, *params: Any) -> Iterator[None]:
    """Another connection that holds what `statement` locks."""
    with psycopg.connect(**owner_parameters()) as other:
        other.execute(statement, params)
        yield
        other.rollback()


@committing
def test_what_somebody_else_locks_waits_for_the_next_night(shop: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "LIMITS", sql.LIMITS.replace("'2s'", "'50ms'"))
    bring(event(shop, "kim", 800, "Identify"), event(shop, "lee", 80), event(shop, "lee", 70), event(shop, "lee", 1))
    locked = Event.objects.filter(name="Product Viewed").order_by("occurred_at").values_list("pk", flat=True)[0]
    rule("events", 30)
    rule("records", 730)
    with elsewhere("select from events_event where id = %s for update", locked):
        done = retention.run()
    assert done is not None and done.counts["events"] == {"shop": 2}
    assert Event.objects.filter(pk=locked).exists()
    bring(event(shop, "park", 800, "Identify"))
    with elsewhere("select pg_advisory_xact_lock(hashtext('identity.profiles'))"):
        waited = retention.run()
    assert waited is not None and waited.counts["gave_way"] == 2 and waited.finished_at is not None
    last = retention.run()
    assert last is not None and last.counts["records"] == {"shop": 1} and not Event.objects.filter(pk=locked).exists()


def many(shop: Source, number: int) -> None:
    bring(*(event(shop, f"p{n % 7}", 40 + n / 100) for n in range(number)))
    rule("events", 30)


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages and batches of a few rows."""
    parts = {what: retention.Part(p.end, p.due, p.held, p.destroy, 5) for what, p in retention.PARTS.items()}
    monkeypatch.setattr(retention, "PARTS", parts)
    monkeypatch.setattr(retention, "PAGE", dict.fromkeys(retention.What, 20))


def at_once(number: int) -> list[RetentionRun]:
    """What several workers at the same moment did."""
    done: list[RetentionRun] = []
    begin = threading.Barrier(number)

    def work() -> None:
        begin.wait(60)
        if (ran := retention.run()) is not None:
            done.append(ran)
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(number)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    return done


def total(runs: list[RetentionRun]) -> int:
    return sum(run.counts.get("events", {}).get("shop", 0) for run in runs)


@committing
@pytest.mark.parametrize("alone", [True, False])
def test_two_workers_at_once_destroy_and_count_each_row_once(
    shop: Source, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    small(monkeypatch)
    many(shop, 120)
    if not alone:
        monkeypatch.setattr(sql, "TRY_ALONE", "select true")
    done = at_once(2)
    assert total(done) == 120 and Event.objects.count() == 0
    assert len(done) == 2 or alone


class Killed(BaseException):
    """Stands for a process that ends here."""


@contextmanager
def killed_at(boundary: int) -> Iterator[None]:
    seen = [0]

    def step(execute: Any, *args: Any) -> Any:
        seen[0] += 1
        if seen[0] == boundary:
            raise Killed
        return execute(*args)

    with connection.execute_wrapper(step):
        yield


@committing
def test_killed_anywhere_what_is_gone_is_counted(shop: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    many(shop, 60)
    bring(event(shop, "quiet", 800, "Identify"))
    rule("records", 730)
    killed = 0
    for boundary in range(12, 140, 9):
        with pytest.raises(Killed) if Event.objects.exists() else killed_at(10**9), killed_at(boundary):
            retention.run()
        killed += 1
        assert total(list(RetentionRun.objects.all())) + Event.objects.count() == 61
        if not Event.objects.exists():
            break
    retention.run()
    runs = list(RetentionRun.objects.order_by("id"))
    assert (
        killed > 3
        and total(runs) == 61
        and not Event.objects.exists()
        and not Record.objects.filter(last_seen__lt=AT - timedelta(days=730)).exists()
    )
    assert all(run.finished_at or run.interrupted for run in runs)
    assert AuditEntry.objects.filter(action="retention.interrupted").count() == sum(run.interrupted for run in runs)


@committing
def test_officers_write_rules_and_see_what_is_due(shop: Source) -> None:
    bring(event(shop, "kim", 80), event(shop, "kim", 8))
    officer, place = signed_in("privacy officer"), "/consent/retentionrule/"
    said = {"what": "events", "purpose": "", "source": "", "data_class": "", "days": "30", "enabled": "on"}
    assert officer.post(f"{place}add/", said | {"what": "quarantine", "data_class": "general"}).status_code == 200
    assert officer.post(f"{place}add/", said).status_code == 302
    assert RetentionRule.objects.get().days == 30
    assert AuditEntry.objects.filter(action="retentionrule.created").count() == 1
    page = officer.get(f"{place}preview/").content.decode()
    assert '<td>shop</td><td class="number">1</td>' in page and '<td class="number">30</td>' in page
    assert kept() == {"Product Viewed": 2}
    marketer = signed_in("marketer")
    assert [marketer.get(f"{place}{where}").status_code for where in ("", "preview/", "add/")] == [403, 403, 403]
