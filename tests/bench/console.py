"""How long each page of the console takes beside many profiles and events, and how many queries it asks.

A row in every table is written as the console's own tests write it, with sealed values; then most are multiplied by SQL, to
as many as that number of profiles brings. Each page is asked for by a superuser, who sees the most, in this process: what is
measured is the answer, not the way to a browser. The first answer after the data came is told apart from those that follow.
"""

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any

from tests.bench.segments_world import EVENTS_EACH, about, world

# A page that takes longer keeps people waiting.
LIMIT_MS = 300
# Events of the one profile that has very many.
BUSY = 20_000

# Table → how many profiles there are for each row of it, and what differs from row to row: n counts them.
MANY: dict[str, tuple[int, dict[str, str]]] = {
    "identity_identifier": (1, {"id": "n + 1000000", "record_id": "pg_temp.u(n, 'r')", "digest": "pg_temp.d(n)"}),
    "identity_link": (
        1,
        {"id": "n + 1000000", "left": "least(pg_temp.u(n, 'r'), pg_temp.u(n + 1, 'r'))",
         "right": "greatest(pg_temp.u(n, 'r'), pg_temp.u(n + 1, 'r'))"},
    ),
    "identity_profilechange": (1, {"id": "pg_temp.u(n, 'change')", "profile": "pg_temp.u(n, 'p')"}),
    "identity_move": (1, {"id": "n + 1000000", "record": "pg_temp.u(n, 'r')", "joined": "pg_temp.u(n, 'p')"}),
    "identity_reviewcase": (
        20,
        {"id": "pg_temp.u(n, 'case')", "left": "least(pg_temp.u(n, 'r'), pg_temp.u(n + 1, 'r'))",
         "right": "greatest(pg_temp.u(n, 'r'), pg_temp.u(n + 1, 'r'))"},
    ),
    "profiles_contactpoint": (1, {"id": "n + 1000000", "record_id": "pg_temp.u(n, 'r')", "digest": "pg_temp.d(n)"}),
    "segments_membership": (3, {"id": "n + 1000000", "profile_id": "pg_temp.u(n, 'p')"}),
    "segments_transition": (3, {"id": "pg_temp.u(n, 't')", "profile": "pg_temp.u(n, 'p')", "at": "now() - n * interval '1 s'"}),
    "segments_told": (3, {"id": "n + 1000000", "profile": "pg_temp.u(n, 'p')"}),
    "segments_delivery": (1_000, {"id": "pg_temp.u(n, 'd')"}),
    "events_quarantined": (50, {"id": "pg_temp.u(n, 'q')", "digest": "pg_temp.d(n)"}),
    "core_auditentry": (2, {"id": "pg_temp.u(n, 'a')", "at": "now() - n * interval '1 s'"}),
    "consent_privacyrequest": (1_000, {"id": "pg_temp.u(n, 'pr')", "subject": "pg_temp.u(n, 'k')"}),
    "consent_suppression": (100, {"digest": "pg_temp.d(n)"}),
}  # fmt: skip
MULTIPLY = """
insert into {table} overriding system value select made.* from generate_series(1, {rows}) n
cross join (select one from {table} one limit 1) as first (one)
cross join lateral jsonb_populate_record(first.one, jsonb_build_object({differing})) made
on conflict do nothing
"""
DIGEST = """
create or replace function pg_temp.d(n bigint) returns text language sql immutable as
$$ select '\\x' || encode(sha256(n::text::bytea), 'hex') $$
"""


def main(argv: Sequence[str]) -> dict[str, Any]:
    """By page: milliseconds of the first answer and, in the median, of those that follow; queries; the slowest first."""
    parser = argparse.ArgumentParser(prog="console", description=__doc__)
    parser.add_argument("--profiles", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args(argv)
    size = {"profiles": asked.profiles, "events": asked.profiles * EVENTS_EACH + BUSY}
    with world(asked.profiles):
        _fill(asked.profiles)
        return {**about(), **size, **_told([_page(*page, asked.rounds) for page in _pages()])}


def _told(pages: list[dict[str, Any]]) -> dict[str, Any]:
    pages.sort(key=lambda page: -page["ms"])
    times = sorted(page["ms"] for page in pages)
    return {
        "pages": len(pages),
        "p50_ms": round(statistics.median(times), 1),
        "p95_ms": round(times[int(len(times) * 0.95)], 1),
        "over_the_limit": [page for page in pages if page["ms"] > LIMIT_MS],
        "slow_at_first": [page for page in pages if page["first_ms"] > LIMIT_MS >= page["ms"]],
        "next": [page for page in pages if page["ms"] <= LIMIT_MS][:10],
        "most_queries": max(page["queries"] for page in pages),
    }


# --- what there is ----------------------------------------------------------------------------------------------------


def _fill(profiles: int) -> None:
    """A row of everything, and many of most."""
    from django.db import connections

    from cdp.core.roles import ship_roles
    from tests.console import seed

    ship_roles("default")
    seed.everything()
    with connections["owner"].cursor() as cursor:
        cursor.execute("set synchronous_commit = off")
        cursor.execute(DIGEST)
        for table, (each, differing) in MANY.items():
            pairs = ", ".join(f"'{column}', {value}" for column, value in differing.items())
            cursor.execute(MULTIPLY.format(table=table, differing=pairs, rows=profiles // each))
        cursor.execute(
            MULTIPLY.format(
                table="events_event", differing="'id', pg_temp.u(n, 'b'), 'message_id', 'b' || n", rows=BUSY
            )
        )
        cursor.execute("vacuum analyze")


# --- pages ------------------------------------------------------------------------------------------------------------


def _pages() -> Iterator[tuple[str, str]]:
    """(name, address): Home, of each table its list, its second page and a row, and the pages that people work on."""
    from django.contrib import admin
    from django.urls import reverse

    from tests.console.test_pages import page, shown_models

    for name in ("index", "live", "quality", "incident", "processing"):
        yield name, reverse(f"admin:{name}")
    for model in shown_models():
        room, name = admin.site._registry[model], model._meta.label
        yield f"{name} list", page(model)
        yield f"{name} second page", page(model) + "?p=2"
        if room.list_display_links is not None:
            for pk in model._default_manager.values_list("pk", flat=True)[:1]:
                yield f"{name} row", page(model, "change", pk)
    yield from _worked_on()


def _worked_on() -> Iterator[tuple[str, str]]:
    """Somebody with very many events, a search, a segment with many members, why somebody is in it."""
    from django.db import connection
    from django.urls import reverse

    from identity.models import Profile, Record
    from segments.models import Membership, Version
    from tests.console.test_pages import page

    with connection.cursor() as cursor:
        cursor.execute("select record from events_event where message_id = 'b1'")
        [busy] = cursor.fetchone()
    yield "a profile with very many events", page(Profile, "change", Record.objects.get(pk=busy).profile_id)
    yield "a search by e-mail", page(Profile) + "?q=person0@example.com"
    member = Membership.objects.select_related("segment").order_by("pk")[0]
    yield "a segment with many members", page(type(member.segment), "change", member.segment_id)
    asked = f"?segment={member.segment_id}&profile={member.profile_id}"
    yield "its reach", reverse("admin:segments_segment_reach", args=[member.segment_id])
    yield (
        "whom a version would move",
        reverse("admin:segments_version_movement", args=[Version.objects.earliest("pk").pk]),
    )
    yield "why somebody is in it", reverse("admin:segments_segment_why") + asked


def _page(name: str, address: str, rounds: int) -> dict[str, Any]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = _client()
    first = _answered(client, address)
    with CaptureQueriesContext(connection) as queries:
        _answered(client, address)
    asked = len(queries)  # the next request forgets them
    times = [_answered(client, address) for _ in range(rounds)]
    return {
        "page": name,
        "first_ms": round(first, 1),
        "ms": round(statistics.median(times), 1),
        "queries": asked,
    }


def _answered(client: Any, address: str) -> float:
    begun = time.perf_counter()
    answer = client.get(address, headers={"host": "localhost"})
    if answer.status_code != 200:
        raise AssertionError(f"{address}: {answer.status_code}")
    return (time.perf_counter() - begun) * 1000


def _client() -> Any:
    """Somebody who may see everything, signed in."""
    from django.test import Client

    from cdp.core.models import User

    user = User.objects.filter(username="root").first()
    user = user or User.objects.create_user("root", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user)
    return client
