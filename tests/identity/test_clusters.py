"""Components that are plainly one person's are told without clustering them, and as clustering would tell."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity import clusters
from identity.linkage import cluster, inputs, normalise
from identity.linkage.model import DEFAULT
from identity.types import Cleaned

START = datetime(2026, 1, 1, tzinfo=UTC)
IDS = [UUID(int=number) for number in range(1, 8)]
SAID = {
    "given": (None, "minjun", "minjoon", "minjun", "robert", "bob", "sue"),
    "surname": (None, "kim", "lee"),
    "birth_date": (None, "1980-02-03", "1980-02-03", "1980-03-02", "1991-12-30"),
    "gender": (None, "f", "f", "m"),
}
KINDS = ("user_id:one", "email", "phone")


def record(number: int, **said: str | None) -> Cleaned:
    """A person's record that says this."""
    return Cleaned(IDS[number], None, 1, {column: said.get(column) for column in normalise.COLUMNS})


def held(number: int, kind: str, value: int, days: int = 0) -> clusters.Held:
    """Held by a record since so many days after the start, and seen with it then only."""
    at = START + timedelta(days=days)
    return clusters.Held(IDS[number], kind, bytes([value]), at, at)


def link(left: int, right: int, kind: str, weight: float) -> clusters.StoredLink:
    return clusters.StoredLink(IDS[min(left, right)], IDS[max(left, right)], kind, weight)


NUMBERS = st.integers(0, len(IDS) - 1)
RECORDS = st.tuples(
    *(st.builds(record, st.just(n), **{c: st.sampled_from(v) for c, v in SAID.items()}) for n in range(7))
)
HELD = st.lists(
    st.builds(held, NUMBERS, st.sampled_from(KINDS), st.integers(0, 6), st.sampled_from((0, 200))), max_size=12
)
LINKS = st.lists(
    st.builds(link, NUMBERS, NUMBERS, st.sampled_from(("probable", "probable", "must", "cannot")), st.sampled_from((3.0, 9.0)))
    .filter(lambda found: found.left != found.right),
    max_size=8,
)  # fmt: skip


@given(RECORDS, HELD, LINKS)
def test_every_component_comes_out_as_if_all_were_clustered_link_by_link(
    records: Sequence[Cleaned], values: list[clusters.Held], stored: list[clusters.StoredLink]
) -> None:
    nodes = clusters._nodes(records, values, DEFAULT)
    expected = cluster.cluster(nodes, *clusters.all_links(values, stored), inputs.limits(DEFAULT))
    found, refused = clusters.partition(records, values, stored, DEFAULT)
    assert {str(one): str(min(group)) for group in found for one in group} == expected.label
    assert sorted(refused, key=repr) == sorted(expected.refused, key=repr)


SARAH = {"given": "sarah", "surname": "jones", "birth_date": "1980-02-03", "gender": "f"}
PLAIN = [
    pytest.param([{}, {}], id="nothing said"),
    pytest.param([SARAH, SARAH, {"given": "sarah"}], id="the same said"),
    pytest.param([SARAH, SARAH | {"given": "sara"}], id="one name in two spellings"),
]


@pytest.mark.parametrize("said", PLAIN)
def test_what_is_plainly_one_person_is_not_clustered(
    said: list[dict[str, str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "cluster", None)
    records = [record(number, **one) for number, one in enumerate(said)]
    shared = [held(number, "email", 1) for number in range(len(said))]
    assert clusters.partition(records, shared, [], DEFAULT) == ([frozenset(IDS[: len(said)])], ())
