"""The raw SQL of household hints."""

# Index look-ups one way only ("offset 0" keeps them apart), and rows by their place (ctid), as with review cases.
DROP_HINTS = """
delete from identity_householdhint where ctid = any(array(
    select h.place from unnest(%(records)s::uuid[]) as asked (id)
    cross join lateral (
        (select ctid as place, "left", "right" from identity_householdhint where "left" = asked.id offset 0)
        union all
        (select ctid, "left", "right" from identity_householdhint where "right" = asked.id offset 0)) h
    where (h."left", h."right") not in (select * from unnest(%(lefts)s::uuid[], %(rights)s::uuid[]))))
returning household
"""

SAVE_HINTS = """
insert into identity_householdhint ("left", "right", household, shared, reason)
select * from unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::text[])
on conflict ("left", "right") do update
set household = excluded.household, shared = excluded.shared, reason = excluded.reason
where (identity_householdhint.household, identity_householdhint.shared, identity_householdhint.reason)
    is distinct from (excluded.household, excluded.shared, excluded.reason)
"""

# How the ends of the model's links compare.
LEVELS_OF = """
select asked."left", asked."right", l.levels from unnest(%s::uuid[], %s::uuid[]) as asked ("left", "right")
cross join lateral (
    select levels from identity_link
    where "left" = asked."left" and "right" = asked."right" and kind = 'probable' offset 0) l
"""

# The hints of some households, with the profiles of their ends.
HINTS_OF = """
select h."left", h."right", l.profile_id, r.profile_id from identity_householdhint h
cross join lateral (select profile_id from identity_record where id = h."left" offset 0) l
cross join lateral (select profile_id from identity_record where id = h."right" offset 0) r
where h.household = any(%s)
"""

SETTLE_HINTS = """
update identity_householdhint h set household = v.household
from unnest(%b::uuid[], %b::uuid[], %b::uuid[]) as v ("left", "right", household)
where h."left" = v."left" and h."right" = v."right" and h.household <> v.household
"""

# Everything that hints say of the household of a profile: (household, two profiles, what they share, what tells them apart).
HOUSEHOLD = """
with home as materialized (
    select h.household from identity_record mine
    cross join lateral (
        (select household from identity_householdhint where "left" = mine.id limit 1)
        union all
        (select household from identity_householdhint where "right" = mine.id limit 1)) h
    where mine.profile_id = %s limit 1
)
select distinct h.household, l.profile_id, r.profile_id, h.shared, h.reason from home
cross join lateral (select * from identity_householdhint where household = home.household offset 0) h
cross join lateral (select profile_id from identity_record where id = h."left" offset 0) l
cross join lateral (select profile_id from identity_record where id = h."right" offset 0) r
where l.profile_id <> r.profile_id
order by 2, 3, 4, 5
"""
