"""The raw SQL of deliveries."""

from segments.sql import UUID7

# Between choosing whom a message tells of and noting that they were told of, nobody is erased.
TELLING = "select pg_advisory_xact_lock_shared(hashtext('segments_told'), 0)"
ERASING = "select pg_advisory_xact_lock(hashtext('segments_told'), 0)"

# Whom a window of numbers may concern, as a reader bound to this purpose and contact channel. Tombstones tell of the erased.
CONCERNED = """
select distinct t.profile from core_sequence q join segments_transition t on t.id = q.row
where q.stream = 'segments' and q.seq > %(since)s and q.seq <= %(until)s and t.segment_id = %(segment)s
    and (t.purpose = '' or (t.purpose = %(purpose)s and t.channel = %(channel)s)) and t.reason <> 'erased'
order by 1
"""

# Those of some profiles whom a subscription tells of or may come to tell of.
KNOWN_TO = """
select profile from segments_told where subscription_id = %(subscription)s and inside and profile = any(%(profiles)s::uuid[])
union
select profile_id from segments_membership where segment_id = %(segment)s and profile_id = any(%(profiles)s::uuid[])
order by 1
"""

INSIDE_AFTER = """
select profile from segments_told
where subscription_id = %(subscription)s and inside and profile > %(after)s order by profile limit %(limit)s
"""

# What last moved each profile, as this reader knows it.
LAST_MOVES = """
select distinct on (profile) profile, kind, reason, at from segments_transition
where segment_id = %(segment)s and profile = any(%(profiles)s::uuid[])
    and (purpose = '' or (purpose = %(purpose)s and channel = %(channel)s))
order by profile, at desc, id desc
"""

TELL = """
insert into segments_told (subscription_id, profile, inside)
select %(subscription)s, unnest(%(profiles)s::uuid[]), true
on conflict (subscription_id, profile) do update set inside = true
"""

# A person's profiles, and those merged into them, under whose ids a destination may know them; then a tombstone for each
# destination, and no other delivery that names them.
LEAVE_TOMBSTONES = f"""
with named as (
    select id from identity_profile where id = any(%(profiles)s::uuid[]) or redirect_id = any(%(profiles)s::uuid[])
), gone as (
    delete from segments_told t using segments_subscription s
    where t.profile in (select id from named) and s.id = t.subscription_id
    returning s.destination_id, t.profile
), mentioned as (
    update segments_delivery d set profiles = array(
        select one from unnest(d.profiles) with ordinality as listed (one, place)
        where one not in (select id from named) order by place)
    where d.kind = 'changes' and d.profiles && array(select id from named)
    returning d.id
), left_behind as (
    insert into segments_delivery (id, destination_id, kind, state, profiles, digests, tries, failed, entered, "left",
        withheld, excepted_for)
    select {UUID7}, destination_id, 'erased', 'waiting', array_agg(distinct profile order by profile), %(digests)s::bytea[],
        0, '', 0, 0, 0, ''
    from gone group by destination_id
)
select (select count(*) from gone), (select count(*) from mentioned)
"""  # noqa: S608 - our own text

FORGET_OLD = """
delete from segments_delivery where id in (
    select id from segments_delivery
    where kind = 'changes' and state = 'confirmed' and closed_at < %s order by id limit 10000)
"""

SENT = """
select s.key, d.purpose_id, d.recipient, d.country, d.role, t.since, t.inside
from segments_told t join segments_subscription b on b.id = t.subscription_id
join segments_segment s on s.id = b.segment_id join segments_destination d on d.id = b.destination_id
where t.profile in (select profile_id from identity_record where id = any(%s::uuid[])) order by t.since, t.id
"""
