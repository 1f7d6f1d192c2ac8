"""The templates of `describe`: whole sentences in each language, never words strung together."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sentences:
    """All templates of one language. `tests`, `times` and `counts` are by operator."""

    rule: str
    both: str
    either: str
    group: str
    negation: str
    tests: dict[str, str]
    times: dict[str, str]
    counts: dict[str, str]
    event: str
    measures: dict[str, str]
    picks: dict[str, str]
    picked: str
    frequency: dict[str, str]
    weekdays: tuple[str, ...]
    on_days: str
    by_clock: str
    where: str
    within: str
    since: dict[str, str]
    this_unit: dict[str, str]
    previous_unit: dict[str, str]
    between: dict[str, str]
    currency: str
    units: dict[str, tuple[str, str]]
    this: dict[str, str]
    sequence: str
    then: str
    apart: str
    without: str
    never_since: str
    silence: str
    today: str
    coming: str
    days_ago: tuple[str, str]
    calendar_days_ago: tuple[str, str]
    flags: tuple[str, str]
    segment: str
    ever: str
    listed: str
    consent: str
    brand_consent: str
    also: str
    comma: str


ENGLISH = Sentences(
    rule="Profiles where {rule}.",
    both=" and ",
    either=" or ",
    group="({rule})",
    negation="it is not so that ({rule})",
    tests={
        "eq": "{name} is {value}", "ne": "{name} is not {value}", "in": "{name} is one of {value}",
        "not_in": "{name} is none of {value}", "gt": "{name} is more than {value}", "gte": "{name} is at least {value}",
        "lt": "{name} is less than {value}", "lte": "{name} is at most {value}",
        "between": "{name} is between {low} and {high}", "contains": "{name} contains {value}",
        "starts_with": "{name} starts with {value}",
        "birthday_within": "the anniversary of {name} is {value}", "exists": "{name} is known", "not_exists": "{name} is not known",
    },
    times={
        "gt": "{name} is after {value}", "gte": "{name} is {value} or later", "lt": "{name} is before {value}",
        "lte": "{name} is {value} or earlier",
    },
    counts={
        "eq": "{what} happened exactly {value}×{within}", "ne": "{what} did not happen exactly {value}×{within}",
        "gt": "{what} happened more than {value}×{within}", "gte": "{what} happened at least {value}×{within}",
        "lt": "{what} happened less than {value}×{within}", "lte": "{what} happened at most {value}×{within}",
        "between": "{what} happened {low} to {high}×{within}",
    },
    event="{event}{currency}{at}{where}",
    measures={
        "sum": "the sum of {property}{currency} of {what}{within}",
        "avg": "the average {property}{currency} of {what}{within}",
        "min": "the lowest {property}{currency} of {what}{within}",
        "max": "the highest {property}{currency} of {what}{within}",
        "distinct": "the number of different {property}{currency} of {what}{within}",
        "most_frequent": "the most frequent {property}{currency} of {what}{within}",
    },
    picks={"first": "the first {what}{within}", "last": "the last {what}{within}", "nth": "number {n} of {what}{within}"},
    picked="{which} happened{within}{where}",
    frequency={"each": "{what} happened at least {times}× in each of the past {last}",
               "some": "{what} happened at least {times}× in at least {periods} of the past {last}"},
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    on_days=" on {days}",
    by_clock=" from {low} until before {high}",
    where=" (where {rule})",
    within=" in the last {length}",
    since={
        "day": " since the start of the day {length} ago", "week": " since the start of the week {length} ago",
        "month": " since the start of the month {length} ago", "quarter": " since the start of the quarter {length} ago",
        "year": " since the start of the year {length} ago",
    },
    this_unit={"day": " today", "week": " this week", "month": " this month", "quarter": " this quarter",
               "year": " this year"},
    previous_unit={"day": " yesterday", "week": " in the week before this one", "month": " in the month before this one",
                   "quarter": " in the quarter before this one", "year": " in the year before this one"},
    between={"both": " from {low} to {high}", "from": " from {low} on", "to": " up to {high}"},
    currency=" in {currency}",
    units={"years": ("{n} year", "{n} years"), "quarters": ("{n} quarter", "{n} quarters"),
           "months": ("{n} month", "{n} months"), "weeks": ("{n} week", "{n} weeks"),
           "days": ("{n} day", "{n} days"), "hours": ("{n} hour", "{n} hours"),
           "minutes": ("{n} minute", "{n} minutes"), "seconds": ("{n} second", "{n} seconds")},
    this={"month": "this month"},
    sequence="{steps} happened{in_last}{apart}{without}{then_not}",
    then=" then ",
    apart=", each step at most {length} after the one before",
    without=", with no {event} in between",
    never_since=", and no {event} since",
    silence=", and no {event} for {length} after",
    today="today",
    coming="today or in the next {length}",
    days_ago=("{n} day ago", "{n} days ago"),
    calendar_days_ago=("{n} calendar day ago", "{n} calendar days ago"),
    flags=("no", "yes"),
    segment="the profile is in the segment {segment}",
    ever="the profile is or was in the segment {segment}",
    listed="the profile is on the list {list}",
    consent="the person consents to {purpose} by {channel}",
    brand_consent="the person consents to {purpose} by {channel} for {brand}",
    also=" and ",
    comma=", ",
)  # fmt: skip

KOREAN = Sentences(
    rule="다음에 해당하는 프로필: {rule}.",
    both=", 그리고 ",
    either=", 또는 ",
    group="({rule})",
    negation="({rule})에 해당하지 않음",
    tests={
        "eq": "{name:이} {value}임", "ne": "{name:이} {value:이} 아님", "in": "{name:이} {value} 중 하나임",
        "not_in": "{name:이} {value} 중 어느 것도 아님", "gt": "{name:이} {value}보다 큼",
        "gte": "{name:이} {value} 이상임",
        "lt": "{name:이} {value}보다 작음", "lte": "{name:이} {value} 이하임",
        "between": "{name:이} {low} 이상 {high} 이하임",
        "contains": "{name}에 {value:이} 들어 있음", "starts_with": "{name:이} {value:으로} 시작함",
        "birthday_within": "{name}의 월·일이 {value}임",
        "exists": "{name} 값이 있음", "not_exists": "{name} 값이 없음",
    },
    times={
        "gt": "{name:이} {value}보다 나중임", "gte": "{name:이} {value} 또는 그 이후임",
        "lt": "{name:이} {value}보다 먼저임",
        "lte": "{name:이} {value} 또는 그 이전임", "between": "{name:이} {low}부터 {high}까지임",
    },
    counts={
        "eq": "{what:이} 정확히 {value}회 있음", "ne": "{what:이} {value}회가 아님",
        "gt": "{what:이} {value}회보다 많음",
        "gte": "{what:이} {value}회 이상 있음", "lt": "{what:이} {value}회보다 적음",
        "lte": "{what:이} {value}회 이하임",
        "between": "{what:이} {low}회 이상 {high}회 이하임",
    },
    event="{within}{at}{where}{event}{currency} 이벤트",
    measures={
        "sum": "{what}의 {property}{currency} 합계", "avg": "{what}의 {property}{currency} 평균",
        "min": "{what}의 {property}{currency} 최솟값", "max": "{what}의 {property}{currency} 최댓값",
        "distinct": "{what}의 서로 다른 {property}{currency} 개수", "most_frequent": "{what}의 가장 잦은 {property}{currency}",
    },
    picks={"first": "{what} 중 첫 번째", "last": "{what} 중 마지막", "nth": "{what} 중 {n}번째"},
    picked="{which:이} {within}{where}것임",
    frequency={"each": "지난 {last} 각각에 {what:이} {times}회 이상 있음",
               "some": "지난 {last} 중 {periods} 이상에 {what:이} {times}회 이상 있음"},
    weekdays=("월요일", "화요일", "수요일", "목요일", "금요일", "토요일", "일요일"),
    on_days="{days}의 ",
    by_clock="{low}부터 {high} 전까지의 ",
    where="({rule}) 조건의 ",
    within="최근 {length} 동안의 ",
    since={"day": "{length} 전 0시부터의 ", "week": "{length} 전 월요일부터의 ", "month": "{length} 전 1일부터의 ",
           "quarter": "{length} 전 첫날부터의 ", "year": "{length} 전 1월 1일부터의 "},
    this_unit={"day": "오늘의 ", "week": "이번 주의 ", "month": "이번 달의 ", "quarter": "이번 분기의 ", "year": "올해의 "},
    previous_unit={"day": "어제의 ", "week": "지난주의 ", "month": "지난달의 ", "quarter": "지난 분기의 ",
                   "year": "작년의 "},
    between={"both": "{low}부터 {high}까지의 ", "from": "{low}부터의 ", "to": "{high}까지의 "},
    currency="({currency})",
    units={"years": ("{n}년", "{n}년"), "quarters": ("{n}분기", "{n}분기"), "months": ("{n}개월", "{n}개월"),
           "weeks": ("{n}주", "{n}주"), "days": ("{n}일", "{n}일"), "hours": ("{n}시간", "{n}시간"), "minutes": ("{n}분", "{n}분"),
           "seconds": ("{n}초", "{n}초")},
    this={"month": "이번 달"},
    sequence="{in_last}{steps:이} 있음{apart}{without}{then_not}",
    then=" 다음에 ",
    apart=", 각 단계는 앞 단계로부터 {length} 이내",
    without=", 단계 사이에 {event:이} 없음",
    never_since=", 그 뒤로 {event:이} 없음",
    silence=", 그 뒤 {length} 동안 {event:이} 없음",
    today="오늘",
    coming="오늘부터 {length} 뒤까지의 날",
    days_ago=("{n}일 전", "{n}일 전"),
    calendar_days_ago=("달력으로 {n}일 전", "달력으로 {n}일 전"),
    flags=("아니요", "예"),
    segment="{segment} 세그먼트에 속함",
    ever="{segment} 세그먼트에 속하거나 속한 적이 있음",
    listed="{list} 목록에 있음",
    consent="{purpose} 목적의 {channel} 연락에 동의함",
    brand_consent="{brand}의 {purpose} 목적의 {channel} 연락에 동의함",
    also=", ",
    comma=", ",
)  # fmt: skip

LANGUAGES = {"en": ENGLISH, "ko": KOREAN}
