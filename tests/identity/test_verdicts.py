"""What verdicts on drawn pairs say of quality, unbiased and with an interval that covers."""

from dataclasses import replace
from io import StringIO
from itertools import combinations
from random import Random
from statistics import mean
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from cdp.core.types import Actor, now
from identity import actions, registry
from identity.estimation import Draw, Drawn, estimate, recall, total, wilson
from identity.evaluation import evaluate_verdicts
from identity.linkage.model import DEFAULT
from identity.models import ResolutionRun, ReviewCase, Sample

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


# --- totals -----------------------------------------------------------------------------------------------------------


def test_the_mean_total_over_all_samples_is_the_truth() -> None:
    """Eight pairs, three of them of no stratum (None here) and two of the others no match."""
    pairs = ["same"] * 3 + ["different"] * 2 + [None] * 3
    samples = list(combinations(pairs, 4))
    found = [
        total(drawn([word == "same" for word in sample if word], 4 / 8), [Draw(RUN, 8, 4)]) or 0 for sample in samples
    ]
    assert all(found) and mean(one.number for one in found) == pytest.approx(3)


def test_a_total_is_the_mean_of_runs_by_what_they_drew_and_passes_over_those_without_an_answer() -> None:
    pairs = drawn([True, False], 0.02) + drawn([True] * 3 + [None], 0.05, OTHER) + drawn([None] * 5, 0.1, UUID(int=3))
    draws = [Draw(RUN, 100, 2), Draw(OTHER, 120, 6), Draw(UUID(int=3), 50, 5)]
    assert total(pairs, draws).number == pytest.approx((2 * 50 + 6 * 120 * (4 / 6)) / 8)
    assert total(pairs, []) is None and total([], draws) is None


@given(
    merges=st.lists(st.sampled_from([True, False, None]), max_size=20),
    misses=st.lists(st.sampled_from([True, False, None]), max_size=20),
    besides=st.integers(0, 20),
    size=st.integers(40, 100_000),
)
def test_an_interval_of_recall_holds_it_within_bounds(merges, misses, besides: int, size: int) -> None:
    strata = [
        (drawn(labels, (len(labels) + besides) / size), [Draw(RUN, size, len(labels) + besides)])
        for labels in (merges, misses)
    ]
    if found := recall(*strata):
        assert 0 <= found.low <= found.share + 1e-9 and found.share - 1e-9 <= found.high <= 1


def test_the_interval_of_recall_covers_it_about_as_often_as_it_says() -> None:
    """30,000 links, 97 % right; 20,000 near misses, 60 % of them of no profile in common, 4 % of those matches."""
    chance, covered, least = Random(11), 0, 1.0
    truth = 30_000 * 0.97 / (30_000 * 0.97 + 20_000 * 0.6 * 0.04)
    for _ in range(600):
        merges = [chance.random() < 0.97 for _ in range(60)]
        misses = [chance.random() < 0.04 for _ in range(60) if chance.random() < 0.6]
        found = recall(
            (drawn(merges, 60 / 30_000), [Draw(RUN, 30_000, 60)]), (drawn(misses, 60 / 20_000), [Draw(RUN, 20_000, 60)])
        )
        covered += found.low <= truth <= found.high
        least = min(least, found.low)
    assert covered / 600 >= 0.93 and least > 0.85


# --- what is told -----------------------------------------------------------------------------------------------------


def told(**options) -> str:
    out = StringIO()
    call_command("evaluate_linkage", stdout=out, **options)
    return out.getvalue()


def case(reason: str, stratum: str = "", weight: float = 2.0, run: UUID | None = None) -> ReviewCase:
    left, right = sorted((uuid4(), uuid4()))
    more = {"stratum": stratum, "inclusion": 0.5, "run": run or RUN} if stratum else {}
    return ReviewCase.objects.create(left=left, right=right, reason=reason, weight=weight, **more)


@pytest.mark.django_db
def test_only_drawn_pairs_are_estimated_from() -> None:
    ResolutionRun.objects.create(pk=RUN)
    for verdict in ("same", "same", "same", "different"):
        actions.judge_case(STEWARD, case("automatic merge", "merge").pk, verdict)
    actions.judge_case(STEWARD, case("near miss", "near miss", -2.0).pk, "different")
    actions.judge_case(STEWARD, case("near miss", "near miss").pk, "not_sure")
    for _ in range(5):
        actions.judge_case(STEWARD, case("gray zone").pk, "different")
    found = evaluate_verdicts()
    (judged,) = found.models
    assert (judged.precision.share, judged.precision.verdicts) == (0.75, 4)
    assert (judged.missed.share, judged.missed.verdicts, judged.missed.drawn) == (0, 1, 2)
    assert (found.agreed, found.compared) == (4, 10) and judged.recall is None
    text = told(verdicts=True)
    assert "0.7500  (95%: 0.3006 to 0.9544; 4 verdicts on 4 drawn)" in text
    assert "1 different, 3 same" in text and "1 different, 1 not sure" in text and "5 different" in text


@pytest.mark.django_db
def test_a_case_settled_by_an_unmerge_is_no_verdict_on_it() -> None:
    made = case("automatic merge", "merge")
    ReviewCase.objects.filter(pk=made.pk).update(state="different", decided_by="user:two")
    ResolutionRun.objects.create(pk=RUN)
    assert evaluate_verdicts().models[0].precision is None


@pytest.mark.django_db
def test_each_version_of_the_model_is_judged_by_what_its_own_runs_drew() -> None:
    models = [registry.keep(replace(DEFAULT, version=version)) for version in ("old", "new")]
    runs = [ResolutionRun.objects.create(model=model, counts={"ceiling": 0.9}, finished_at=now()) for model in models]
    for run, words in zip(runs, (("same", "different"), ("same", "same")), strict=True):
        for stratum, pairs in (("merge", 40), ("near miss", 10)):
            Sample.objects.create(run=run.pk, stratum=stratum, pairs=pairs, drawn=2)
        for word in words:
            actions.judge_case(STEWARD, case("automatic merge", "merge", run=run.pk).pk, word)
        for word in ("different", "same"):
            actions.judge_case(STEWARD, case("near miss", "near miss", run=run.pk).pk, word)
    new, old = evaluate_verdicts().models
    assert [(one.model, one.precision.share, one.ceiling) for one in (new, old)] == [("new", 1, 0.9), ("old", 0.5, 0.9)]
    assert (new.recall.share, old.recall.share) == (pytest.approx(40 / 45), pytest.approx(20 / 25))
    assert 0 < new.recall.low < new.recall.share < new.recall.high < 1
    assert told(verdicts=True).count("recall among compared pairs") == 2


@pytest.mark.django_db
def test_before_the_first_verdict_it_says_so() -> None:
    assert told(verdicts=True).count("yet") == 2
    ResolutionRun.objects.create(pk=RUN)
    case("near miss", "near miss")
    assert told(verdicts=True).count("not enough verdicts") == 3
    with pytest.raises(CommandError, match="required"):
        call_command("evaluate_linkage")
