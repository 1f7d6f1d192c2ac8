"""Raw SQL of moving an installation to another server."""

# As text, rows are the same on both servers only where they are written alike.
WRITTEN_ALIKE = """
set datestyle = 'ISO'; set timezone = 'UTC'; set intervalstyle = 'postgres'; set extra_float_digits = 1; set bytea_output = 'hex'
"""
SERVER = """
select current_setting('server_version_num')::integer, current_setting('server_encoding'), current_database(),
    (select system_identifier::text from pg_control_system())
"""
IS_SAFE_ROLE = """
select not rolsuper and not pg_has_role(oid, (select datdba from pg_database where datname = current_database()), 'member')
from pg_roles where rolname = current_user
"""
ONE_AT_A_TIME = "select pg_try_advisory_lock(hashtext('cdp: move'))"
COMPANY = """
select count(*) from pg_stat_activity
where datname = current_database() and backend_type = 'client backend' and pid <> all(%s)
"""
# Within a transaction what is known of sessions stays as it was at the first look.
LOOK_AGAIN = "select pg_stat_clear_snapshot()"

# The schema that says: what is in this database was put there by a move that did not end.
CLAIM, RELEASE = "create schema if not exists cdp_move", "drop schema cdp_move"
IS_CLAIMED = "select to_regnamespace('cdp_move') is not null"
FOREIGN = """
select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname <> 'information_schema' and n.nspname !~ '^pg_' and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by 1 limit 1
"""

MIGRATIONS = "select app, name from django_migrations order by app, name"
# The number of a transaction means nothing elsewhere: events are given that of the move.
COLUMNS = """
select format('%I.%I', n.nspname, c.relname), array_agg(format('%I', a.attname) order by a.attnum)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
where n.nspname <> 'information_schema' and n.nspname !~ '^pg_' and c.relkind = 'r' and c.relname <> 'django_migrations'
    and not (c.relname = 'events_event' and a.attname = 'txid')
group by 1 order by 1
"""
WAIT_A_MOMENT, HOLD = "set local lock_timeout = '10s'", "lock table {tables} in share mode"
TRUNCATE = "truncate {tables} restart identity"
QUIET, LOUD = "alter table {table} disable trigger user", "alter table {table} enable trigger user"
CHECK_NOW = "set constraints all immediate"
COPY_OUT, COPY_IN = "copy {table} ({columns}) to stdout", "copy {table} ({columns}) from stdin"
# In whatever order the rows stand: how many, and the sums of both halves of their digests.
DIGEST = """
select count(*), coalesce(sum(('x' || left(digest, 16))::bit(64)::bigint::numeric), 0),
    coalesce(sum(('x' || right(digest, 16))::bit(64)::bigint::numeric), 0)
from (select md5(whole::text) as digest from (select {columns} from {table}) whole) digests
"""
SEQUENCES = """
select format('%I.%I', schemaname, sequencename), last_value from pg_sequences
where last_value is not null and schemaname !~ '^pg_' order by 1
"""
SET_SEQUENCE = "select setval(%s::regclass, %s)"
# All events are done, and have the number of this transaction.
MOVE_MARKS = """
update core_watermark set txid = pg_current_xact_id()::text::bigint, row = 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    system_identifier = (select system_identifier::text from pg_control_system())
"""
