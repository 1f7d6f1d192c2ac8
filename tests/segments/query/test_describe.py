"""Rules as sentences, in both languages."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from segments.query.catalog import TraitSpec
from segments.query.describe import describe
from segments.query.parse import parse
from segments.query.particles import Word
from tests.segments.query.cases import CATALOG
from tests.segments.query.generator import rules

LABELLED = replace(CATALOG, traits={**CATALOG.traits, "country": TraitSpec("string", label="국가")})


@pytest.mark.parametrize(
    ("rule", "english", "korean"),
    [
        ({"trait": "country", "op": "eq", "value": "서울"}, "국가 is “서울”", "국가가 “서울”임"),
        ({"trait": "country", "op": "ne", "value": "서울"}, "국가 is not “서울”", "국가가 “서울”이 아님"),
        (
            {"trait": "country", "op": "starts_with", "value": "서울"},
            "국가 starts with “서울”",
            "국가가 “서울”로 시작함",
        ),
        (
            {"trait": "visits", "op": "between", "value": [3, 12.5]},
            "visits is between 3 and 12.5",
            "visits이(가) 3 이상 12.5 이하임",
        ),
        (
            {"trait": "country", "op": "in", "value": list("abcdef")},
            "국가 is one of “a”, “b”, “c”, “d”, “e”, …",
            "국가가 “a”, “b”, “c”, “d”, “e”, … 중 하나임",
        ),
        (
            {"trait": "joined", "op": "gte", "value": {"days_ago": 1}},
            "joined is 1 day ago or later",
            "joined이(가) 1일 전 또는 그 이후임",
        ),
        (
            {"trait": "joined", "op": "lt", "value": "2026-01-01"},
            "joined is before “2026-01-01”",
            "joined이(가) “2026-01-01”보다 먼저임",
        ),
        ({"list": "vip"}, "the profile is on the list “vip”", "“vip” 목록에 있음"),
        (
            {"segment": "vip", "ever": True},
            "the profile is or was in the segment “vip”",
            "“vip” 세그먼트에 속하거나 속한 적이 있음",
        ),
        (
            {"event": "구매", "within": {"weeks": 2}},
            "“구매” happened at least 1× in the last 14 days",
            "최근 14일 동안의 “구매” 이벤트가 1회 이상 있음",
        ),
        (
            {
                "event": "구매",
                "where": [{"property": "종류", "op": "eq", "value": "신발"}],
                "count": {"op": "eq", "value": 0},
            },
            "“구매” (where 종류 is “신발”) happened exactly 0×",
            "(종류가 “신발”임) 조건의 “구매” 이벤트가 정확히 0회 있음",
        ),
        (
            {
                "event": "구매",
                "sum": {"property": "revenue", "op": "gt", "value": 500000},
                "currency": "KRW",
                "within": {"days": 3, "calendar": True},
            },
            "the sum of revenue in KRW of “구매” since the start of the day 3 days ago is more than 500,000",
            "3일 전 0시부터의 “구매” 이벤트의 revenue(KRW) 합계가 500,000보다 큼",
        ),
        (
            {"trait": "visits", "op": "ne", "value": {"this": "month"}},
            "visits is not this month",
            "visits이(가) 이번 달이 아님",
        ),
        (
            {
                "sequence": [{"event": "통화", "where": [{"property": "점수", "op": "lte", "value": 2}]}],
                "then_not": {"event": "구매"},
                "in_last": {"days": 60},
            },
            "“통화” (where 점수 is at most 2) happened in the last 60 days, and no “구매” since",
            "최근 60일 동안의 (점수가 2 이하임) 조건의 “통화” 이벤트가 있음, 그 뒤로 “구매” 이벤트가 없음",
        ),
        (
            {
                "sequence": [{"event": "방문"}, {"event": "담기"}, {"event": "구매", "currency": "KRW"}],
                "within": {"hours": 1},
                "without": {"event": "취소"},
                "then_not": {"event": "환불"},
                "for": {"seconds": 20},
                "in_last": {"days": 3, "calendar": True},
            },
            "“방문” then “담기” then “구매” in KRW happened since the start of the day 3 days ago, each step at most 1 hour "
            "after the one before, with no “취소” in between, and no “환불” for 20 seconds after",
            "3일 전 0시부터의 “방문” 이벤트 다음에 “담기” 이벤트 다음에 “구매”(KRW) 이벤트가 있음, "
            "각 단계는 앞 단계로부터 1시간 이내, 단계 사이에 “취소” 이벤트가 없음, 그 뒤 20초 동안 “환불” 이벤트가 없음",
        ),
        (
            {"any": [{"sequence": [{"event": "a"}], "then_not": {"event": "b"}}, {"segment": "c"}]},
            "(“a” happened, and no “b” since) or the profile is in the segment “c”",
            "(“a” 이벤트가 있음, 그 뒤로 “b” 이벤트가 없음), 또는 “c” 세그먼트에 속함",
        ),
        (
            {"event": "구매", "within": {"months": 14, "days": 2}},
            "“구매” happened at least 1× in the last 14 months, 2 days",
            "최근 14개월, 2일 동안의 “구매” 이벤트가 1회 이상 있음",
        ),
        (
            {"event": "구매", "within": {"years": 1}},
            "“구매” happened at least 1× in the last 1 year",
            "최근 1년 동안의 “구매” 이벤트가 1회 이상 있음",
        ),
        (
            {"event": "구매", "within": {"weeks": 2, "calendar": True}},
            "“구매” happened at least 1× since the start of the week 2 weeks ago",
            "2주 전 월요일부터의 “구매” 이벤트가 1회 이상 있음",
        ),
        (
            {"event": "구매", "within": {"this": "quarter"}},
            "“구매” happened at least 1× this quarter",
            "이번 분기의 “구매” 이벤트가 1회 이상 있음",
        ),
        (
            {"event": "구매", "within": {"previous": "day"}},
            "“구매” happened at least 1× yesterday",
            "어제의 “구매” 이벤트가 1회 이상 있음",
        ),
        (
            {"event": "구매", "between": {"from": "2026-01-01", "to": {"days_ago": 30}}},
            "“구매” happened at least 1× from “2026-01-01” to 30 days ago",
            "“2026-01-01”부터 30일 전까지의 “구매” 이벤트가 1회 이상 있음",
        ),
        (
            {"sequence": [{"event": "담기"}, {"event": "구매"}], "between": {"to": "2026-01-31"}},
            "“담기” then “구매” happened up to “2026-01-31”",
            "“2026-01-31”까지의 “담기” 이벤트 다음에 “구매” 이벤트가 있음",
        ),
        (
            {"event": "구매", "distinct": {"property": "종류", "op": "gte", "value": 3}, "within": {"days": 30}},
            "the number of different 종류 of “구매” in the last 30 days is at least 3",
            "최근 30일 동안의 “구매” 이벤트의 서로 다른 종류 개수가 3 이상임",
        ),
        (
            {"event": "구매", "most_frequent": {"property": "종류", "op": "in", "value": ["신발", "모자"]}},
            "the most frequent 종류 of “구매” is one of “신발”, “모자”",
            "“구매” 이벤트의 가장 잦은 종류가 “신발”, “모자” 중 하나임",
        ),
        (
            {
                "event": "구매",
                "first": {"within": {"days": 30}, "where": [{"property": "종류", "op": "eq", "value": "신발"}]},
            },
            "the first “구매” happened in the last 30 days (where 종류 is “신발”)",
            "“구매” 이벤트 중 첫 번째가 최근 30일 동안의 (종류가 “신발”임) 조건의 것임",
        ),
        (
            {
                "event": "구매",
                "last": {"where": [{"property": "revenue", "op": "gt", "value": 1000}]},
                "currency": "KRW",
                "within": {"previous": "month"},
            },
            "the last “구매” in KRW in the month before this one happened (where revenue is more than 1,000)",
            "지난달의 “구매”(KRW) 이벤트 중 마지막이 (revenue이(가) 1,000보다 큼) 조건의 것임",
        ),
        (
            {"event": "구매", "nth": {"n": 2, "between": {"from": "2026-01-01"}}},
            "number 2 of “구매” happened from “2026-01-01” on",
            "“구매” 이벤트 중 2번째가 “2026-01-01”부터의 것임",
        ),
        (
            {"event": "구매", "frequency": {"times": 2, "unit": "week", "last": 4, "in": 3}},
            "“구매” happened at least 2× in at least 3 weeks of the past 4 weeks",
            "지난 4주 중 3주 이상에 “구매” 이벤트가 2회 이상 있음",
        ),
        (
            {"event": "구매", "frequency": {"unit": "month", "last": 6}},
            "“구매” happened at least 1× in each of the past 6 months",
            "지난 6개월 각각에 “구매” 이벤트가 1회 이상 있음",
        ),
        (
            {"event": "구매", "at": {"weekdays": ["sun", "sat"], "from": "22:00", "to": "02:30"}},
            "“구매” on Saturday, Sunday from 22:00 until before 02:30 happened at least 1×",
            "토요일, 일요일의 22:00부터 02:30 전까지의 “구매” 이벤트가 1회 이상 있음",
        ),
        (
            {"event": "구매", "last": {"at": {"to": "09:00"}}},
            "the last “구매” happened from 00:00 until before 09:00",
            "“구매” 이벤트 중 마지막이 00:00부터 09:00 전까지의 것임",
        ),
        (
            {"trait": "joined", "op": "birthday_within", "value": {"days": 7}},
            "the anniversary of joined is today or in the next 7 days",
            "joined의 월·일이 오늘부터 7일 뒤까지의 날임",
        ),
        (
            {"trait": "joined", "op": "birthday_within", "value": {"days": 0}},
            "the anniversary of joined is today",
            "joined의 월·일이 오늘임",
        ),
        (
            {"not": {"segment": "vip"}},
            "it is not so that (the profile is in the segment “vip”)",
            "(“vip” 세그먼트에 속함)에 해당하지 않음",
        ),
        (
            {
                "all": [
                    {"segment": "a"},
                    {"any": [{"segment": "b"}, {"consent": {"purpose": "광고", "channel": "문자"}}]},
                ]
            },
            "the profile is in the segment “a” and "
            "(the profile is in the segment “b” or the person consents to “광고” by “문자”)",
            "“a” 세그먼트에 속함, 그리고 (“b” 세그먼트에 속함, 또는 “광고” 목적의 “문자” 연락에 동의함)",
        ),
    ],
)
def test_sentences(rule: dict[str, Any], english: str, korean: str) -> None:
    assert describe(parse(rule), "en", LABELLED) == f"Profiles where {english}."
    assert describe(parse(rule), "ko", LABELLED) == f"다음에 해당하는 프로필: {korean}."


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("고객", "고객은 고객이 고객을 고객으로"),
        ("나이", "나이는 나이가 나이를 나이로"),
        ("서울", "서울은 서울이 서울을 서울로"),
        ("3", "3은 3이 3을 3으로"),
        ("7", "7은 7이 7을 7로"),
        ("12", "12는 12가 12를 12로"),
        ("“고객”", "“고객”은 “고객”이 “고객”을 “고객”으로"),
        ("vip", "vip은(는) vip이(가) vip을(를) vip(으)로"),
        ("", "은(는) 이(가) 을(를) (으)로"),
    ],
)
def test_particles(word: str, written: str) -> None:
    assert "{word:은} {word:이} {word:을} {word:으로}".format(word=Word(word)) == written


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(rules)
def test_every_rule_can_be_told(rule: object) -> None:
    for language in ("en", "ko"):
        told = describe(parse(rule), language)
        assert told.endswith(".") and "\n" not in told.replace("a\n", "")


def test_texts_that_look_like_templates_are_texts() -> None:
    assert "“{name:이} {0}”" in describe(parse({"segment": "{name:이} {0}"}), "ko")
