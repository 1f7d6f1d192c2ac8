"""With a guarantee taken out of the statements, the test that is named after it fails."""

from collections.abc import Callable
from typing import Any

import pytest

from consent import result_sql, sql
from tests.consent import test_regimes, test_signals

pytestmark = pytest.mark.django_db
GATES = ("ALLOWED", "VERDICTS", "REFRESH_EFFECTIVE")


def without(monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], text: str, instead: str) -> None:
    for name in names:
        module = sql if hasattr(sql, name) else result_sql
        statement = getattr(module, name)
        assert text in statement
        monkeypatch.setattr(module, name, statement.replace(text, instead))


@pytest.mark.parametrize(
    ("names", "text", "instead", "test"),
    [
        (GATES, "r.born is null or", "true or", test_regimes.test_rule_7_a_child_s_own_consent_grants_nothing),
        (
            GATES, "where state <> 'granted' or not objects", "",
            test_signals.test_rule_10_settled_in_favour_of_the_signal_it_stays_and_the_next_opt_in_is_a_conflict_again,
        ),
        (("FLAG_LATE",), "and n.flagged_at is null", "", test_regimes.test_rule_6_what_is_late_is_flagged_once),
        (
            ("INSERT_LINES",), "w.method <> 'bounce' and", "",
            test_regimes.test_rule_6_no_word_is_owed_of_old_imports_of_bounces_and_where_no_law_asks,
        ),
        (
            GATES, "make_interval(months => c.expires_months)", "make_interval(months => null)",
            test_regimes.test_a_grant_ends_after_the_months_of_its_regime,
        ),
        (
            ("COLLECTABLE",), "union select id from identity_record where profile_id = own.profile_id", "",
            test_signals.test_a_record_is_collected_where_its_person_allows_the_purpose_as_a_whole,
        ),
    ],
)  # fmt: skip
def test_mutation_of_a_statement(
    monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], text: str, instead: str, test: Callable[[], Any]
) -> None:
    without(monkeypatch, names, text, instead)
    with pytest.raises(AssertionError):
        test()
