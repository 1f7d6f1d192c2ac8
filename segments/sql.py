"""All raw SQL of segments. Names of tables are fixed; values are parameters; `{rule}` is a compiled rule's text."""

# ruff: noqa: S608 - the pieces put together here are our own text

from typing import Final

# --- locks: a class, then what is locked ------------------------------------------------------------------------------

# One recompute of a segment at a time, for as long as the connection lives: a killed worker lets go by dying.
LOCK_RUN = "select pg_advisory_lock(hashtext('segments_run'), hashtext(%s))"
TRY_LOCK_RUN = "select pg_try_advisory_lock(hashtext('segments_run'), hashtext(%s))"
UNLOCK_RUN = "select pg_advisory_unlock(hashtext('segments_run'), hashtext(%s))"

# A run begins between incremental passes: each pass sees the run's row, or the run's snapshot sees the pass.
BEGIN_RUN = "select pg_advisory_xact_lock(hashtext('segments_pass'), 0)"
BEGIN_PASS = "select pg_advisory_xact_lock_shared(hashtext('segments_pass'), 0)"  # noqa: S105 - no password

# Whoever writes memberships of these segments; sorted, so that writers at once cannot deadlock.
LOCK_MEMBERS = """
select pg_advisory_xact_lock(hashtext('segments_membership'), lock)
from (select distinct hashtext(id) as lock from unnest(%s::text[]) as id order by 1) sorted
"""

# --- memberships ------------------------------------------------------------------------------------------------------

# A UUIDv7 (RFC 9562): 48 bits of milliseconds, the rest random. PostgreSQL 16 has no function for it.
UUID7 = """encode(set_bit(set_bit(overlay(
    uuid_send(gen_random_uuid())
    placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6
), 52, 1), 53, 1), 'hex')::uuid"""

EVALUATE = "copy ({rule}) to stdout"
ABOUT_HOW_MANY = "select greatest(reltuples, 0)::bigint from pg_class where oid = 'events_event'::regclass"
MAKE_FRESH = "create temporary table if not exists segments_fresh (profile_id uuid not null) on commit drop"
EMPTY_FRESH = "truncate segments_fresh"
FILL_FRESH = "copy segments_fresh from stdin"
COUNT_FRESH = "analyze segments_fresh"

_NOTE = f"""
noted as (
    insert into segments_transition (id, segment_id, profile, kind, reason, purpose, channel, at)
    select {UUID7}, moved.segment_id, moved.profile_id, moved.kind, moved.reason, '', '', %(as_of)s from (
        select g.segment_id, g.profile_id, 'left' as kind,
            case p.state when 'live' then 'rule' else coalesce(p.state, 'erased') end as reason
        from gone g left join identity_profile p on p.id = g.profile_id
        union all select segment_id, profile_id, 'entered', 'rule' from came) moved
    returning segment_id, kind)
"""
_MOVES = "count(*) filter (where kind = 'entered'), count(*) filter (where kind = 'left')"

# Whom an incremental pass has looked at since the run began is left alone: the pass knew more.
APPLY_RUN = f"""
with passed as materialized (select subject from core_touched where stage = %(stage)s),
gone as (
    delete from segments_membership m where m.segment_id = %(segment)s
        and not exists (select from segments_fresh f where f.profile_id = m.profile_id)
        and not exists (select from passed where subject = m.profile_id)
    returning m.segment_id, m.profile_id),
came as (
    insert into segments_membership (segment_id, profile_id, entered_at)
    select %(segment)s, f.profile_id, %(as_of)s
    from segments_fresh f join identity_profile p on p.id = f.profile_id and p.state = 'live'
    where not exists (
        select from segments_membership m where m.segment_id = %(segment)s and m.profile_id = f.profile_id)
        and not exists (select from passed where subject = f.profile_id)
    returning segment_id, profile_id),
{_NOTE}
select {_MOVES} from noted"""

# Of several segments at once: `{{flags}}` says of each profile in `{{holding}}`, its columns, which of their rules hold.
APPLY_PASS = f"""
with flags as materialized ({{flags}}),
fresh as materialized (
    select rule.segment_id, flags.profile_id
    from flags, unnest(%(segments)s::uuid[], array[{{holding}}]) as rule (segment_id, holds) where rule.holds),
present as materialized (
    select segment_id, profile_id from segments_membership
    where segment_id = any(%(segments)s::uuid[]) and profile_id = any(%(profiles)s::uuid[])),
gone as (
    delete from segments_membership m
    where m.segment_id = any(%(segments)s::uuid[]) and m.profile_id = any(%(profiles)s::uuid[]) and not exists (
        select from fresh f where f.segment_id = m.segment_id and f.profile_id = m.profile_id)
    returning m.segment_id, m.profile_id),
came as (
    insert into segments_membership (segment_id, profile_id, entered_at)
    select f.segment_id, f.profile_id, %(as_of)s from fresh f
    where not exists (select from present m where m.segment_id = f.segment_id and m.profile_id = f.profile_id)
    returning segment_id, profile_id),
{_NOTE}
select segment_id, {_MOVES} from noted group by segment_id"""

# The first record of each member without a part, and the part in whose reach its hash lies.
DRAW = f"""
with undrawn as (
    select distinct on (m.profile_id) r.id as record
    from segments_membership m join identity_record r on r.profile_id = m.profile_id
    where m.segment_id = %(segment)s and (%(profiles)s::uuid[] is null or m.profile_id = any(%(profiles)s::uuid[]))
        and not exists (
            select from identity_record o join segments_assignment a on a.record = o.id and a.segment_id = m.segment_id
            where o.profile_id = m.profile_id)
    order by m.profile_id, r.first_seen, r.id
), placed as (
    select record, ('x' || encode(substring(sha256(convert_to(%(segment)s::text || ':' || record, 'UTF8')) for 4), 'hex')
        )::bit(32)::bigint %% %(places)s as place
    from undrawn)
insert into segments_assignment (id, segment_id, record, variant, at)
select {UUID7}, %(segment)s, record, (
    select name from unnest(%(names)s::text[], %(ends)s::int[]) as part (name, below) where place < below
    order by below limit 1), %(as_of)s
from placed
on conflict (segment_id, record) do nothing
"""

_VARIANTS = """
select distinct on (r.profile_id) r.profile_id, a.variant
from identity_record r join segments_assignment a on a.record = r.id and a.segment_id = %(segment)s
"""
VARIANTS = _VARIANTS + "where r.profile_id = any(%(profiles)s::uuid[]) order by r.profile_id, a.at, a.record"
VARIANT_SIZES = f"""
select variant, count(*) from (
    {_VARIANTS} join segments_membership m on m.segment_id = %(segment)s and m.profile_id = r.profile_id
    order by r.profile_id, a.at, a.record) held
group by 1 order by 1
"""
# Of one member `m`.
VARIANT = """(
    select a.variant from identity_record r join segments_assignment a on a.record = r.id
    where a.segment_id = %(segment)s and r.profile_id = m.profile_id order by a.at, a.record limit 1)"""

EMPTY_SEGMENT = f"""
with gone as (delete from segments_membership where segment_id = %(segment)s returning profile_id)
insert into segments_transition (id, segment_id, profile, kind, reason, purpose, channel, at)
select {UUID7}, %(segment)s, profile_id, 'left', 'archived', '', '', clock_timestamp() from gone
"""

FORGET_PASSED = "delete from core_touched where stage = any(%s)"

# Due again after its interval, or sooner where time alone may change it sooner (NULL: it does not); unless something
# made it due since the run began.
NEXT_DUE = """
update segments_segment set due_at = least(
    clock_timestamp() + make_interval(mins => greatest(refresh_minutes, 1)),
    clock_timestamp() + %(shortest)s::interval, %(starts)s::timestamptz)
where id = %(segment)s and state = 'published' and (due_at is null or due_at <= %(began)s)
"""
DUE_NOW = "update segments_segment set due_at = clock_timestamp() where id = any(%s) and state = 'published'"

# --- consent ----------------------------------------------------------------------------------------------------------

# A purpose also needs the consent to the use of data for it, a purpose of its own with this ending, and what the contact
# channel needs besides.
CONCERNED = """
select distinct s.purpose_id, c.channel, s.brand, m.segment_id, m.profile_id
from unnest(%s::uuid[], %s::text[], %s::text[], %s::text[]) as c (profile, purpose, channel, brand)
join segments_membership m on m.profile_id = c.profile
join segments_segment s on s.id = m.segment_id
left join consent_contactchannel w on w.key = c.channel
where c.purpose in (s.purpose_id, s.purpose_id || '_use', w.also_id) and (s.brand in ('', c.brand) or c.brand = '')
order by 1, 2, 3, 4, 5
"""

NOTE_CONSENT = f"""
insert into segments_transition (id, segment_id, profile, kind, reason, purpose, channel, at)
select {UUID7}, segment, profile, kind, 'consent', purpose, channel, clock_timestamp()
from unnest(%s::text[], %s::text[], %s::uuid[], %s::uuid[], %s::text[]) as c (purpose, channel, segment, profile, kind)
"""

COUNT_MEMBERS = "select count(*) from ({rule}) member"
ABOUT_HOW_MANY_PROFILES = "select greatest(reltuples, 0)::bigint from pg_class where oid = 'identity_profile'::regclass"
SAMPLED_PROFILES = (
    "select id from identity_profile tablesample bernoulli (%(share)s) repeatable (1) where state = 'live'"
)
# The rule of those profiles alone that its flags were asked of.
FLAGGED = "select profile_id from ({flags}) f where m0"

# Of all live profiles that no excluded segment takes away: how many hold each of some sets of flags.
COUNT_CLAUSES = "select {counts} from ({flags}) f where {kept}"
# Whoever is in it stays in it while the rule is being changed: no draw, but in no order that means anything.
SAMPLE = "select profile_id from ({rule}) member order by uuid_hash(profile_id), profile_id limit %(most)s"

# Members are drawn by lot: so many there are.
LOTS: Final = 1 << 20
# `{gate}` is consent's own query of the profiles it allows.
_REACHED = """
agreeing as materialized (select m.profile_id from member m join ({gate}) allowed on allowed.profile_id = m.profile_id),
reached as (
    select r.profile_id from agreeing a join identity_record r on r.profile_id = a.profile_id
    join profiles_contactpoint c on c.record_id = r.id
    where c.kind = %(point)s and c.usable and c.valid_to is null
    union select profile_id from agreeing where %(point)s = '')
select (select count(*) from member), (select count(*) from agreeing), (select count(*) from reached)
"""
# Those of a statement that finds members first, as `_REACHED` does.
OF_MEMBERS = "select profile_id from member"
# The rule of one profile alone.
ALONE = "select %(profile)s::uuid as profile_id"
PREVIEW = "with member as materialized ({rule}), " + _REACHED
# Against the members that there are: who would enter, who would leave, how many there would be; and a few of the first two.
_FEW = "array(select profile_id from {moved} order by uuid_hash(profile_id), profile_id limit %(most)s)"
MOVEMENT = f"""
with fresh as materialized ({{rule}}),
present as (select profile_id from segments_membership where segment_id = %(segment)s),
entering as (select profile_id from fresh f where not exists (select from present p where p.profile_id = f.profile_id)),
leaving as (select profile_id from present p where not exists (select from fresh f where f.profile_id = p.profile_id))
select (select count(*) from entering), (select count(*) from leaving), (select count(*) from fresh),
    {_FEW.format(moved="entering")}, {_FEW.format(moved="leaving")}
"""
REACH = "with member as (select profile_id from segments_membership where segment_id = %(segment)s), " + _REACHED

# The same of those drawn from them: always the same ones, for as long as they are members.
REACH_OF = "with member as materialized (select unnest(%(drawn)s::uuid[]) as profile_id), " + _REACHED
SAMPLED_MEMBERS = f"""
select profile_id from segments_membership where segment_id = %(segment)s and uuid_hash(profile_id) & {LOTS - 1} < %(drawn)s
"""

# How many members each of some other segments has, and how many of them are this one's too.
OVERLAP = """
select other.segment_id, count(*), count(own.profile_id)
from segments_membership other
left join segments_membership own on own.segment_id = %(segment)s and own.profile_id = other.profile_id
where other.segment_id = any(%(others)s) group by 1
"""

# --- reading ----------------------------------------------------------------------------------------------------------

# Whether a member still lives is the gate's to say.
MEMBERS_AFTER = """
select profile_id, entered_at from segments_membership
where segment_id = %(segment)s and profile_id > %(after)s order by profile_id limit %(limit)s
"""

# Who was in it at a moment, since when, told of the profile that each is part of now.
MEMBERS_AT = """
select profile_id, min(at) as entered_at from (
    select coalesce(p.redirect_id, last.profile) as profile_id, last.at from (
        select distinct on (profile) profile, kind, at from segments_transition
        where segment_id = %(segment)s and purpose = '' and at <= %(at)s order by profile, at desc, id desc) last
    left join identity_profile p on p.id = last.profile where last.kind = 'entered') inside
where profile_id > %(after)s group by 1 order by 1 limit %(limit)s
"""

LAST_NUMBER = "select coalesce(max(seq), 0) from core_sequence where stream = 'segments'"

NUMBERED = """
select q.seq, t.profile, t.kind, t.reason, t.at
from core_sequence q join segments_transition t on t.id = q.row
where q.stream = 'segments' and q.seq > %(since)s and q.seq <= %(until)s and t.segment_id = %(segment)s
    and (t.purpose = '' or (t.purpose = %(purpose)s and t.channel = %(channel)s))
order by q.seq
"""

# A chunk of members and whom of them consent's own query `{gate}` allows, in one snapshot. The row of the last member comes
# even if not allowed, for the next chunk to begin after; it is marked so, and its columns go nowhere.
EXPORT = f"""
with part as materialized ({MEMBERS_AFTER}),
m as materialized (select *, profile_id in ({{gate}}) as allowed from part)
select m.allowed, m.profile_id{{columns}} from m left join profiles_golden t on t.profile_id = m.profile_id
where m.allowed or m.profile_id = (select profile_id from part order by profile_id desc limit 1) order by m.profile_id
"""
PART = "select profile_id from part"
TO_CSV = "copy ({rows}) to stdout (format csv)"
# JSON text holds no control characters, so with these as quote and delimiter nothing of it is escaped again.
TO_LINES = "copy ({rows}) to stdout (format csv, quote e'\\x01', delimiter e'\\x02')"

# --- traits seen ------------------------------------------------------------------------------------------------------

_KIND = """case jsonb_typeof(value) when 'number' then 'number' when 'boolean' then 'boolean' when 'string' then
    case when value #>> '{}' ~ '^\\d{4}-\\d\\d-\\d\\d$' then 'date'
         when value #>> '{}' ~ '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z$' then 'moment'
         else 'string' end end"""

SHARE = """
select least(100, 100.0 * %s / greatest(reltuples, 1)) from pg_class where oid = 'profiles_golden'::regclass
"""

# What each trait mostly is, in a sample of golden records.
TRAITS_SEEN = f"""
select distinct on (name) name, kind from (
    select key as name, {_KIND} as kind, count(*) as n
    from (select traits from profiles_golden tablesample system (%(share)s) limit %(rows)s) g, jsonb_each(g.traits)
    group by 1, 2 order by n desc limit %(names)s) seen
where kind is not null order by name, n desc, kind
"""

# In what share of a sample of golden records each trait stands, and the values that enough of them have, as shares of those.
TRAIT_VALUES = """
with sample as materialized (
    select profile_id, traits from profiles_golden tablesample system (%(share)s) limit %(rows)s),
held as (select profile_id, key as name, value from sample, jsonb_each(traits)),
named as (select name, count(*) as n from held group by 1 order by 2 desc, 1 limit %(names)s),
single as (
    select distinct profile_id, name, one.value from held, lateral jsonb_array_elements(
        case jsonb_typeof(held.value) when 'array' then held.value else jsonb_build_array(held.value) end) as one (value)),
counted as (
    select name, value, count(*) as n, row_number() over (partition by name order by count(*) desc, value::text) as place
    from single where jsonb_typeof(value) in ('string', 'number', 'boolean') and length(value::text) <= %(longest)s
    group by 1, 2 having count(*) >= %(least)s)
select name, round(n.n::numeric / (select count(*) from sample), 4)::float, coalesce(
    jsonb_agg(jsonb_build_array(c.value, round(c.n::numeric / n.n, 4)) order by place) filter (where place <= %(values)s), '[]')
from named n left join counted c using (name) group by name, n.n
"""

# What the named traits mostly are, among the first hundred that have each.
TRAITS_NAMED = f"""
select name, kind from unnest(%s::text[]) as name, lateral (
    select {_KIND} as kind
    from (select traits -> name as value from profiles_golden where traits ? name limit 100) found
    group by 1 order by count(*) desc, 1 limit 1) mostly
where kind is not null
"""

# --- computed traits --------------------------------------------------------------------------------------------------

PROFILES_AFTER = "select profile_id from profiles_golden where profile_id > %s order by profile_id limit %s"

# Quintiles of those who bought, 5 the best; whoever is equal has the same, the lowest that one of them would have.
QUINTILES = """
with bought (profile_id, last_at, orders, amount) as materialized ({rule})
select profile_id, (rank() over (order by last_at) - 1) * 5 / count(*) over () + 1,
    (rank() over (order by orders) - 1) * 5 / count(*) over () + 1,
    (rank() over (order by amount) - 1) * 5 / count(*) over () + 1
from bought where profile_id in (select id from identity_profile where state = 'live')
"""

# --- privacy ----------------------------------------------------------------------------------------------------------

# Profiles that consist of nothing but these records.
PROFILES_OF_ONLY = """
select profile_id from identity_record where profile_id in (
    select profile_id from identity_record where id = any(%(records)s))
group by profile_id having bool_and(id = any(%(records)s))
"""

# One last "left" stays for every segment the profile was ever in, so that no reader keeps it.
FORGET = f"""
with gone as (
    delete from segments_membership where profile_id = any(%(profiles)s::uuid[]) returning segment_id, profile_id),
old as (delete from segments_transition where profile = any(%(profiles)s::uuid[]) returning segment_id, profile),
known as (select segment_id, profile_id from gone union select segment_id, profile from old)
insert into segments_transition (id, segment_id, profile, kind, reason, purpose, channel, at)
select {UUID7}, segment_id, profile_id, 'left', 'erased', '', '', clock_timestamp() from known
"""

HISTORY_OF = """
select s.key, t.kind, t.reason, t.purpose, t.channel, t.at
from segments_transition t join segments_segment s on s.id = t.segment_id
where t.profile in (select profile_id from identity_record where id = any(%s::uuid[])) order by t.at, t.id
"""

FORGET_ASSIGNMENTS = "delete from segments_assignment where record = any(%s::uuid[])"
ASSIGNMENTS_OF = """
select s.key, a.variant, a.at from segments_assignment a join segments_segment s on s.id = a.segment_id
where a.record = any(%s::uuid[]) order by a.at, s.key
"""

MEMBERSHIPS_OF = """
select s.key, s.purpose_id, m.entered_at
from segments_membership m join segments_segment s on s.id = m.segment_id
where m.profile_id in (select profile_id from identity_record where id = any(%s::uuid[])) order by m.entered_at, s.key
"""
