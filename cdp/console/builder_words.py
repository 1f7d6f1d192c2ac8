"""The builder's own words, and which comparisons it offers of which kind of value."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

WORDS = {
    "all": _("All of these"), "any": _("Any of these"), "none": _("None of these"), "trait": _("Trait"),
    "event": _("Event"), "sequence": _("Events in order"), "segment": _("Segment"), "list": _("Uploaded list"),
    "consent": _("Consent"), "group": _("Group"), "add": _("Add"), "what": _("What to add"), "remove": _("Remove"),
    "rule": _("Rule"), "holds": _("Whether it is so"), "did": _("has happened"), "not": _("has not happened"),
    "in": _("is in"), "out": _("is not in"), "ever_in": _("is or was in"), "never_in": _("was never in"),
    "agreed": _("has agreed"), "disagreed": _("has not agreed"), "purpose": _("Purpose"),
    "channel": _("Contact channel"),
    "brand": _("Brand"), "property": _("Property"), "op": _("Comparison"), "value": _("Value"),
    "to": _("Upper value"),
    "days": _("days"), "number": pgettext_lazy("rule", "Number"), "unit": _("Unit of time"),
    "json": _("The rule as JSON"),
    "unreadable": _("This JSON cannot be read."), "raw": _("Written as JSON; it stays as it is."), "yes": _("yes"),
    "no": _("no"),
    "comma": _("several, with commas between"), "empty": _("Nothing here yet: add a condition."),
    "left": _("left of those who reached this condition"), "move": _("Move"),
    "keys": _("Drag it, or use the arrow keys: up and down, right into the group beside it, left out of it."),
    "moved": _("Moved: now {place} of {number}."), "earlier": pgettext_lazy("rule", "earlier"),
    "later": pgettext_lazy("rule", "later"),
    # What is asked of an event.
    "measure": _("What is asked"), "measure_count": _("number of times"), "measure_sum": _("sum of"),
    "measure_avg": _("average of"), "measure_min": _("lowest"), "measure_max": _("highest"),
    "measure_distinct": _("number of different"), "measure_most_frequent": _("most frequent"),
    "measure_first": _("the first one"), "measure_last": _("the last one"), "measure_nth": _("the one with number"),
    "measure_frequency": _("how regularly"), "times": pgettext_lazy("counted events", "times"),
    "picked": _("and this one"), "currency": _("Currency"),
    "frequency": _("at least {times} times each {unit} in at least {in} of the last {last}"),
    "once": pgettext_lazy("so many times", "1"), "each": pgettext_lazy("of so many months", "all"),
    # When it happened.
    "when": pgettext_lazy("rule", "When"), "period_ever": _("any time"), "period_last": _("in the last"),
    "period_between": pgettext_lazy("rule", "between"),
    "period_this_day": _("today"), "period_this_week": _("this week"), "period_this_month": _("this month"),
    "period_this_quarter": _("this quarter"), "period_this_year": _("this year"),
    "period_previous_day": _("yesterday"),
    "period_previous_week": _("last week"), "period_previous_month": _("last month"),
    "period_previous_quarter": _("last quarter"), "period_previous_year": _("last year"),
    "from": pgettext_lazy("of a period", "From"), "at": _("Days and hours"), "hour_from": _("from, such as 09:30"),
    "hour_to": _("until before, such as 18:00"),
    "seconds": _("seconds"), "minutes": _("minutes"), "hours": _("hours"), "weeks": _("weeks"), "months": _("months"),
    "quarters": _("quarters"), "years": _("years"), "calendar_days": _("calendar days"),
    "calendar_weeks": _("calendar weeks"), "calendar_months": _("calendar months"),
    "calendar_quarters": _("calendar quarters"), "calendar_years": _("calendar years"),
    "day": pgettext_lazy("rule", "day"), "week": pgettext_lazy("rule", "week"), "month": pgettext_lazy("rule",
    "month"), "quarter": pgettext_lazy("rule", "quarter"), "year": pgettext_lazy("rule", "year"),
    "mon": pgettext_lazy("weekday", "Mon"), "tue": pgettext_lazy("weekday", "Tue"), "wed": pgettext_lazy("weekday",
    "Wed"),
    "thu": pgettext_lazy("weekday", "Thu"), "fri": pgettext_lazy("weekday", "Fri"), "sat": pgettext_lazy("weekday",
    "Sat"),
    "sun": pgettext_lazy("weekday", "Sun"),
    # What a time or a number may be.
    "value_open": pgettext_lazy("rule", "open"), "value_day": _("on the day"), "value_moment": _("at the moment"),
    "value_ago": _("days ago"),
    "value_calendar": _("calendar days ago"), "value_number": _("a number"), "value_this": _("this month"),
    "days_ago": _("{n} days ago"), "calendar_days_ago": _("{n} calendar days ago"),
    # Several events in order.
    "in_order": _("In this order"), "step": _("Step {n}"), "step_more": pgettext_lazy("rule", "Step"),
    "apart": _("Longest time from step to step"),
    "without": _("Not in between"), "then_not": _("Not afterwards"), "silence": _("For how long not afterwards"),
    "never_since": pgettext_lazy("rule", "until now"), "silence_for": pgettext_lazy("rule", "for"),
}  # fmt: skip
OPS = {
    "eq": pgettext_lazy("operator", "is"),
    "ne": pgettext_lazy("operator", "is not"),
    "in": pgettext_lazy("operator", "is one of"),
    "not_in": pgettext_lazy("operator", "is none of"),
    "contains": pgettext_lazy("operator", "contains"),
    "starts_with": pgettext_lazy("operator", "starts with"),
    "gt": pgettext_lazy("operator", "more than"),
    "gte": pgettext_lazy("operator", "at least"),
    "lt": pgettext_lazy("operator", "less than"),
    "lte": pgettext_lazy("operator", "at most"),
    "between": pgettext_lazy("operator", "from … to"),
    "since": pgettext_lazy("operator", "in the last … days"),
    "before": pgettext_lazy("operator", "longer ago than … days"),
    "birthday_within": pgettext_lazy("operator", "has its anniversary in the next … days"),
    "exists": pgettext_lazy("operator", "is known"),
    "not_exists": pgettext_lazy("operator", "is not known"),
}
# Days and moments are later or earlier, not more or less.
TIME_OPS = {
    "gt": pgettext_lazy("operator", "after"),
    "gte": pgettext_lazy("operator", "on or after"),
    "lt": pgettext_lazy("operator", "before"),
    "lte": pgettext_lazy("operator", "on or before"),
}
PRESENCE = ("exists", "not_exists")
ORDER = ("gt", "gte", "lt", "lte", "between")
ALIKE = ("eq", "ne", "in", "not_in")
MOMENTS = ("since", "before", "gte", "lte", "between", "gt", "lt", "eq", "ne", *PRESENCE)
DATES = (*MOMENTS[:5], "birthday_within", *MOMENTS[5:9], "in", "not_in", *PRESENCE)
OPS_OF = {
    "number": ("eq", "ne", *ORDER, "in", "not_in", *PRESENCE),
    "string": (*ALIKE, "contains", "starts_with", *PRESENCE),
    "boolean": ("eq", "ne", *PRESENCE),
    "date": DATES,
    "moment": MOMENTS,
    "measure": ("gte", "eq", "lte", "gt", "lt", "between", "ne"),
}
