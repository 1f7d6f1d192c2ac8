"""The raw SQL of core, and what migrations need to keep append-only tables append-only."""

from django.conf import settings
from django.db.migrations.operations import RunSQL

ROLE_IS_UNSAFE = """
select rolsuper or exists (
    select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relowner = r.oid and c.relkind in ('r', 'p') and n.nspname in ('public', 'keys'))
from pg_roles r where rolname = current_user
"""

DATA_KEYS = "select id, record, kek_id, wrapped from keys.core_datakey where record = any(%s)"

INSERT_DATA_KEYS = """
insert into keys.core_datakey (id, record, kek_id, wrapped)
select * from unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::bytea[])
on conflict (record) do nothing
"""

KEK = "select root, wrapped from keys.core_keyencryptionkey where id = %s"
WRITING_KEK = "select id from keys.core_keyencryptionkey where writes"
INSERT_KEK = "insert into keys.core_keyencryptionkey (id, root, wrapped, writes) values (%s, %s, %s, true) on conflict do nothing"

KEKS = "select id, root, wrapped from keys.core_keyencryptionkey order by id"
REWRAP_KEK = "update keys.core_keyencryptionkey set root = %s, wrapped = %s where id = %s and root = %s"
RETIRE_WRITING_KEK = "update keys.core_keyencryptionkey set writes = false where writes"

# Keyset batches: small transactions, never the whole table.
STALE_DATA_KEYS = """
select id, record, kek_id, wrapped from keys.core_datakey
where id > %s and kek_id <> %s order by id limit %s for update skip locked
"""
REWRAP_DATA_KEYS = """
update keys.core_datakey d set wrapped = v.wrapped, kek_id = v.kek
from unnest(%b::uuid[], %b::bytea[], %b::uuid[]) as v (id, wrapped, kek) where d.id = v.id
"""

TELL = "insert into core_disclosure (id, profiles, subjects) values (%s, %s::uuid[], %s::uuid[])"

TOUCH = "insert into core_touched (stage, subject) select %s, unnest(%b::uuid[])"

# Here and below: asked as a range, so that only the index that begins with the stage gives the order. Planned for any stage,
# an equal one would let the primary key give it, and all that waits for other stages be read.
TAKE_TOUCHED = """
with oldest as (
    select subject from core_touched where stage between %(stage)s and %(stage)s order by stage, id limit %(limit)s
    for update skip locked
), taken as (
    select id from core_touched where stage = %(stage)s and subject = any(array(select subject from oldest))
    for update skip locked
)
delete from core_touched t using taken where t.id = taken.id returning t.subject
"""

# What another worker is taking stays with it.
FORGET_TOUCHED = """
delete from core_touched where id in (
    select id from core_touched where stage = %s and subject = any(%s) for update skip locked)
"""

SUBJECTS_WAITING = "select distinct subject from core_touched where stage = %s"
WAITING = "select id from core_touched where stage = %s order by id"
DROP_TOUCHED = """
delete from core_touched where id in (select id from core_touched where id = any(%s) for update skip locked)
"""
LEAVE_TO = """
update core_touched set stage = %s
where id in (select id from core_touched where id = any(%s) for update skip locked)
"""
# How many rows wait for each stage, counted no further than `most`, and since when the first of them.
WAITING_BY_STAGE = """
select asked.stage, held.number, held.since from unnest(%(stages)s::text[]) with ordinality as asked(stage, place)
cross join lateral (
    select count(*) as number, min(first.at) as since
    from (
        select t.at from core_touched t where t.stage between asked.stage and asked.stage
        order by t.stage, t.id limit %(most)s) first) held
order by asked.place
"""
STAGES_NAMED = "select distinct stage from core_touched where stage like %s"
HAND_OVER = "update core_touched set stage = %s where stage = %s"

# Locks out other sequencers of the stream until commit, then numbers what is committed and visible.
SEQUENCER_LOCK = "select pg_advisory_xact_lock(hashtext('core_sequence'), hashtext(%s))"

NUMBER_ROWS = """
with taken as (
    delete from core_unnumbered where id in (
        select id from core_unnumbered where stream between %(stream)s and %(stream)s
        order by stream, id limit %(limit)s for update skip locked)
    returning id, row
), last as (
    select coalesce(max(seq), 0) as seq from core_sequence where stream = %(stream)s
)
insert into core_sequence (stream, seq, row)
select %(stream)s, last.seq + row_number() over (order by taken.id), taken.row from taken, last
returning seq, row
"""

# A row of the audit that neither has a number nor waits for one: the trigger that sees to it was off.
UNCHAINED = """
select a.id from core_auditentry a
where not exists (select from core_sequence s where s.stream = 'audit' and s.row = a.id)
  and not exists (select from core_unnumbered u where u.stream = 'audit' and u.row = a.id)
order by a.id limit 1
"""

ONE_AT_A_TIME = "select pg_advisory_xact_lock(hashtext('core_servicekey'), hashtext(%s))"

COUNT = """
insert into core_counter (day, source, kind, count)
select coalesce(%s, (now() at time zone 'UTC')::date), %s, * from unnest(%b::text[], %b::bigint[])
on conflict (day, source, kind) do update set count = core_counter.count + excluded.count
"""

# Everything of transactions below `below` is committed or gone. A mark of another database says nothing of this one.
TAKE_MARK = """
select m.txid, m.row, pg_snapshot_xmin(pg_current_snapshot())::text::bigint as below,
       m.system_identifier = c.system_identifier::text
from core_watermark m, pg_control_system() c where m.stage = %s for update of m skip locked
"""
SAVE_MARK = """
insert into core_watermark (stage, system_identifier, txid)
select %s, system_identifier::text, 0 from pg_control_system() on conflict (stage) do nothing
"""
RESTART_MARK = """
update core_watermark m set txid = 0, row = null, system_identifier = c.system_identifier::text
from pg_control_system() c where m.stage = %s
"""
MOVE_MARK = "update core_watermark set txid = %s, row = %s, moved_at = now() where stage = %s"

GRANTS = f"""
create schema if not exists keys;
grant usage on schema public, keys to "{settings.APP_ROLE}";
grant select, insert, update, delete on all tables in schema public, keys to "{settings.APP_ROLE}";
grant usage, select, update on all sequences in schema public, keys to "{settings.APP_ROLE}";
alter default privileges in schema public grant select, insert, update, delete on tables to "{settings.APP_ROLE}";
alter default privileges in schema public grant usage, select, update on sequences to "{settings.APP_ROLE}";
"""

# For analysts, where somebody made the role: it reads the views of schema `bi` and nothing else.
BI_ROLE = "cdp_bi"
GRANT_BI = f"""
do $$ begin
    if to_regrole('{BI_ROLE}') is not null and to_regnamespace('bi') is not null then
        grant usage on schema bi to {BI_ROLE};
        grant select on all tables in schema bi to {BI_ROLE};
    end if;
end $$"""


def append_only(table: str) -> RunSQL:
    """A migration step: the application's role may add and read rows of `table`, and nobody may change one."""
    role = settings.APP_ROLE
    return RunSQL(
        f"""
        revoke update, delete, truncate on {table} from "{role}";
        create function {table}_is_append_only() returns trigger language plpgsql as
        $$ begin raise exception '{table} is append-only' using errcode = 'insufficient_privilege'; end $$;
        create trigger {table}_append_only before update or delete on {table}
        for each row execute function {table}_is_append_only();
        """,
        f"drop trigger {table}_append_only on {table}; drop function {table}_is_append_only();",
    )


TRY_LOCK = "select pg_try_advisory_lock(hashtext(%(what)s), hashtext(%(of)s))"
UNLOCK = "select pg_advisory_unlock(hashtext(%(what)s), hashtext(%(of)s))"


def numbered(table: str, stream: str) -> RunSQL:
    """A migration step: each new row of `table` (primary key `id uuid`) waits for its number in `stream`."""
    return RunSQL(
        f"""
        create function {table}_awaits_number() returns trigger language plpgsql as
        $$ begin insert into core_unnumbered (stream, row) select '{stream}', id from fresh order by id; return null; end $$;
        create trigger {table}_numbered after insert on {table} referencing new table as fresh
        for each statement execute function {table}_awaits_number();
        """,  # noqa: S608 - the names are ours
        f"drop trigger {table}_numbered on {table}; drop function {table}_awaits_number();",
    )
