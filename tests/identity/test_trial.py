"""A trial says what a run would change, and changes nothing; a model goes live only after one."""

from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoDbBlocker

from cdp.core import crypto
from cdp.core.errors import Refused
from cdp.core.models import AuditEntry, Touched
from cdp.events.models import Source
from identity import actions, privacy, queries, registry, resolution, sql, trial
from identity.linkage.model import DEFAULT, Model, versioned, with_thresholds
from identity.models import Link, LinkageModel, Move, Profile, ProfileChange, Record, ResolutionRun, ReviewCase, Verdict
from tests.identity.test_online import arrive, generated
from tests.identity.test_profiles import Sender

pytestmark = pytest.mark.django_db
ACTOR = actions.SYSTEM
KEPT = (Profile, Record, Link, ReviewCase, ProfileChange, Move, ResolutionRun, Touched, Verdict)


def shop() -> Source:
    return Source.objects.create(name="web", channel_id="web", brand="haru", zone="Asia/Seoul", currency="KRW")


@pytest.fixture(scope="module")
def resolved(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Sender]:
    """Customers whose profiles a first run has made, once for this module: each test rolls its own changes back."""
    with django_db_blocker.unblock(), transaction.atomic():
        crypto.forget_keys()
        sender = Sender(shop())
        arrive(generated(sender, 250, seed=7))
        resolution.resolve()
        yield sender
        transaction.set_rollback(True)
    crypto.forget_keys()


@pytest.fixture
def people(resolved: Sender, db: None) -> Sender:
    return resolved


def everything() -> dict[str, list[Any]]:
    return {model.__name__: list(model.objects.order_by("pk").values_list()) for model in KEPT}


def test_the_model_in_use_would_change_nothing(people: Sender) -> None:
    found = trial.trial(registry.find("live"))
    live = Profile.objects.filter(state="live").count()
    assert (found.merged, found.split, found.moved, found.created, found.opened) == (0, 0, 0, 0, 0)
    assert found.profiles == found.unchanged == live and found.examples == ()
    assert found.links == Link.objects.filter(kind="probable").count() > 20
    assert found.largest_before == found.largest_after > 1
    assert sum(found.histogram.values()) > found.links
    shares = [share for _, share in found.unlinkable]
    assert shares == sorted(shares) and shares[0] >= 0 and shares[-1] <= 1


def use(draft: LinkageModel) -> ResolutionRun:
    return resolution.resolve(promote=lambda: registry.promote(ACTOR, draft.pk))


@pytest.mark.parametrize(("first", "link", "changed"), [(1.0, 9.0, "split"), (9.0, 1.0, "merged")])
def test_a_run_does_what_the_trial_said(people: Sender, settings: Any, first: float, link: float, changed: str) -> None:
    settings.REVIEW_SAMPLE = 100_000  # every pair is drawn, so that those whose union is refused later are among them
    if first != queries.live_model()[1].link:
        other = registry.redrawn(registry.find("live"), link=first)
        trial.trial(other)
        use(other)
    draft = registry.redrawn(registry.find("live"), link=link)
    before, known = everything(), set(ReviewCase.objects.values_list("left", "right"))
    said = trial.trial(draft)
    assert everything() == before
    stayed = members()
    run = use(draft)
    counts = {name: run.counts[name] for name in ("merged", "split", "created", "links", "pairs")}
    assert counts == {name: getattr(said, name) for name in counts}
    assert counts[changed] > 5
    assert said.unchanged == sum(members().get(profile) == records for profile, records in stayed.items())
    assert said.opened == len(asked() - known), "a drawn pair whose union is refused is no new case"
    assert said.largest_after == max(len(records) for profile, records in members().items() if profile)


def asked() -> set[tuple[UUID, UUID]]:
    found = ReviewCase.objects.filter(state__in=["open", "covered"]).exclude(
        reason__in=["bridge", "automatic merge", "near miss"]
    )
    return set(found.values_list("left", "right"))


def members() -> dict[UUID, set[UUID]]:
    found: dict[UUID, set[UUID]] = {}
    for record, profile in Record.objects.values_list("pk", "profile_id"):
        found.setdefault(profile, set()).add(record)
    return found


def test_examples_tell_which_records_and_why(people: Sender) -> None:
    draft = registry.redrawn(registry.find("live"), link=12.0)
    said = trial.trial(draft)
    assert 0 < len(said.examples) <= trial.EXAMPLES and {example.kind for example in said.examples} == {"split"}
    homes = dict(Record.objects.values_list("pk", "profile_id"))
    for example in said.examples:
        assert homes[example.left] == homes[example.right] == example.profile and example.other is None
        ends = {"left": min(example.left, example.right), "right": max(example.left, example.right)}
        assert example.before == Link.objects.filter(**ends).values_list("weight", flat=True).first()
        assert example.before in (None, pytest.approx(example.weight, abs=1e-6))
        assert len(example.comparisons) == 6
    assert sum(example.before is not None and example.weight < 12.0 for example in said.examples) > 3
    stored = registry.find(draft.version).report["trial"]
    assert stored["split"] == said.split and stored["against"] == registry.live_version()
    assert [example["left"] for example in stored["examples"]] == [str(example.left) for example in said.examples]


def test_the_examples_of_the_erased_go(people: Sender) -> None:
    draft = registry.redrawn(registry.find("live"), link=9.0)
    gone = trial.trial(draft).examples[0].left
    with transaction.atomic():
        privacy.erase([gone])
    told = LinkageModel.objects.get(pk=draft.pk).report
    assert str(gone) not in str(told) and told["trial"]["split"] > 0


def test_training_keeps_a_draft_and_touches_nothing_else(people: Sender) -> None:
    before, live = everything(), registry.live_version()
    arrive(generated(Sender(people.source), 300, seed=8)[-60:])
    before = everything()
    draft = trial.train_draft(link=3.5)
    assert everything() == before and registry.live_version() == live
    assert draft.state == "draft" and draft.version != live and draft.report["thresholds"]["link"] == 3.5
    assert 0 < draft.report["recall"] <= 1 and draft.report["trained"]
    model = registry.opened(draft)
    assert (model.link, model.population) == (3.5, Record.objects.filter(leaf=False).count())
    assert trial.train_draft(link=3.5).pk == draft.pk, "the same records make the same version"


def test_training_again_keeps_the_thresholds_in_use(people: Sender) -> None:
    draft = registry.redrawn(registry.find("live"), link=4.0, review=0.5)
    trial.trial(draft)
    use(draft)
    assert registry.opened(trial.train_draft()).link == 4.0
    assert trial.train_draft(review=-2.0).report["thresholds"] == {"link": 4.0, "review": -2.0}


def test_later_runs_keep_the_model(people: Sender) -> None:
    live = registry.live_version()
    arrive(generated(Sender(people.source), 300, seed=8)[-60:])
    resolution.resolve()
    assert registry.live_version() == live and LinkageModel.objects.count() == 1
    resolution.resolve(retrain=True)
    assert registry.live_version() != live and LinkageModel.objects.filter(state="retired").count() == 1


def test_what_was_too_few_to_learn_from_is_trained_when_there_are_more(people: Sender) -> None:
    LinkageModel.objects.update(state="retired")
    registry.make_live(ACTOR, registry.keep(DEFAULT))
    assert not registry.is_learnt()
    resolution.resolve()
    assert registry.is_learnt()


def test_a_model_goes_live_only_after_its_trial(people: Sender) -> None:
    draft = registry.redrawn(registry.find("live"), link=4.0)
    assert refusal(draft) == "model_untried"
    trial.trial(draft)
    other = registry.redrawn(draft, link=5.0)
    registry.promote(ACTOR, other.pk, without_trial=True)
    assert refusal(draft) == "model_untried", "its trial was against the profiles of another model"
    trial.trial(draft)
    before = other.version
    use(draft)
    assert refusal(draft) == "model_live"
    assert queries.live_model()[0] == draft.pk and queries.live_model()[1].link == 4.0
    assert set(Link.objects.filter(kind="probable").values_list("model_id", flat=True)) == {draft.pk}
    entry = AuditEntry.objects.filter(action="model.promoted").latest("id")
    assert (entry.actor, entry.target) == (ACTOR.name, str(draft.pk))
    assert entry.details == {"version": draft.version, "before": before}
    assert LinkageModel.objects.get(state="live").pk == draft.pk


def refusal(row: LinkageModel) -> str:
    with pytest.raises(Refused) as refused:
        registry.promote(ACTOR, row.pk)
    return refused.value.code


def test_a_model_whose_weights_fall_as_likeness_rises_is_refused(people: Sender) -> None:
    model = queries.live_model()[1]
    exact, near, *rest = model.weights["email"]
    weights = (replace(exact, m=exact.u * 2, origin="trained"), replace(near, m=near.u * 8, origin="trained"), *rest)
    fallen = registry.keep(versioned(replace(model, weights={**model.weights, "email": weights})))
    trial.trial(fallen)
    assert refusal(fallen) == "model_falls"


def test_a_model_of_another_format_is_refused(people: Sender) -> None:
    row = registry.redrawn(registry.find("live"), link=4.0)
    key = crypto.existing_data_keys([row.pk])[row.pk]
    text = queries.stored_model(row.pk).to_json().replace('"format":1', '"format":2')
    row.parameters = crypto.seal(key, queries.MODEL_TABLE, queries.MODEL_COLUMN, text)
    row.save()
    queries.stored_model.cache_clear()
    assert refusal(row) == "model_unreadable"
    with pytest.raises(Refused, match="train a new one"):
        trial.trial(row)


@pytest.mark.parametrize("wrong", [{"link": -2.0}, {"review": 3.0}, {"link": float("nan")}, {"review": float("-inf")}])
def test_thresholds_must_make_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="thresholds"):
        with_thresholds(DEFAULT, **wrong)


@given(link=st.floats(-60, 60), review=st.floats(-60, 60))
def test_another_threshold_is_another_version(link: float, review: float) -> None:
    low, high = sorted((link, review))
    drawn = with_thresholds(DEFAULT, link=high, review=low)
    assert Model.from_json(drawn.to_json()) == drawn
    assert with_thresholds(drawn, link=high) == drawn
    assert with_thresholds(drawn, link=high + 1).version != drawn.version
    assert replace(drawn, version="", link=DEFAULT.link, review=DEFAULT.review) == replace(DEFAULT, version="")


def test_nobody_tries_beside_a_run(people: Sender) -> None:
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute(sql.BEGIN_RUN)
        with pytest.raises(Refused) as refused:
            trial.trial(registry.find("live"))
    assert refused.value.code == "running"


# --- by command -------------------------------------------------------------------------------------------------------


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("linkage", *arguments, stdout=out)
    return out.getvalue()


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        said(*arguments)
    return str(error.value)


def test_training_prints_the_draft_and_what_it_would_change(people: Sender) -> None:
    live = registry.live_version()
    printed = said("train", "--link", "9")
    draft = LinkageModel.objects.get(state="draft")
    assert draft.report["thresholds"]["link"] == 9 and registry.live_version() == live
    assert "would split" in printed and f"linkage promote {draft.version}" in printed
    assert str(draft.report["trial"]["examples"][0]["left"]) in printed
    assert "birth_date" in printed and "trained" in printed


def test_showing_a_model_tells_its_levels_prior_and_thresholds(people: Sender) -> None:
    row = registry.find("live")
    printed = said("show", "live")
    assert row.version in printed and f"link from {DEFAULT.link:g} bits, review from -1" in printed
    assert f"find {row.report['recall']:.1%} of the matches" in printed
    assert f"{row.report['population']:,} records" in printed
    assert all(printed.count(name) >= len(levels) for name, levels in row.report["levels"].items())
    rules = [f"{rule}: {keys:,}" for rule, keys in row.report["stop_keys"].items()]
    assert rules and all(rule in " ".join(printed.split()) for rule in rules)
    assert row.version in said("show") and "none" in said("show")


def test_comparing_sets_weights_side_by_side_and_tries_the_second(people: Sender) -> None:
    live = registry.live_version()
    printed = said("compare", "live", "live", "--link", "9")
    draft = LinkageModel.objects.get(state="draft")
    assert live in printed and draft.version in printed and "+0.00" in printed
    assert draft.report["trial"]["split"] > 0 and draft.report["made_from"] == live


def test_promoting_runs_the_model_and_says_what_changed(people: Sender) -> None:
    said("compare", "live", "live", "--link", "9")
    draft = LinkageModel.objects.get(state="draft")
    printed = said("promote", draft.version[:8])
    run = ResolutionRun.objects.latest("started_at")
    assert run.model_id == draft.pk and registry.live_version() == draft.version
    assert f"{run.counts['split']:,} split" in printed and run.counts["split"] == draft.report["trial"]["split"]
    assert AuditEntry.objects.filter(action="model.promoted").latest("id").actor == "system:linkage"
    assert "in use already" in refused("promote", draft.version)


def test_what_cannot_be_done_is_said_in_a_sentence(people: Sender) -> None:
    registry.redrawn(registry.find("live"), link=4.0)
    draft = LinkageModel.objects.get(state="draft")
    assert "There is no model nonesuch" in refused("show", "nonesuch")
    assert "There is no model" in refused("promote", "")
    assert "See first what it would change" in refused("promote", draft.version)
    assert "thresholds" in refused("compare", "live", "live", "--link", "-9")
    assert "thresholds" in refused("train", "--link", "nan")
    assert "in use" in said("promote", draft.version, "--without-trial")


def test_the_run_by_command_trains_once(people: Sender) -> None:
    live = registry.live_version()
    call_command("resolve_identities", stdout=StringIO())
    call_command("resolve_identities", "--keep-model", stdout=StringIO())
    assert registry.live_version() == live
    row = registry.find("live")
    row.report["population"] = 10
    row.save()
    out = StringIO()
    call_command("resolve_identities", stdout=out)
    assert "linkage train" in out.getvalue()


def test_a_record_erased_meanwhile_is_no_example(people: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = registry.redrawn(registry.find("live"), link=9.0)
    gone = trial.trial(draft).examples[0].left
    sketches = trial.Tally.sketches

    def erasing(tally: trial.Tally) -> list[trial.Sketch]:
        privacy.erase([gone])
        return sketches(tally)

    monkeypatch.setattr(trial.Tally, "sketches", erasing)
    found = trial.trial(draft)
    assert found.examples and gone not in {end for example in found.examples for end in (example.left, example.right)}
