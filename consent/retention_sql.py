"""All raw SQL of retention: what is due, a page at a time in order of the primary key; every row of a page is read once."""

# How long a batch may wait for a lock, and how long one of its statements may take.
LIMITS = "select set_config('lock_timeout', '2s', true), set_config('statement_timeout', '30s', true)"

TRY_ALONE = "select pg_try_advisory_lock(hashtext('consent.retention'))"
LET_GO = "select pg_advisory_unlock(hashtext('consent.retention'))"

# How far identity has folded events, on this very database.
FOLDED = """
select m.txid, m.row from core_watermark m, pg_control_system() c
where m.stage = 'identity' and m.system_identifier = c.system_identifier::text
"""

EVENTS_PAGE_END = "select id from events_event where id > %(after)s order by id offset %(size)s - 1 limit 1"
RECORDS_PAGE_END = "select id from identity_record where id > %(after)s order by id offset %(size)s - 1 limit 1"
QUARANTINE_PAGE_END = "select id from events_quarantined where id > %(after)s order by id offset %(size)s - 1 limit 1"

# As old as it happened, at the latest as it came: neither a clock in the future nor a late import keeps anything longer.
# What speaks of the person goes with the record, and nothing before it was folded.
DUE_EVENTS = """
select e.id, e.source_id, e.record from events_event e
join unnest(%(sources)s::uuid[], %(before)s::timestamptz[]) as every (source, before) on every.source = e.source_id
left join unnest(%(named)s::uuid[], %(names)s::text[], %(named_before)s::timestamptz[]) as one (source, name, before)
    on one.source = e.source_id and one.name = e.name
where e.id > %(after)s and e.id <= %(end)s and e.type <> all(%(of_the_person)s)
    and least(e.occurred_at, e.received_at) < case when one.source is null then every.before else one.before end
    and (e.txid, e.id) <= (%(txid)s, %(row)s)
order by e.id
"""

DUE_QUARANTINE = """
select q.id, q.source_id, q.identifiers from events_quarantined q
join unnest(%(sources)s::uuid[], %(before)s::timestamptz[]) as every (source, before) on every.source = q.source_id
where q.id > %(after)s and q.id <= %(end)s and q.received_at < every.before
order by q.id
"""

# Nobody has seen the person: neither this record nor another one of the profile. A steward's correction is no sight.
DUE_RECORDS = """
select r.id, r.source_id, r.profile_id from identity_record r
join unnest(%(sources)s::uuid[], %(before)s::timestamptz[]) as every (source, before) on every.source = r.source_id
where r.id > %(after)s and r.id <= %(end)s and r.last_seen < every.before
    and not exists (
        select from identity_record o
        where o.profile_id = r.profile_id and o.source_id <> %(steward)s and o.last_seen >= every.before)
order by r.id
"""

# Of some records: those of which something came in that is not folded yet.
SEEN_AGAIN = """
select distinct record from events_event where record = any(%(records)s) and (txid, id) > (%(txid)s, %(row)s)
"""

IDENTIFIERS_OF = "select distinct digest from identity_identifier where record_id = any(%s)"
