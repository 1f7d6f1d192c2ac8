"""The raw SQL of the event store."""

COLUMNS = (
    "id, source_id, message_id, type, name, record, kind, leaves, occurred_at, received_at, sent_at, flags, session, "
    "place, campaign, account, order_id, brand, currency, revenue, properties, sealed"
)

COPY_EVENTS = f"copy events_event ({COLUMNS}) from stdin"

STAGE = """
create temporary table if not exists events_staged (like events_event including defaults) on commit drop;
truncate pg_temp.events_staged
"""
COPY_STAGED = f"copy pg_temp.events_staged ({COLUMNS}) from stdin"
INSERT_STAGED = f"""
insert into events_event ({COLUMNS})
select {COLUMNS} from pg_temp.events_staged order by source_id, message_id
on conflict do nothing
"""  # noqa: S608 - the columns are ours

QUARANTINED_BEFORE = """
select source_id, digest from events_quarantined
where (source_id, digest) in (select * from unnest(%s::uuid[], %s::bytea[]))
"""
QUARANTINE = """
insert into events_quarantined (id, source_id, digest, received_at, reason, place, sealed, identifiers, unreadable,
    mapping_id, message_id, sent_at, gpc)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (source_id, digest) do nothing
"""
# A group's place: a file without the line, or what of a message.
QUARANTINE_GROUPS = """
select q.source_id, s.name, q.reason, regexp_replace(q.place, ':[0-9]+$', '') as stood, bool_and(q.unreadable),
    max(q.mapping_id::text)::uuid, count(*) as number, min(q.received_at), max(q.received_at)
from events_quarantined q join events_source s on s.id = q.source_id
where %(source)s::uuid is null or q.source_id = %(source)s
group by q.source_id, s.name, q.reason, stood
order by number desc, s.name, q.reason, stood
limit %(most)s
"""
_CHOSEN = """
source_id = %(source)s and (%(reason)s = '' or reason = %(reason)s)
    and (%(place)s::text is null or regexp_replace(place, ':[0-9]+$', '') = %(place)s)
"""
LOCK_QUARANTINED = f"""
select id, digest, reason, place, sealed, received_at, unreadable, mapping_id, message_id, sent_at, gpc
from events_quarantined
where {_CHOSEN} and id > %(after)s and id < %(until)s
order by id limit %(most)s for update
"""  # noqa: S608 - the condition is ours
MAPPINGS_OF = f"select distinct mapping_id from events_quarantined where mapping_id is not null and {_CHOSEN}"  # noqa: S608
REFUSED_AGAIN = """
update events_quarantined q set reason = still.reason, place = still.place, mapping_id = still.mapping
from unnest(%s::uuid[], %s::text[], %s::text[], %s::uuid[]) as still (id, reason, place, mapping)
where q.id = still.id
"""

DESTROY = """
delete from events_event e using unnest(%s::uuid[], %s::text[]) as gone (source, message)
where e.source_id = gone.source and md5(e.message_id)::uuid = md5(gone.message)::uuid
returning e.record
"""

# Of records of which no event is left.
DROP_LONELY_KEYS = """
delete from keys.core_datakey k where k.record = any(%s)
    and not exists (select from events_event where record = k.record)
"""

# Whatever another worker is destroying stays with it.
DESTROY_EVENTS = """
delete from events_event where id = any(array(select id from events_event where id = any(%s) for update skip locked))
returning source_id, record
"""
DESTROY_SOME_OF = """
delete from events_event where id = any(array(
    select id from events_event where record = any(%(records)s) and (txid, id) <= (%(txid)s, %(row)s)
    limit %(most)s for update skip locked))
returning source_id
"""
DESTROY_QUARANTINED = """
with gone as (
    delete from events_quarantined where id = any(array(
        select id from events_quarantined where id = any(%s) for update skip locked))
    returning id, source_id
), shredded as (
    delete from keys.core_datakey where record in (select id from gone)
)
select source_id from gone
"""

# What was said of people and a stage of the pipeline has not taken yet, with the keys of their records.
SAID_SINCE = """
select e.sealed, k.id, k.record, k.kek_id, k.wrapped
from events_event e join keys.core_datakey k on k.record = e.record
where e.record = any(%(records)s) and e.type in ('identify', 'row') and e.sealed is not null and not exists (
    select from core_watermark m, pg_control_system() c
    where m.stage = %(stage)s and m.system_identifier = c.system_identifier::text and (e.txid, e.id) <= (m.txid, m.row))
"""

ONE_PLAN_AT_A_TIME = "select pg_advisory_xact_lock(hashtext('events_trackingplan'))"
COUNT_VIOLATIONS = """
insert into events_planviolation (day, source_id, event, kind, place, count)
select (now() at time zone 'UTC')::date, %s, * from unnest(%b::text[], %b::text[], %b::text[], %b::bigint[])
on conflict (day, source_id, event, kind, place) do update set count = events_planviolation.count + excluded.count
"""
VIOLATIONS_SINCE = """
select s.name, v.event, v.kind, v.place, sum(v.count)::bigint as number, max(v.day)
from events_planviolation v join events_source s on s.id = v.source_id
where v.day >= %(since)s and (%(source)s::text is null or s.name = %(source)s)
group by s.name, v.event, v.kind, v.place
order by number desc, s.name, v.event, v.kind, v.place limit %(most)s
"""

# --- quality ----------------------------------------------------------------------------------------------------------

LAST_OF_NEXT = """
select count(*) over (), txid, id from (
    select txid, id from events_event where (txid, id) > (%(txid)s, %(row)s) and txid < %(below)s
    order by txid, id limit %(most)s) as next
order by txid desc, id desc limit 1
"""
_BETWEEN = "(txid, id) > (%(txid)s, %(row)s) and (txid, id) <= (%(until_txid)s, %(until)s)"
# In the order of `types.MEASURED`. A time that cannot have been is taken to be that of receipt, and flagged.
TIMES_BETWEEN = f"""
select source_id, (received_at at time zone 'UTC')::date as day, count(*),
    count(*) filter (where late > '1 hour' and late <= '1 day'),
    count(*) filter (where late > '1 day' and late <= '7 days'),
    count(*) filter (where late > '7 days'),
    count(*) filter (where late < '-5 minutes' or ('clock' = any(flags) and late <= '0')),
    count(*) filter (where late > '3652 days'),
    count(*) filter (where 'clock' = any(flags) and late > '0'),
    count(*) filter (where 'time' = any(flags))
from (select source_id, received_at, flags, received_at - occurred_at as late from events_event where {_BETWEEN}) as next
group by source_id, day order by source_id, day
"""  # noqa: S608 - the condition is ours
LONGEST_FIELD = 200
FIELDS_BETWEEN = f"""
select source_id, (received_at at time zone 'UTC')::date as day, name, field, count(*) from events_event,
    lateral (select '' union all select key from jsonb_object_keys(properties) as key
        where key <> '' and length(key) <= {LONGEST_FIELD}) as fields (field)
where {_BETWEEN} and length(name) <= {LONGEST_FIELD} group by source_id, day, name, field
"""  # noqa: S608
COUNT_FIELDS = """
insert into events_fieldcount (field_id, day, count) select * from unnest(%s::bigint[], %s::date[], %s::bigint[])
on conflict (field_id, day) do update set count = events_fieldcount.count + excluded.count
"""
KNOWN_FIELDS = """
select s.source_id, s.event, s.field, s.id from unnest(%s::uuid[], %s::text[], %s::text[]) as found (source, event, field)
join events_seenfield s on s.source_id = found.source and s.event = found.event and s.field = found.field
"""
TRY_TO_JUDGE = "select pg_try_advisory_lock(hashtext('events_anomaly'))"
END_JUDGING = "select pg_advisory_unlock(hashtext('events_anomaly'))"
# What ingestion and the tracking plan counted beside what was measured.
QUALITY_DAYS = """
select source, day, kind, sum(count)::bigint from (
    select source, day, split_part(kind, ':', 1) as kind, count from core_counter
    where day >= %(since)s and source = any(%(sources)s) and (kind = any(%(kinds)s) or kind like 'quarantined:%%')
    union all
    select source_id, day, case kind when 'missing' then 'missing' else 'invalid' end, count from events_planviolation
    where day >= %(since)s and source_id = any(%(sources)s)) as counted
group by source, day, kind
"""

# --- places, products, reference values -------------------------------------------------------------------------------

LOAD_PLACES = """
insert into events_place (key, name, kind, brand, region, zone)
select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
on conflict (key) do update set name = excluded.name, kind = excluded.kind, brand = excluded.brand,
    region = excluded.region, zone = excluded.zone
where (events_place.name, events_place.kind, events_place.brand, events_place.region, events_place.zone)
    is distinct from (excluded.name, excluded.kind, excluded.brand, excluded.region, excluded.zone)
returning 1
"""
# Whatever says the same as the version before it is no version of its own.
LOAD_PRODUCTS = """
with given as (
    select * from unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[])
        as given (id, sku, valid_from, name, category, attributes, price, currency)
)
insert into events_product (id, sku, valid_from, name, category, attributes, price, currency)
select id, sku, valid_from, name, category, attributes::jsonb, price, currency from given
where not exists (
    select from (
        select * from events_product p where p.sku = given.sku and p.valid_from <= given.valid_from
        order by p.valid_from desc limit 1) as last
    where (last.name, last.category, last.attributes, last.price, last.currency)
        is not distinct from (given.name, given.category, given.attributes::jsonb, given.price, given.currency))
on conflict (sku, valid_from) do update set name = excluded.name, category = excluded.category,
    attributes = excluded.attributes, price = excluded.price, currency = excluded.currency
returning 1
"""
LOAD_VALUES = """
insert into events_referencevalue (reference, key, valid_from, values)
select %s::text, key, valid_from, held::jsonb from unnest(%s::text[], %s::timestamptz[], %s::text[]) as given (key, valid_from, held)
on conflict (reference, key, valid_from) do update set values = excluded.values
where events_referencevalue.values is distinct from excluded.values
returning 1
"""
