"""Blocking says how much it can find at most: against a truth, and reckoned from how often its rules agree."""

from itertools import combinations
from pathlib import Path

import duckdb
import pytest
from django.core.management import call_command

from identity import evaluation, resolution
from identity.linkage import blocking, train
from identity.linkage.model import DEFAULT
from tests.identity.test_online import arrive
from tests.identity.test_profiles import Sender

PERSON = {"full_name": "Amelia Pennington", "birth_date": "1981-03-07", "city": "Leeds", "postcode": "LS1 4AP"}


@pytest.mark.parametrize(
    ("by_rules", "share"),
    [([], None), ([3] * 8, 1.0), ([2] * 9 + [1] * 4, 13 / (13 + 4 * 3 / (2 * 10))), ([1], 1.0), ([1] * 5, 5 / 15)],
)
def test_what_no_rule_finds_is_reckoned_from_what_one_alone_finds(by_rules: list[int], share: float | None) -> None:
    with duckdb.connect(":memory:") as database:
        database.execute("create table usable (rule int, key text, rid int)")
        database.execute("create table likely (rid_l int, rid_r int)")
        for pair, rules in enumerate(by_rules):
            database.execute("insert into likely values (?, ?)", [2 * pair, 2 * pair + 1])
            for rule, rid in ((rule, rid) for rule in range(rules) for rid in (2 * pair, 2 * pair + 1)):
                database.execute("insert into usable values (?, ?, ?)", [rule, f"key {pair}", rid])
                # A second key of the same rule tells nothing new.
                database.execute("insert into usable values (?, ?, ?)", [rule, f"another {pair}", rid])
        assert blocking.ceiling(database, "select * from likely") == (share if share is None else pytest.approx(share))


@pytest.mark.django_db
def test_a_truth_tells_which_pairs_no_model_could_find(sender: Sender, tmp_path: Path, capsys) -> None:
    told = [
        PERSON,
        PERSON | {"full_name": "Amelia Penington"},  # a blocking key
        {"full_name": "A. Smith", "email": "amelia@shop.example"},
        {"full_name": "Someone", "email": "amelia@shop.example"},  # an identifier
        {"full_name": "Zoltan Qvist"},  # nothing
    ]
    for number, values in enumerate(told):
        sender.says(str(number), "customer", number, **values)
    arrive(sender.sent)
    truth = tmp_path / "truth.csv"
    people = "".join(f"web,{number},one\n" for number in range(len(told)))
    truth.write_text(f"source,external_id,person\n{people}")
    assert evaluation.recall_ceiling(truth) == 2 / len(list(combinations(told, 2))), (
        "keys there are from the first event"
    )
    resolution.resolve()
    assert evaluation.recall_ceiling(truth) == 2 / len(list(combinations(told, 2)))
    call_command("evaluate_linkage", truth=truth)
    assert "recall ceiling     0.2000" in capsys.readouterr().out
    truth.write_text("source,external_id,person\nweb,0,one\nweb,1,two\n")
    assert evaluation.recall_ceiling(truth) is None


def test_more_is_asked_of_a_link_among_more_records() -> None:
    asked = [train._asked_of_a_link(number) for number in (0, 10, 10_000, 20_000, 100_000, 1_000_000)]
    assert asked[:3] == [DEFAULT.link] * 3
    assert asked == sorted(asked) and asked[-1] - asked[-2] == asked[-2] - asked[2] == train.BITS_A_DECADE
