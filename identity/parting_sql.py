"""The raw SQL of stewards' decisions: who is held apart, and what a merge brought."""

from cdp.core.keys_sql import READ_GENERATION

DROP_LINKS_ACROSS = """
delete from identity_link
where kind = %(kind)s and (("left" = any(%(one)s) and "right" = any(%(other)s))
                           or ("left" = any(%(other)s) and "right" = any(%(one)s)))
"""

SAVE_VERDICTS = """
insert into identity_link ("left", "right", kind, weight, levels, actor)
select "left", "right", kind, 0, '{}', actor
from unnest(%b::uuid[], %b::uuid[], %b::text[], %b::text[]) as v ("left", "right", kind, actor)
on conflict ("left", "right", kind) do nothing
"""

# Who of some persons may own some leaves: they claim them, or hold what they carry.
OWNERS_AMONG = f"""
select leaf, record from identity_claim where leaf = any(%(leaves)s) and record = any(%(persons)s)
union select i.record_id, o.record_id
from identity_identifier i join identity_identifier o on o.digest = i.digest and o.kind = i.kind
where i.record_id = any(%(leaves)s) and o.record_id = any(%(persons)s) and i.generation = {READ_GENERATION}
"""  # noqa: S608 - our own text

# All persons who may own some leaves.
SUITORS = f"""
select record from identity_claim where leaf = any(%(leaves)s)
union select o.record_id
from identity_identifier i join identity_identifier o on o.digest = i.digest and o.kind = i.kind
join identity_record r on r.id = o.record_id and not r.leaf
where i.record_id = any(%(leaves)s) and i.generation = {READ_GENERATION}
"""  # noqa: S608 - our own text

PERSONS_AMONG = "select id from identity_record where id = any(%s) and not leaf order by id"

# Records that had no profile yet when a change of this id was written: they joined one later, or were born into one
# that is younger than the change (ids of profiles and changes are in the order of time). `mark`: the last move before.
NEWCOMERS = """
select r.id from identity_record r
left join lateral (select m.id, m."left" from identity_move m where m.record = r.id order by m.id limit 1) first on true
where r.id = any(%(records)s)
  and case when first.id is not null and first."left" is null then first.id > %(mark)s
           else coalesce(first."left", r.profile_id) > %(change)s end
"""

LAST_DEPARTURE = 'select coalesce(max(id), 0) from identity_move where "left" = %s'

# What was merged into a profile, the latest merge of each.
MERGES_OF = """
select distinct on (c.profile) c.profile, c.other from identity_profile p
join identity_profilechange c on c.profile = p.id and c.kind = 'merged'
where p.redirect_id = %s order by c.profile, c.id desc
"""

# An erased record is no longer named by what happened to the profiles that it was in; to be asked before its moves go.
FORGET_IN_CHANGES = """
update identity_profilechange c set records = coalesce((
    select jsonb_agg(one) from jsonb_array_elements(c.records) one where (one #>> '{}')::uuid <> all(%(records)s)), '[]')
where c.records ?| %(names)s and c.profile in (
    select profile_id from identity_record where id = any(%(records)s)
    union select "left" from identity_move where record = any(%(records)s)
    union select joined from identity_move where record = any(%(records)s))
returning c.id
"""
