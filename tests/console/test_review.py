"""A steward's work on the review queue: the next case, what it shows, the verdict, the day that is over."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import reverse

from cdp.console import case as case_page
from cdp.core import types
from cdp.core.models import User
from identity import registry
from identity.linkage.comparisons import COMPARISONS
from identity.linkage.model import DEFAULT
from identity.models import Link, LinkageModel, Record, ResolutionRun, ReviewCase, Verdict
from tests.console import seed
from tests.console.test_pages import PERSONAL, page, queries, signed_in

pytestmark = pytest.mark.django_db
NEXT = "admin:identity_reviewcase_next"


@pytest.fixture
def steward(world: dict[str, Any]) -> Client:
    return signed_in("steward")


def apart(world: dict[str, Any]) -> ReviewCase:
    """A case of records of two seeded profiles, the most urgent."""
    left, right = sorted(records_of(one)[0] for one in world["profiles"][2:4])
    return ReviewCase.objects.create(left=left, right=right, reason="birth dates", weight=0.4, priority=9)


def records_of(profile: Any) -> list[UUID]:
    return list(profile.records.order_by("pk").values_list("pk", flat=True))


def verdict(client: Client, pk: UUID, word: str) -> Any:
    return client.post(reverse("admin:identity_reviewcase_decide", args=[pk]), {"verdict": word}, follow=True)


def told(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def test_a_steward_is_led_from_case_to_case(steward: Client, world: dict[str, Any]) -> None:
    first, second = apart(world), ReviewCase.objects.get(reason="gray")
    shown = steward.post(reverse(NEXT), follow=True)
    assert shown.context["original"].pk == first.pk and "assigned to you" in shown.content.decode()
    answer = verdict(steward, first.pk, "different")
    assert answer.context["original"].pk == second.pk
    assert told(answer) == ["Decided. The profiles follow in a moment."]
    answer = verdict(steward, second.pk, "not_sure")
    assert told(answer)[-1] == "There is no case for you to review."
    again = steward.get(page(ReviewCase, "change", second.pk)).content.decode()
    assert "another steward decides it" in again and "stewards not sure: 1" in again


def test_a_case_shows_its_weights_and_what_would_change(steward: Client, world: dict[str, Any]) -> None:
    made = apart(world)
    shown = steward.get(page(ReviewCase, "change", made.pk)).content.decode()
    for words in ("What the model makes of it", "What would change if they are the same person", "Before comparing"):
        assert words in shown
    assert shown.count('class="against"') > 0 and not [value for value in PERSONAL if value in shown]
    for record in (made.left, made.right):
        assert str(Record.objects.get(pk=record).profile_id)[:8] in shown
    assert not Link.objects.exclude(kind="probable").exists() and made.state == "open"


def test_a_closed_case_and_a_case_of_erased_records_open_too(steward: Client, world: dict[str, Any]) -> None:
    closed, gone = apart(world), ReviewCase.objects.create(left=UUID(int=1), right=UUID(int=2), reason="bridge")
    verdict(steward, closed.pk, "same")
    for pk in (closed.pk, gone.pk):
        answer = steward.get(page(ReviewCase, "change", pk))
        assert answer.status_code == 200 and "What would change" not in answer.content.decode()


def test_what_is_refused_is_told(steward: Client, world: dict[str, Any], settings: Any) -> None:
    made = apart(world)
    made.assignee, made.assigned_at = "user:somebody", types.now()
    made.save()
    assert told(verdict(steward, made.pk, "same")) == ["Another steward has this case today."]
    settings.REVIEW_DAILY_LIMIT = 0
    assert told(steward.post(reverse(NEXT), follow=True)) == ["You have had today's 0 cases: go on tomorrow."]
    assert not Verdict.objects.exists()


def test_who_may_only_look_is_handed_nothing(world: dict[str, Any]) -> None:
    auditor = signed_in("auditor")
    assert auditor.post(reverse(NEXT)).status_code == 403 and auditor.get(reverse(NEXT)).status_code == 405
    assert "Review the next case" not in auditor.get(page(ReviewCase)).content.decode()
    made = apart(world)
    shown = auditor.get(page(ReviewCase, "change", made.pk)).content.decode()
    assert 'name="verdict"' not in shown and "What the model makes of it" in shown


def test_the_list_is_in_the_order_of_the_queue_and_says_how_far_it_is(steward: Client, world: dict[str, Any]) -> None:
    made = apart(world)
    shown = steward.get(page(ReviewCase))
    assert shown.context["cl"].result_list[0].pk == made.pk
    assert "0 of 100 cases" in shown.content.decode() and "0 decided, 2 open" in shown.content.decode()
    verdict(steward, made.pk, "same")
    text = steward.get(page(ReviewCase)).content.decode()
    assert "1 decided, 1 open" in text and "1 of 1 verdicts" in text
    assert Verdict.objects.get().actor == f"user:{User.objects.get(username='steward').pk}"


def test_it_is_in_korean(steward: Client, world: dict[str, Any]) -> None:
    steward.cookies["django_language"] = "ko"
    shown = steward.get(page(ReviewCase, "change", apart(world).pk)).content.decode()
    for words in ("잘 모르겠음", "모델이 보는 근거", "비교 전"):
        assert words in shown
    assert "What would" not in shown and "Comparison" not in shown


def test_every_comparison_and_level_has_words() -> None:
    assert {one.name for one in COMPARISONS} <= case_page.COMPARISONS.keys()
    assert {level.name for one in COMPARISONS for level in one.levels} <= case_page.LEVELS.keys()


def test_the_page_opens_where_the_radius_cannot_be_computed(
    steward: Client, world: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = apart(world)
    monkeypatch.setattr("cdp.answers.REHEARSAL_LIMITS", "set local statement_timeout = 1")
    shown = steward.get(page(ReviewCase, "change", made.pk)).content.decode()
    assert "It cannot be computed at this moment" in shown


def test_more_people_do_not_cost_more_queries(steward: Client, world: dict[str, Any]) -> None:
    made = apart(world)
    before = queries(steward, page(ReviewCase, "change", made.pk))
    seed.more(10)
    for _ in range(10):
        left, right = sorted((uuid4(), uuid4()))
        ReviewCase.objects.create(left=left, right=right, reason="gray zone")
    assert queries(steward, page(ReviewCase, "change", made.pk)) <= before


# --- judged blind -----------------------------------------------------------------------------------------------------

KEPT_BACK = ("What the model makes of it", "What would change", "41.5")
REASONS = {"merge": "Drawn at random: merged automatically", "near miss": "Drawn at random: nearly merged"}
LIST = "admin:identity_reviewcase_changelist"


def drawn(world: dict[str, Any], stratum: str) -> ReviewCase:
    """A drawn case of two records, of one profile if it was a merge, the most urgent."""
    reason = {"merge": "automatic merge", "near miss": "near miss"}[stratum]
    left, right = sorted(records_of(one)[0] for one in world["profiles"][4:6])
    if stratum == "merge":
        Record.objects.filter(pk__in=(left, right)).update(profile=world["profiles"][4])
    chance = {"stratum": stratum, "inclusion": 0.1, "run": uuid4()}
    return ReviewCase.objects.create(left=left, right=right, reason=reason, weight=41.5, priority=9, **chance)


@pytest.mark.parametrize("stratum", ["merge", "near miss"])
def test_a_drawn_case_shows_nothing_of_the_model_before_the_verdict(
    steward: Client, world: dict[str, Any], stratum: str
) -> None:
    made = drawn(world, stratum)
    ends = [reverse("admin:identity_record_change", args=[end]) for end in (made.left, made.right)]
    homes = [str(one.pk) for one in world["profiles"][4:6]]
    for answer in (steward.get(page(ReviewCase, "change", made.pk)), steward.post(reverse(NEXT), follow=True)):
        shown = answer.content.decode()
        assert "Drawn at random, to be judged unseen" in shown and 'value="same"' in shown
        assert [words for words in (*KEPT_BACK, REASONS[stratum], *ends, *homes) if words in shown] == []
    answer = verdict(steward, made.pk, "same")
    assert "See what the model made of it." in told(answer)[0]
    after = steward.get(page(ReviewCase, "change", made.pk)).content.decode()
    assert [
        words for words in ("What the model makes of it", "41.5", REASONS[stratum], *ends) if words not in after
    ] == []


def orders(steward: Client) -> list[list[UUID]]:
    """The list, sorted by each of its columns."""
    return [[row.pk for row in steward.get(reverse(LIST), {"o": at}).context["cl"].result_list] for at in range(5)]


def test_neither_filters_nor_orders_of_the_list_find_a_drawn_case_out(steward: Client, world: dict[str, Any]) -> None:
    made, _ = drawn(world, "near miss"), apart(world)
    shown = steward.get(reverse(LIST), {"why": "drawn"})
    assert [row.pk for row in shown.context["cl"].result_list] == [made.pk]
    assert made.left.hex[:8] in shown.content.decode() and str(made.left) not in shown.content.decode()
    for asked in ({"why": "near miss"}, {"reason__exact": "near miss"}, {"stratum": "near miss"}, {"weight": "41.5"}):
        answer = steward.get(reverse(LIST), asked)
        assert answer.status_code != 200 or not answer.context["cl"].result_list
    before = orders(steward)
    ReviewCase.objects.filter(pk=made.pk).update(weight=-900, reason="automatic merge", stratum="merge")
    assert orders(steward) == before


def test_how_good_a_model_is_stands_on_its_page(steward: Client, world: dict[str, Any]) -> None:
    model = registry.keep(DEFAULT)
    run = ResolutionRun.objects.create(model=model)
    address = page(LinkageModel, "change", model.pk)
    assert "As stewards judge" not in steward.get(address).content.decode()
    made = drawn(world, "merge")
    ReviewCase.objects.filter(pk=made.pk).update(run=run.pk)
    assert "not enough verdicts yet" in steward.get(address).content.decode()
    verdict(steward, made.pk, "same")
    text = steward.get(address).content.decode()
    assert "As stewards judge" in text and "1.0000" in text and "0.2065 – 1.0000" in text and "1 of 1" in text
