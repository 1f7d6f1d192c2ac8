"""One event or profile that cannot be worked on holds up nobody else: it is set aside, shown, and tried again."""

import logging
from collections.abc import Callable, Sequence
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp import pipeline
from cdp.core import stages, touched
from cdp.core.errors import NoKey
from cdp.core.models import Touched
from cdp.core.types import uuid7
from cdp.events.models import Event
from cdp.profiles.models import Golden
from identity.models import Profile, Record
from tests.core import keyrings
from tests.flow.doors import send, source

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = [f"u{number}" for number in range(7)]


def identify(*people: str) -> None:
    told = [{"type": "identify", "messageId": who, "userId": who, "traits": {"name": f"Ann {who}"}} for who in people]
    send(source("web", "web"), told)


def spoiled(kind: type[Event] | type[Record], column: str, row: UUID) -> Callable[[], None]:
    """Spoil a sealed value as a faulty disk would; returns what puts it right."""
    rows = kind._default_manager.filter(pk=row)
    good = bytes(rows.values_list(column, flat=True)[0])
    rows.update(**{column: good[:-1] + bytes([good[-1] ^ 1])})

    def mend() -> None:
        rows.update(**{column: good})

    return mend


def aside() -> dict[str, set[UUID]]:
    held = Touched.objects.filter(stage__startswith=stages.ASIDE).values_list("stage", "subject")
    return {stage: {subject for name, subject in held if name == stage} for stage, _ in held}


def test_an_event_that_cannot_be_opened_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    identify(*PEOPLE)
    event = Event.objects.get(message_id="u3")
    mend = spoiled(Event, "sealed", event.pk)
    with caplog.at_level(logging.ERROR):
        pipeline.advance()
    assert Record.objects.count() == Profile.objects.count() == len(PEOPLE) - 1
    assert aside() == {"aside:fold": {event.pk}} and stages.set_aside() == 1
    assert "set a subject aside: NotReadable" in caplog.text and "u3" not in caplog.text
    stages.try_again()
    pipeline.advance()
    assert aside() == {"aside:fold": {event.pk}}
    mend()
    stages.try_again()
    pipeline.advance()
    assert Record.objects.count() == Profile.objects.count() == len(PEOPLE) and aside() == {}


def test_a_profile_that_cannot_be_projected_holds_up_no_other() -> None:
    identify(*PEOPLE)
    while pipeline.STAGES["fold"]() + pipeline.STAGES["link"]() + pipeline.STAGES["cluster"]():
        pass
    record = Record.objects.order_by("id")[4]
    mend = spoiled(Record, "attributes", record.pk)
    pipeline.advance()
    assert Golden.objects.count() == len(PEOPLE) - 1
    assert aside() == {"aside:profiles": {record.profile_id}}
    mend()
    stages.try_again()
    pipeline.advance()
    assert Golden.objects.count() == len(PEOPLE) and aside() == {}


def test_a_batch_run_goes_on_past_such_an_event() -> None:
    identify(*PEOPLE)
    event = Event.objects.get(message_id="u0")
    spoiled(Event, "sealed", event.pk)
    pipeline.resolve()
    assert Profile.objects.count() == len(PEOPLE) - 1 and aside() == {"aside:fold": {event.pk}}


class Failing:
    """Work that some subjects make fail, and that is kept as the database keeps it."""

    def __init__(self, bad: set[UUID]) -> None:
        self.bad, self.done = bad, list[UUID]()

    def __call__(self, ids: Sequence[UUID]) -> None:
        if self.bad.intersection(ids):
            raise ValueError("a subject of its own")
        self.done += ids


@given(number=st.integers(1, 40), limit=st.integers(1, 40), chance=st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whichever_fail_all_others_are_done_once(number: int, limit: int, chance: object) -> None:
    Touched.objects.all().delete()
    subjects = [uuid7() for _ in range(number)]
    bad = {subject for subject in subjects if chance.random() < 0.2}  # type: ignore[attr-defined]
    work = Failing(bad)
    stage = stages.Stage("trial", limit, stages.Touched("trial", work))
    touched.touch("trial", subjects)
    while stage():
        pass
    assert sorted(work.done) == sorted(set(subjects) - bad)
    assert aside() == ({"aside:trial": bad} if bad else {})


def test_what_no_subject_can_be_blamed_for_sets_nothing_aside() -> None:
    def away(ids: list[UUID]) -> None:
        raise OperationalError("the server is away")

    touched.touch("trial", [uuid7()])
    with pytest.raises(OperationalError):
        stages.Stage("trial", 10, stages.Touched("trial", away))()
    assert aside() == {} and len(touched.subjects("trial")) == 1


def test_a_keyring_that_lacks_the_key_of_all_sets_nobody_aside(settings: LazySettings) -> None:
    keyrings.use_fresh(settings)
    right = settings.KEYRING
    identify(*PEOPLE)
    keyrings.use_fresh(settings)
    with pytest.raises(NoKey):
        pipeline.advance()
    assert aside() == {} and Record.objects.count() == 0
    keyrings.use(settings, right)
    pipeline.advance()
    assert aside() == {} and Record.objects.count() == len(PEOPLE)
