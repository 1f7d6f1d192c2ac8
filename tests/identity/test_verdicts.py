"""What verdicts on drawn pairs say of quality, unbiased and with an interval that covers."""

from io import StringIO
from itertools import combinations
from random import Random
from statistics import mean
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from cdp.core.types import Actor
from identity import actions
from identity.evaluation import Drawn, estimate, evaluate_verdicts, wilson
from identity.models import ReviewCase

RUN, OTHER = UUID(int=1), UUID(int=2)
STEWARD = Actor("user:one")


def drawn(labels, inclusion: float, run: UUID = RUN) -> list[Drawn]:
    return [Drawn(run, inclusion, label) for label in labels]


def test_the_mean_over_all_samples_is_the_truth() -> None:
    truth = [True] * 5 + [False] * 3
    samples = list(combinations(truth, 3))
    assert mean(estimate(drawn(sample, 3 / 8)).share for sample in samples) == pytest.approx(5 / 8)


def test_each_run_counts_for_the_pairs_that_it_drew_from() -> None:
    """All of 10 pairs, half of them wrong; and a tenth of 100, all of them right."""
    pairs = drawn([True, False] * 5, 1.0) + drawn([True] * 10, 0.1, OTHER)
    assert estimate(pairs).share == pytest.approx(105 / 110)


def test_the_answered_stand_for_those_that_wait() -> None:
    pairs = drawn([True, False] + [None] * 8, 1.0) + drawn([True] * 10, 1.0, OTHER)
    found = estimate(pairs)
    assert (found.share, found.verdicts, found.drawn) == (pytest.approx(15 / 20), 12, 20)


@given(labels=st.lists(st.sampled_from([True, False, None]), max_size=30), inclusion=st.floats(1e-6, 1.0))
def test_an_interval_holds_its_share_within_bounds(labels, inclusion: float) -> None:
    found = estimate(drawn(labels, inclusion))
    if all(label is None for label in labels):
        assert found is None
    else:
        assert 0 <= found.low <= found.share + 1e-12 and found.share - 1e-12 <= found.high <= 1
        assert found.low < found.high


def test_wilson_s_interval_is_the_published_one() -> None:
    """Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    for hits, number, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert wilson(hits / number, number) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    chance, covered = Random(7), 0
    for _ in range(1000):
        few = drawn((chance.random() < 0.9 for _ in range(20)), 0.01)
        many = drawn((chance.random() < 0.9 for _ in range(40)), 0.03, OTHER)
        found = estimate(few + many)
        covered += found.low <= 0.9 <= found.high
    assert 930 <= covered <= 985


def told(**options) -> str:
    out = StringIO()
    call_command("evaluate_linkage", stdout=out, **options)
    return out.getvalue()


def case(reason: str, stratum: str = "", weight: float = 2.0) -> ReviewCase:
    left, right = sorted((uuid4(), uuid4()))
    more = {"stratum": stratum, "inclusion": 0.5, "run": RUN} if stratum else {}
    return ReviewCase.objects.create(left=left, right=right, reason=reason, weight=weight, **more)


@pytest.mark.django_db
def test_only_drawn_pairs_are_estimated_from() -> None:
    for verdict in ("same", "same", "same", "different"):
        actions.judge_case(STEWARD, case("automatic merge", "merge").pk, verdict)
    actions.judge_case(STEWARD, case("near miss", "near miss", -2.0).pk, "different")
    actions.judge_case(STEWARD, case("near miss", "near miss").pk, "not_sure")
    for _ in range(5):
        actions.judge_case(STEWARD, case("gray zone").pk, "different")
    found = evaluate_verdicts()
    assert (found.precision.share, found.precision.verdicts) == (0.75, 4)
    assert (found.missed.share, found.missed.verdicts, found.missed.drawn) == (0, 1, 2)
    assert (found.agreed, found.compared) == (4, 10)
    text = told(verdicts=True)
    assert "0.7500  (95%: 0.3006 to 0.9544; 4 verdicts on 4 drawn)" in text
    assert "1 different, 3 same" in text and "1 different, 1 not sure" in text and "5 different" in text


@pytest.mark.django_db
def test_a_case_settled_by_an_unmerge_is_no_verdict_on_it() -> None:
    made = case("automatic merge", "merge")
    ReviewCase.objects.filter(pk=made.pk).update(state="different", decided_by="user:two")
    assert evaluate_verdicts().precision is None


@pytest.mark.django_db
def test_before_the_first_verdict_it_says_so() -> None:
    assert told(verdicts=True).count("yet") == 3
    with pytest.raises(CommandError, match="required"):
        call_command("evaluate_linkage")
