"""What the demonstration found, printed."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Count
from rich.console import Console
from rich.table import Table

from cdp.core.types import now
from cdp.demo.quickstart import Outcome
from cdp.demo.single_channel import only_together
from consent import queries as consent
from consent.models import Effective
from identity.models import Profile, Record
from segments import queries as segments
from segments.models import Membership, Segment


def show(outcome: Outcome, port: int, console: Console) -> None:
    """Print records → profiles, quality, segments with reach, seconds, accounts and links."""
    _records(console)
    _quality(outcome, console)
    _segments(outcome, console)
    _seconds(outcome, console)
    _accounts(outcome, port, console)


def _table(console: Console, title: str, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    table = Table(title=title, title_justify="left", title_style="bold")
    listed = [list(row) for row in rows]
    for index, column in enumerate(columns):
        numbers = index > 0 and all(_is_number(row[index]) for row in listed)
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in listed:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    console.print()
    console.print(table)


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int) or str(cell).replace(".", "").isdigit()


def _records(console: Console) -> None:
    persons = Record.objects.filter(leaf=False)
    by_channel = persons.values_list("source__channel").annotate(n=Count("pk")).order_by("-n")
    live = Profile.objects.filter(state=Profile.State.LIVE)
    known = live.filter(records__leaf=False).distinct().count()
    rows = [*by_channel, ("all records of persons", persons.count()), ("→ unified profiles", known)]
    anonymous = live.count() - known
    _table(console, "Records → profiles", ("channel", "records"), [*rows, ("visitors still anonymous", anonymous)])


def _quality(outcome: Outcome, console: Console) -> None:
    quality = outcome.quality
    if quality:
        facts = [
            ("pair precision", f"{quality.pair_precision:.3f}"),
            ("pair recall", f"{quality.pair_recall:.3f}"),
            ("B³ F1", f"{quality.b3_f1:.3f}"),
            ("largest profile, records", quality.largest),
            ("pairs compared", outcome.pairs),
        ]
        _table(console, "Against the truth (read only now)", ("measure", "value"), facts)


def _segments(outcome: Outcome, console: Console) -> None:
    together = only_together(outcome.segments)
    rows = [_segment_row(segment, together[segment.pk]) for segment in outcome.segments]
    columns = ("segment", "members", "e-mail reach", "SMS reach", "only by merging", "withdrawn", "sent to them")
    _table(console, "Segments, recomputed by the worker", columns, rows)
    console.print(
        "Only by merging: members whom no single channel could have found. One could if its records alone made the rule "
        "true and it carried every event and trait of the rule: who never sees a fact cannot know that it is absent."
    )
    if outcome.pulled:
        console.print(f"Pulled over REST: {outcome.pulled[1]:,} members of {outcome.pulled[0]} who consent to e-mail.")


def _segment_row(segment: Segment, together: int) -> tuple[Any, ...]:
    reach = {item.channel: item.reachable for item in segments.reach(segment, "email", "sms")}
    members = list(Membership.objects.filter(segment=segment).values_list("profile_id", flat=True))
    withdrawn = set(
        Effective.objects.filter(
            profile__in=members, purpose=segment.purpose_id, channel="email", state="withdrawn"
        ).values_list("profile_id", flat=True)
    )
    sent = withdrawn & consent.allowed(members, segment.purpose_id, "email", now(), segment.brand)
    return (segment.key, len(members), reach["email"], reach["sms"], together, len(withdrawn), len(sent))


def _seconds(outcome: Outcome, console: Console) -> None:
    rows = [(stage, f"{seconds:.1f}") for stage, seconds in outcome.seconds.items()]
    rows.append(("all", f"{sum(outcome.seconds.values()):.1f}"))
    _table(console, "Seconds", ("stage", "seconds"), rows)


LINKS = {
    "marketer": "segments/segment/",
    "steward": "identity/reviewcase/",
    "privacy officer": "consent/privacyrequest/",
    "auditor": "core/auditentry/",
    "administrator": "events/source/",
    "service": "api/schema",
}


def _accounts(outcome: Outcome, port: int, console: Console) -> None:
    passwords = {role: (name, password) for name, password, role in outcome.accounts}
    shown = {role: passwords.get(role, (role.replace(" ", "-"), "")) for role in LINKS}
    rows = [(role, *shown[role], f"http://127.0.0.1:{port}/{path}") for role, path in LINKS.items()]
    _table(console, "One link a role", ("role", "account", "password", "link"), rows)
    again = "Shown by the first run; `manage.py changepassword ACCOUNT` sets another."
    console.print("Shown this once; for demonstration only." if passwords else again)
