"""The raw SQL of the lake. What DuckDB is asked stands here too."""

# ruff: noqa: S608 - put together of our own names

# --- PostgreSQL -------------------------------------------------------------------------------------------------------

# The clear part of events, as the lake keeps it.
_COLUMNS = """id::text as id, record::text as record, source_id::text as source, type, name, occurred_at, received_at,
       message_id, session, place, campaign, account, brand, order_id, currency, revenue, properties::text as properties"""

# In the order of the watermark, of transactions that are over.
EVENTS_AFTER = f"""
select txid, {_COLUMNS} from events_event where (txid, id) > ($1, $2::text::uuid) and txid < $3
order by txid, id limit $4
"""

# What a snapshot sees beyond the mark: transactions that are over, and those that are as good as.
TAIL = f"select {_COLUMNS} from events_event where (txid, id) > ($1, $2::text::uuid)"

IDS_BETWEEN = "select id::text as id from events_event where id between $1::text::uuid and $2::text::uuid"

SNAPSHOT = "set transaction isolation level repeatable read, read only"
MARK = (
    "select txid, coalesce(row, '00000000-0000-0000-0000-000000000000')::text from core_watermark where stage = 'lake'"
)
FILES = "select id::text from lake_lakefile where retired_at is null order by id"

# The other relations that rules read, as far as they read them.
RELATIONS = {
    "identity_profile": "select id::text as id, state from identity_profile",
    "identity_record": """select id::text as id, profile_id::text as profile_id from identity_record
                          where profile_id is not null""",
    "profiles_golden": "select profile_id::text as profile_id, traits::text as traits from profiles_golden",
    "consent_effective": """select profile_id::text as profile_id, purpose, channel, brand, state
                            from consent_effective""",
    "segments_membership": """select segment_id::text as segment_id, profile_id::text as profile_id
                              from segments_membership""",
    "segments_ever": "select distinct segment_id::text as segment_id, profile_id::text as profile_id from segments_ever",
    "segments_listed": "select distinct list_id::text as list_id, profile_id::text as profile_id from segments_listed",
}

# Whoever adds or retires files waits for whoever does.
LOCK = "select pg_advisory_xact_lock(hashtext('lake'))"
TRY_LOCK = "select pg_try_advisory_xact_lock(hashtext('lake'))"

# --- DuckDB -----------------------------------------------------------------------------------------------------------

# Events of one name stand together, and within it those of one record: rules ask for a few names.
_ORDER = "order by name, record, occurred_at, message_id"

TYPED = """
select id::uuid as id, record::uuid as record, source::uuid as source, type, name, occurred_at, received_at, message_id,
       session, place, campaign, account, brand, order_id, currency, revenue, properties::json as properties
from {relation}
"""
NEWEST = "create temp view newest as " + TYPED.format(relation="tail")
ALL_EVENTS = "create temp view events_event as {kept} select * from newest"
KEPT = "select * from {relation} union all by name"
KEEP = "create temp table {relation} as select {columns} from found"
WRITE = "copy (select * from {relation} {where} " + _ORDER + ") to {file} (format parquet, compression zstd)"
TOLD = (
    "select count(*), coalesce(epoch_us(min(occurred_at)), 0), coalesce(epoch_us(max(occurred_at)), 0) from {relation}"
)
HELD = "select count(*) from {relation} where record in (select record from gone)"
WITHOUT = "where record not in (select record from gone)"
ENDS = "select min(id)::varchar, max(id)::varchar from {relation}"
STALE = "select count(*) from {relation} where id not in (select id from present)"
PRESENT = "where id in (select id from present)"

# --- Spark ------------------------------------------------------------------------------------------------------------

# Of a file's columns those that rules read. Its ids are bytes, as DuckDB writes them.
SPARK_FILE = """
record binary, name string, occurred_at timestamp, message_id string, brand string, order_id string, currency string,
revenue bigint, properties string
"""
SPARK_EVENTS = """
select record, name, occurred_at, message_id, brand, order_id, currency, revenue, parse_json(properties) as properties
from {kept} union all
select unhex(replace(record, '-', '')), name, occurred_at, message_id, brand, order_id, currency, revenue,
       parse_json(properties)
from {tail}
"""
SPARK_ID = "unhex(replace({name}, '-', '')) as {name}"
SPARK_KEEP = "select {columns} from {found}"
# Whatever the session's own configuration says.
SPARK_MEANING = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
}
