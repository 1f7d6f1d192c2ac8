"""Rules of one meaning have one spelling and one fingerprint."""

import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings

from segments.query import canonical as canonical_module
from segments.query.canonical import canonical, fingerprint
from segments.query.parse import parse, parse_text
from segments.query.problems import RuleError
from tests.segments.query.generator import rules


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(rules)
def test_the_canonical_rule_means_the_same(rule: object) -> None:
    assert parse_text(canonical(rule)) == parse(rule)
    assert canonical(json.loads(canonical(rule), parse_float=Decimal)) == canonical(rule) == canonical(parse(rule))


def test_spellings_of_one_rule_share_a_fingerprint() -> None:
    spellings = [
        {"event": "a", "within": {"days": 7}},
        {"within": {"hours": 168}, "count": {"value": 1.0, "op": "gte"}, "where": [], "event": "a"},
    ]
    assert len({fingerprint(rule) for rule in spellings}) == 1
    assert fingerprint(spellings[0]) != fingerprint({"event": "a", "within": {"days": 7, "calendar": True}})


def test_types_are_kept_apart() -> None:
    values: list[object] = [1, "1", True, {"days_ago": 1}]
    assert len({fingerprint({"trait": "a", "op": "eq", "value": value}) for value in values}) == len(values)


def test_the_version_of_the_semantics_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint({"event": "a"})
    monkeypatch.setattr(canonical_module, "SEMANTICS", canonical_module.SEMANTICS + 1)
    assert fingerprint({"event": "a"}) != before


def test_a_wrong_rule_has_no_canonical_form() -> None:
    with pytest.raises(RuleError):
        canonical({"event": 1})
