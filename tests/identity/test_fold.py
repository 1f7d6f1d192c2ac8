"""A record is a fold of its events: the order in which they come does not matter."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from identity.fold import fold
from identity.types import Folded, Seen

RECORD, SOURCE = UUID(int=1), UUID(int=2)
START = datetime(2026, 1, 1, tzinfo=UTC)


def seen(at: int, message: str, email: str, plan: int) -> Seen:
    return Seen(
        record=RECORD, kind="user", source=SOURCE, brand="haru", at=START + timedelta(minutes=at), message_id=message,
        leaves={}, external_id="u1", identifiers={"loyalty_id": [f"L{plan}"]}, attributes={"email": email}, traits={"plan": plan},
    )  # fmt: skip


events = st.builds(
    seen,
    st.integers(0, 5),
    st.uuids().map(str),
    st.sampled_from([f"p{n}@example.com" for n in range(14)]),
    st.integers(0, 3),
)


@given(st.lists(events, max_size=30), st.randoms(use_true_random=False), st.integers(1, 5))
def test_any_order_any_batches_and_repeats_give_the_same_record(sent: list[Seen], random, size: int) -> None:
    shuffled = [*sent, *sent[: len(sent) // 2]]
    random.shuffle(shuffled)
    batched = Folded()
    for start in range(0, len(shuffled), size):
        fold(batched, shuffled[start : start + size])
    assert batched == fold(Folded(), sent)


def test_the_latest_value_wins_and_then_the_message_id() -> None:
    folded = fold(
        Folded(),
        [seen(2, "a", "old@example.com", 1), seen(2, "b", "new@example.com", 2), seen(1, "c", "x@example.com", 3)],
    )
    assert folded.current()["email"] == "new@example.com"
    assert folded.traits["plan"][0] == 2


def test_user_and_loyalty_ids_are_indexed_within_their_brand() -> None:
    assert set(fold(Folded(), [seen(1, "a", "a@example.com", 1)]).identifiers) == {
        "user_id:haru",
        "loyalty_id:haru",
        "email",
    }
