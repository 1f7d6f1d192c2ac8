"""The raw SQL of identity.

Blind indexes are joined in the generation that is read (`cdp.core.indexing`), and told of it alone.
"""

from cdp.core.keys_sql import READ_GENERATION

# Events of transactions that are over, in the order of the watermark.
_AFTER = """select * from events_event where (txid, id) > (%(txid)s, %(row)s) and txid < %(below)s
    order by txid, id limit %(limit)s"""
# Each with its data key.
_EVENTS = """
select e.txid, e.id, e.source_id, e.brand, e.record, e.kind, e.leaves, e.occurred_at, e.message_id, e.type, e.properties,
       e.sealed, k.id, k.record, k.kek_id, k.wrapped
from ({events}) e
left join keys.core_datakey k on k.record = e.record
order by e.txid, e.id
"""
EVENTS_AFTER = _EVENTS.format(events=_AFTER)
EVENTS_NAMED = _EVENTS.format(events="select * from events_event where id = any(%(events)s)")
PLACE_AFTER = f"select txid, id from ({_AFTER}) e"  # noqa: S608 - our own text

LEAVES_AMONG = "select id from identity_record where id = any(%s) and leaf"

HOMES = "select id, profile_id from identity_record where id = any(%s)"

PROFILES_OF = "select distinct profile_id from identity_record where id = any(%s) and profile_id is not null"

SAVE_RECORDS = """
insert into identity_record (id, source_id, kind, leaf, attributes, cleaned, traits, version, first_seen, last_seen)
select * from unnest(%b::uuid[], %b::uuid[], %b::text[], %b::bool[], %b::bytea[], %b::bytea[], %b::jsonb[], %b::bigint[],
                     %b::timestamptz[], %b::timestamptz[])
on conflict (id) do update set attributes = excluded.attributes, traits = excluded.traits,
    cleaned = coalesce(excluded.cleaned, identity_record.cleaned),
    version = identity_record.version + 1,
    first_seen = least(identity_record.first_seen, excluded.first_seen),
    last_seen = greatest(identity_record.last_seen, excluded.last_seen)
"""

SEE_RECORDS = """
update identity_record r set first_seen = least(r.first_seen, v.first_at), last_seen = greatest(r.last_seen, v.last_at)
from unnest(%b::uuid[], %b::timestamptz[], %b::timestamptz[]) as v (record, first_at, last_at)
where r.id = v.record and (v.first_at < r.first_seen or v.last_at > r.last_seen)
"""

SAVE_IDENTIFIERS = """
insert into identity_identifier (record_id, kind, digest, first_seen, last_seen, generation)
select * from unnest(%b::uuid[], %b::text[], %b::bytea[], %b::timestamptz[], %b::timestamptz[], %b::smallint[])
on conflict (record_id, kind, digest) do update set first_seen = excluded.first_seen, last_seen = excluded.last_seen
where (identity_identifier.first_seen, identity_identifier.last_seen)
    is distinct from (excluded.first_seen, excluded.last_seen)
"""

# What a record that holds too many no longer counts among them.
DROP_IDENTIFIERS = """
delete from identity_identifier i where i.record_id = any(%b::uuid[]) and not exists (
    select from unnest(%b::uuid[], %b::text[], %b::bytea[]) as v (record, kind, digest)
    where v.record = i.record_id and v.kind = i.kind and v.digest = i.digest)
"""

SAVE_CLAIMS = """
insert into identity_claim (leaf, record, at, message_id)
select * from unnest(%b::uuid[], %b::uuid[], %b::timestamptz[], %b::text[])
on conflict (leaf, record) do update set at = excluded.at, message_id = excluded.message_id
where (excluded.at, excluded.message_id) < (identity_claim.at, identity_claim.message_id)
"""

# --- indexing ---------------------------------------------------------------------------------------------------------

# Where a new index key stands: the next records to index by it, and what the others left.
RECORDS_AFTER = "select id from identity_record where id > %s order by id limit %s"
CLEAR_IDENTIFIERS = "delete from identity_identifier where record_id = any(%s) and generation = any(%s::smallint[])"
CLEAR_BLOCKED_VALUES = "delete from identity_blockedvalue where generation = any(%s::smallint[])"
INDEXED_ROWS = """
select (select count(*) from identity_identifier where generation = %(generation)s)
     + (select count(*) from identity_blockedvalue where generation = %(generation)s)
"""
# For as long as the transaction lasts, unless a batch run has it.
KEEP_RUNS_OUT = "select pg_try_advisory_xact_lock(hashtext('identity.run'))"

# --- shared values ----------------------------------------------------------------------------------------------------

# A value held by more people than any household is blocked for good: it says where somebody typed, not who they are.
# Index look-ups one way only ("offset 0" keeps them apart): no plan can be worse than linear, whatever the planner knows.
BLOCK_SHARED_VALUES = """
with touched as materialized (
    select distinct held.kind, held.digest, held.generation from unnest(%(records)s::uuid[]) asked(id)
    cross join lateral (
        select kind, digest, generation from identity_identifier where record_id = asked.id offset 0) held
)
insert into identity_blockedvalue (kind, digest, reason, generation)
select t.kind, t.digest, 'shared by more than ' || %(most)s || ' records', t.generation from touched t
cross join lateral (
    select count(*) as number from (
        select from identity_identifier i
        cross join lateral (select from identity_record where id = i.record_id and not leaf offset 0) r
        where i.digest = t.digest and i.kind = t.kind limit %(most)s + 1) found
) holders
where holders.number > %(most)s
on conflict (kind, digest) do nothing
returning kind, digest
"""

# What is blocked by the digest of one generation is blocked by that of another.
CARRY_BLOCKS = """
insert into identity_blockedvalue (kind, digest, reason, created_at, generation)
select distinct v.kind, v.fresh, b.reason, b.created_at, v.generation
from unnest(%b::text[], %b::bytea[], %b::bytea[], %b::smallint[]) as v (kind, digest, fresh, generation)
join identity_blockedvalue b on b.kind = v.kind and b.digest = v.digest
on conflict (kind, digest) do nothing
"""

# Everyone who holds one of these values.
HOLDERS = "select record_id from identity_identifier join unnest(%b::text[], %b::bytea[]) as v (kind, digest) using (kind, digest)"

# Some records and all that are connected with them in the raw graph of evidence: shared identifiers, stored links, present
# profile. This and what follows it are index look-ups one way only ("offset 0" keeps them apart), as above.
COMPONENT = f"""
with recursive near (id) as (
    select unnest(%(records)s::uuid[])
    union
    select n.id from near cross join lateral (
        (select o.record_id from (
            select i.kind, i.digest from identity_identifier i
            where i.record_id = near.id and i.generation = {READ_GENERATION} and not exists (
                select from identity_blockedvalue b where b.digest = i.digest and b.kind = i.kind) offset 0) i
        cross join lateral (select record_id from identity_identifier where digest = i.digest and kind = i.kind offset 0) o
        cross join lateral (select from identity_record where id = o.record_id and not leaf offset 0) r)
        union all (select "right" from identity_link where "left" = near.id offset 0)
        union all (select "left" from identity_link where "right" = near.id offset 0)
        union all (select o.id from (select profile_id from identity_record where id = near.id offset 0) p
            cross join lateral (select id from identity_record where profile_id = p.profile_id and not leaf offset 0) o)
    ) n (id)
)
select id from near
"""  # noqa: S608 - our own text

# Records, each with its data key.
RECORDS = """
select r.id, r.source_id, r.kind, r.leaf, r.profile_id, r.version, r.attributes, r.traits, r.first_seen, r.last_seen,
       k.id, k.record, k.kek_id, k.wrapped
from identity_record r left join keys.core_datakey k on k.record = r.id
where r.id = any(%s) order by r.id
"""

# Persons' records as linkage compares them.
CLEANED = """
select r.id, r.profile_id, r.version, r.cleaned, k.id, k.record, k.kek_id, k.wrapped
from identity_record r left join keys.core_datakey k on k.record = r.id
where r.id = any(%s) and not r.leaf order by r.id
"""
KEEP_CLEANED = """
update identity_record r set cleaned = v.cleaned from unnest(%b::uuid[], %b::bytea[]) as v (record, cleaned)
where r.id = v.record
"""

SEALED = """
select r.attributes, k.id, k.record, k.kek_id, k.wrapped
from identity_record r join keys.core_datakey k on k.record = r.id
where r.id = any(%s) and r.attributes is not null
"""

PERSON_RECORDS = "select id from identity_record where not leaf order by id"

# Whose leaf is it: a steward's word, else the earliest claim, by time, then message id, then record. Only for a leaf that
# is held apart from somebody the others in line are told too, for the first may live with whom it is held apart from.
CLAIMED_LEAVES = """
select leaf, record
from (
    select c.leaf, c.record,
           exists (select from identity_link x where x.kind = 'cannot' and x."left" = c.leaf)
           or exists (select from identity_link x where x.kind = 'cannot' and x."right" = c.leaf) as held,
           row_number() over (partition by c.leaf order by c.rank, c.at, c.message_id, c.record) as place
    from (
        select leaf, record, 1 as rank, at, message_id from identity_claim where leaf = any(%(leaves)s)
        union all select "left", "right", 0, created_at, '' from identity_link
                  where kind = 'must' and "left" = any(%(leaves)s)
        union all select "right", "left", 0, created_at, '' from identity_link
                  where kind = 'must' and "right" = any(%(leaves)s)
    ) c
    join identity_record l on l.id = c.leaf and l.leaf
    where not exists (select from identity_link x where x.kind = 'cannot'
                      and x."left" = least(c.leaf, c.record) and x."right" = greatest(c.leaf, c.record))
) ranked
where place = 1 or held
order by leaf, place
"""

# Whom a steward holds apart from some records.
FOES = """
select "left", "right" from identity_link where kind = 'cannot' and "left" = any(%(leaves)s)
union all select "right", "left" from identity_link where kind = 'cannot' and "right" = any(%(leaves)s)
"""

# The leaves that could belong to some person records, and those given, with their kinds.
LEAVES_OF = f"""
select l.id, l.kind from (
    select leaf from identity_claim where record = any(%(records)s)
    union select l.id from identity_record l where l.leaf and l.id = any(%(records)s)
    union select l.id from unnest(array(select distinct profile_id from identity_record where id = any(%(records)s))) as p (id)
          cross join lateral (select id from identity_record where profile_id = p.id and leaf offset 0) l
    union select o.record_id from unnest(%(records)s::uuid[]) as asked (id)
          cross join lateral (
              select i.kind, i.digest from identity_identifier i
              where i.record_id = asked.id and i.generation = {READ_GENERATION} and not exists (
                  select from identity_blockedvalue b where b.digest = i.digest and b.kind = i.kind) offset 0) i
          cross join lateral (
              select record_id from identity_identifier where digest = i.digest and kind = i.kind offset 0) o
          cross join lateral (select from identity_record where id = o.record_id and leaf offset 0) l
) o (leaf)
cross join lateral (select id, kind from identity_record where id = o.leaf offset 0) l
"""  # noqa: S608 - our own text

# Person records that hold an identifier which a leaf carries.
CARRIED = f"""
select asked.id, o.record_id from unnest(%s::uuid[]) as asked (id)
cross join lateral (
    select i.kind, i.digest from identity_identifier i
    where i.record_id = asked.id and i.generation = {READ_GENERATION} and not exists (
        select from identity_blockedvalue b where b.digest = i.digest and b.kind = i.kind) offset 0) i
cross join lateral (select record_id from identity_identifier where digest = i.digest and kind = i.kind offset 0) o
cross join lateral (select from identity_record where id = o.record_id and not leaf offset 0) p
where not exists (select from identity_link x where x.kind = 'cannot'
                  and x."left" = least(asked.id, o.record_id) and x."right" = greatest(asked.id, o.record_id))
"""  # noqa: S608 - our own text

# The same with the kind of the identifier, of one leaf.
CARRIED_KIND = f"""
select o.record_id, o.kind from identity_identifier i
join identity_identifier o on o.digest = i.digest and o.kind = i.kind
join identity_record p on p.id = o.record_id and not p.leaf
join identity_record l on l.id = i.record_id and l.profile_id = p.profile_id
where i.record_id = %s and i.generation = {READ_GENERATION}
  and not exists (select from identity_blockedvalue b where b.digest = i.digest and b.kind = i.kind)
order by o.record_id, o.kind
"""  # noqa: S608 - our own text

# Of some profiles: whether a steward pinned them, and whether they hold records besides those given.
STANDING = """
select p.id, p.pinned, exists (
    select from identity_record where profile_id = p.id and id <> all(%(records)s) offset 0)
from identity_profile p where p.id = any(%(profiles)s)
"""

INSERT_PROFILES = "insert into identity_profile (id) select unnest(%b::uuid[])"

MOVE_RECORDS = """
update identity_record r set profile_id = v.profile
from unnest(%b::uuid[], %b::uuid[]) as v (record, profile)
where r.id = v.record and r.profile_id is distinct from v.profile
returning r.id, v.profile
"""

SAVE_CHANGES = """
insert into identity_profilechange (id, profile, other, kind, records, run, actor, reason)
select * from unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::jsonb[], %b::uuid[], %b::text[], %b::text[])
"""

SAVE_MOVES = """
insert into identity_move (record, "left", joined, run, actor, reason)
select * from unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::text[])
"""

REVIVE_PROFILES = """
update identity_profile set state = 'live', redirect_id = null, changed_at = now() where id = any(%s)
"""

# Redirects always point straight at a live profile.
MERGE_PROFILES = """
update identity_profile p set state = 'merged', redirect_id = v.into_profile, changed_at = now()
from unnest(%b::uuid[], %b::uuid[]) as v (profile, into_profile)
where p.id = v.profile or p.redirect_id = v.profile
"""

REDIRECT = "update identity_profile set redirect_id = %(into)s, changed_at = now() where id = any(%(profiles)s)"

EMPTY_PROFILES = """
select p.id from identity_profile p
where p.id = any(%s) and p.state = 'live' and not exists (select from identity_record r where r.profile_id = p.id)
"""

IDENTIFIERS = f"""
select i.record_id, i.kind, i.digest, i.first_seen, i.last_seen from identity_identifier i
where i.record_id = any(%s) and i.generation = {READ_GENERATION}
  and not exists (select from identity_blockedvalue b where b.digest = i.digest and b.kind = i.kind)
"""  # noqa: S608 - our own text

LINKS = """
select "left", "right", kind, weight from identity_link where "left" = any(%(records)s) and "right" = any(%(records)s)
"""

# --- history ----------------------------------------------------------------------------------------------------------

# A profile's first records are named by the change that made it; all that came or went since, by moves.
MEMBERS_AT = """
with born as (
    select jsonb_array_elements_text(records)::uuid as record from identity_profilechange
    where profile = %(profile)s and kind in ('created', 'split') and at <= %(at)s
), latest as (
    select distinct on (record) record, joined from identity_move
    where ("left" = %(profile)s or joined = %(profile)s) and at <= %(at)s order by record, id desc
)
select r.id from identity_record r left join latest on latest.record = r.id
where r.id in (select record from born union select record from latest)
  and (latest.record is null or latest.joined = %(profile)s)
order by r.id
"""

HISTORY = """
with births as (
    select * from identity_profilechange where profile = %(profile)s and kind in ('created', 'split')
), moves as (
    select m.at, min(m.id) as number, m."left", m.joined, array_agg(m.record order by m.record) as records,
           m.actor, m.reason, m.run
    from identity_move m
    where m."left" = %(profile)s
       or (m.joined = %(profile)s and not exists (select from births b where b.at = m.at))
    group by m.at, m."left", m.joined, m.actor, m.reason, m.run
), told as (
    select c.id as change, m.at, m.number, coalesce(c.kind, case when m."left" is null then 'joined' when m.joined is null then 'left'
                                                 else 'moved' end) as kind,
           m."left", m.joined, m.records, m.actor, m.reason, m.run
    from moves m left join lateral (
        select c.id, c.kind from identity_profilechange c
        where c.at = m.at and ((c.kind = 'merged' and c.profile = m."left" and c.other = m.joined)
                               or (c.kind = 'split' and c.profile = m.joined and c.other = m."left")) limit 1) c on true
    union all
    select id, at, 0, kind, other, profile, array(select jsonb_array_elements_text(records)::uuid), actor, reason, run
    from births
    union all
    select c.id, c.at, 0, c.kind, c.profile, c.other, '{}', c.actor, c.reason, c.run from identity_profilechange c
    where c.profile = %(profile)s and (c.kind = 'erased' or (c.kind = 'merged' and not exists (
        select from identity_move m where m."left" = c.profile and m.joined = c.other and m.at = c.at)))
)
select t.at, t.kind, t."left", t.joined, t.records, t.actor, t.reason, t.run, coalesce(l.version, ''), t.change
from told t left join identity_resolutionrun r on r.id = t.run left join identity_linkagemodel l on l.id = r.model_id
order by t.at, t.number, t.kind
"""

# --- links of a run --------------------------------------------------------------------------------------------------

STAGE_LINKS = """
create temporary table fresh_link ("left" uuid, "right" uuid, weight float8, levels jsonb) on commit drop
"""
COPY_LINKS = 'copy fresh_link ("left", "right", weight, levels) from stdin'
# Links that a correction, an erasure or a better model no longer supports go; the others keep their row.
DROP_STALE_LINKS = """
delete from identity_link l where l.kind = 'probable'
  and not exists (select from fresh_link f where f."left" = l."left" and f."right" = l."right")
returning l."left", l."right"
"""
SAVE_LINKS = """
insert into identity_link ("left", "right", kind, weight, levels, model_id, actor)
select "left", "right", 'probable', weight, levels, %s, '' from fresh_link
on conflict ("left", "right", kind) do update
set weight = excluded.weight, levels = excluded.levels, model_id = excluded.model_id
where (identity_link.weight, identity_link.model_id) is distinct from (excluded.weight, excluded.model_id)
returning "left", "right"
"""

# The same for the links of a few records.
PROBABLE_LINKS_OF = """
select "left", "right" from identity_link where kind = 'probable' and "left" = any(%(records)s)
union select "left", "right" from identity_link where kind = 'probable' and "right" = any(%(records)s)
"""
DROP_PROBABLE = """
delete from identity_link l using unnest(%b::uuid[], %b::uuid[]) as v ("left", "right")
where l."left" = v."left" and l."right" = v."right" and l.kind = 'probable'
"""
SAVE_PROBABLE = """
insert into identity_link ("left", "right", kind, weight, levels, model_id, actor)
select "left", "right", 'probable', weight, levels, model, ''
from unnest(%b::uuid[], %b::uuid[], %b::float8[], %b::jsonb[], %b::uuid[]) as v ("left", "right", weight, levels, model)
on conflict ("left", "right", kind) do update
set weight = excluded.weight, levels = excluded.levels, model_id = excluded.model_id
where (identity_link.weight, identity_link.model_id) is distinct from (excluded.weight, excluded.model_id)
"""

ASSIGNMENTS = """
select r.profile_id, s.name, r.id from identity_record r join events_source s on s.id = r.source_id
where r.profile_id is not null order by r.profile_id, r.id
"""

LIVE_MODEL = "select id from identity_linkagemodel where state = 'live' order by id limit 1"

# One batch run at a time, for as long as the connection lasts.
BEGIN_RUN = "select pg_try_advisory_lock(hashtext('identity.run'))"
END_RUN = "select pg_advisory_unlock(hashtext('identity.run'))"
# The live model, and whether the last run did not end.
IN_USE = f"""
select ({LIVE_MODEL}), (select finished_at is null from identity_resolutionrun order by id desc limit 1)
"""  # noqa: S608 - our own text
# A run that was killed holds no lock any more. (A lock's number is shown in two halves.)
RUN_ALIVE = """
select exists (select from pg_locks where locktype = 'advisory' and objsubid = 1
               and database = (select oid from pg_database where datname = current_database())
               and objid = (hashtext('identity.run')::bigint & 4294967295)::oid)
"""

LOCK = "select pg_advisory_xact_lock(hashtext('identity.profiles'))"

LARGEST = "select count(*) from identity_record where not leaf and profile_id is not null group by profile_id order by 1 desc limit 1"
