"""Generated profiles, events and consents in a database of their own, made by SQL, the same for the same size."""

import importlib
import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

DATABASE = "cdp_bench_segments"
AS_OF = "2026-06-01T00:00:00+00:00"
EVENTS_EACH = 20
MOMENT = """'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'"""

# Pseudo-random but fixed: h(n, salt) is a whole number from a hash.
GENERATE = """
create or replace function pg_temp.h(n bigint, salt text) returns bigint language sql immutable as
$$ select ('x' || substr(md5(salt || n), 1, 15))::bit(60)::bigint $$;
create or replace function pg_temp.u(n bigint, salt text) returns uuid language sql immutable as
$$ select md5(salt || n)::uuid $$;

insert into events_channel (key) values ('web') on conflict do nothing;
insert into events_source (id, name, channel_id, party, brand, trust_rank, zone, currency, enabled, built_in)
values (pg_temp.u(0, 'source'), 'bench', 'web', 'first', '', 50, 'Asia/Seoul', 'KRW', true, false);
insert into core_keyencryptionkey (id, root, wrapped, writes) values (pg_temp.u(0, 'kek'), 'bench', '', false);

insert into identity_profile (id, state, pinned)
select pg_temp.u(n, 'p'), case when n % 50 = 0 then 'erased' else 'live' end, false
from generate_series(1, {profiles}) n;
insert into identity_record (id, source_id, kind, leaf, profile_id, traits, version, first_seen, last_seen)
select pg_temp.u(n, 'r'), pg_temp.u(0, 'source'), 'customer', false, pg_temp.u(n, 'p'), '{{}}', 0, now(), now()
from generate_series(1, {profiles}) n;
insert into core_datakey (id, record, kek_id, wrapped)
select pg_temp.u(n, 'k'), pg_temp.u(n, 'r'), pg_temp.u(0, 'kek'), '' from generate_series(1, {profiles}) n;

insert into profiles_golden (profile_id, traits, lineage)
select pg_temp.u(n, 'p'), jsonb_build_object(
    'country', (array['KR', 'KR', 'KR', 'US', 'JP'])[1 + h % 5],
    'region', (array['서울', '부산', '대구', '인천'])[1 + (h / 3) % 4],
    'age_band', (array['20-29', '30-39', '40-49', '50-59'])[1 + (h / 5) % 4],
    'gender', (array['f', 'm'])[1 + (h / 7) % 2],
    'orders_count', (h / 11) % 12, 'revenue_total_KRW', 1000 * ((h / 13) % 3000),
    'first_seen', to_char('{as_of}'::timestamptz - make_interval(days => 400), {moment}),
    'last_seen', to_char('{as_of}'::timestamptz - make_interval(secs => (h / 17) % 15552000), {moment})
), '{{}}' from (select n, pg_temp.h(n, 't') as h from generate_series(1, {profiles}) n) t;

insert into consent_consentrecord (id, key, subject, purpose_id, channel_id, brand, recipient, country, basis,
    notice_version, notice_language, state, given_at, method, recorded_by)
select pg_temp.u(n, 'c'), pg_temp.u(n, 'ck'), pg_temp.u(n, 'k'), 'marketing', 'email', '', '', '', 'consent', '', '',
    case when n % 5 = 0 then 'withdrawn' else 'granted' end, '{as_of}'::timestamptz - interval '100 days', 'bench',
    'system:bench'
from generate_series(1, {profiles}) n where n % 7 <> 0;
insert into consent_effective (profile_id, purpose, channel, brand, state, since)
select pg_temp.u(n, 'p'), 'marketing', 'email', '', case when n % 5 = 0 then 'withdrawn' else 'granted' end,
    '{as_of}'::timestamptz - interval '100 days'
from generate_series(1, {profiles}) n where n % 7 <> 0 and n % 50 <> 0;
"""

EVENTS = """
insert into events_event (id, source_id, message_id, type, name, record, kind, leaves, occurred_at, currency, revenue,
    order_id, properties)
select pg_temp.u(n, 'e'), pg_temp.u(0, 'source'), 'm' || n, 'track',
    (array['Product Viewed', 'Product Viewed', 'Cart Viewed', 'Order Completed'])[1 + h % 4],
    pg_temp.u(1 + n % {profiles}, 'r'), 'customer', '{{}}',
    '{as_of}'::timestamptz - make_interval(secs => (h / 7) % 31536000),
    case when h % 4 = 3 then 'KRW' end, case when h % 4 = 3 then 1000 * ((h / 11) % 400) end,
    case when h % 4 = 3 then 'o' || (n - n % 20) % {profiles} || '-' || (h / 13) % 9 end,
    jsonb_build_object('category', (array['shoes', 'bags', 'books', 'toys'])[1 + (h / 5) % 4], 'price', (h / 3) % 100)
        || case when h % 4 = 3 then jsonb_build_object('products', jsonb_build_array(
        jsonb_build_object('category', (array['shoes', 'bags', 'books', 'toys'])[1 + (h / 5) % 4], 'price', (h / 3) % 100),
        jsonb_build_object('category', (array['hats', 'bags', 'pens', 'toys'])[1 + (h / 7) % 4], 'price', (h / 9) % 100)))
        else '{{}}' end
from (select n, pg_temp.h(n, 'e') as h from generate_series(1, {events}) n) e;
"""
# What keeps an index of a table, and how it is made again.
KEPT = """
select format('alter table %1$s drop constraint %2$I', conrelid::regclass, conname),
       format('alter table %1$s add constraint %2$I %3$s', conrelid::regclass, conname, pg_get_constraintdef(oid))
from pg_constraint where conrelid = 'events_event'::regclass and contype in ('p', 'u')
union all
select format('drop index %I', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid) from pg_index i
where i.indrelid = 'events_event'::regclass
  and not exists (select from pg_constraint where conindid = i.indexrelid and contype in ('p', 'u'))
"""


@contextmanager
def world(profiles: int, events_each: int = EVENTS_EACH) -> Iterator[None]:
    """A fresh database on the embedded server: so many profiles, twenty events each; dropped afterwards."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
    import django

    from cdp.core import startup

    startup.prepare()
    django.setup()
    importlib.import_module("cdp.celery")
    from django.core.management import call_command
    from django.db import connections

    before = connections["owner"].settings_dict["NAME"]
    _statement(connections["owner"], f"drop database if exists {DATABASE} with (force)")
    _statement(connections["owner"], f"create database {DATABASE}")
    _move(connections, DATABASE)
    try:
        call_command("migrate", verbosity=0)
        _generate(connections["owner"], profiles, events_each)
        yield
    finally:
        _move(connections, before)
        _statement(connections["owner"], f"drop database {DATABASE} with (force)")


def _move(connections: Any, name: str) -> None:
    for alias in ("default", "owner"):
        connections[alias].close()
        connections[alias].settings_dict["NAME"] = name


def _statement(connection: Any, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _generate(connection: Any, profiles: int, events_each: int) -> None:
    _statement(connection, "set synchronous_commit = off")
    _statement(connection, "set maintenance_work_mem = '1GB'")
    size = {"profiles": profiles, "events": profiles * events_each}
    _statement(connection, GENERATE.format(**size, as_of=AS_OF, moment=MOMENT))
    with _without_indexes(connection):
        _statement(connection, EVENTS.format(**size, as_of=AS_OF))
    _statement(connection, "vacuum analyze")


@contextmanager
def _without_indexes(connection: Any) -> Iterator[None]:
    """Millions of events come in minutes where their indexes are made afterwards."""
    with connection.cursor() as cursor:
        cursor.execute(KEPT)
        kept = cursor.fetchall()
    for drop, _ in kept:
        _statement(connection, drop)
    yield
    for _, make in kept:
        _statement(connection, make)


def copied(statement: str) -> bytes:
    """What COPY … TO STDOUT gives of a plain statement."""
    from django.db import connection

    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        return b"".join(copy)


def paired(product: Callable[[], Any], baseline: Callable[[], Any], rounds: int) -> dict[str, float]:
    """Median milliseconds of both, run in turns after a warm-up, and the median ratio (product ÷ baseline)."""
    product(), baseline()
    pairs = [(_seconds(product), _seconds(baseline)) for _ in range(rounds)]
    return {
        "product_ms": round(median(mine for mine, _ in pairs) * 1000, 1),
        "baseline_ms": round(median(other for _, other in pairs) * 1000, 1),
        "ratio": round(median(mine / other for mine, other in pairs), 3),
    }


def _seconds(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def about() -> dict[str, Any]:
    """The commit and the machine."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    machine = {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    return {"commit": commit.stdout.strip(), **machine}
