"""The raw SQL of blocking keys. Index look-ups one way only ("offset 0" keeps them apart), as in `identity.sql`."""

KEYS_OF = "select record, key from identity_blockingkey where record = any(%b::uuid[])"

SAVE_KEYS = """
insert into identity_blockingkey (record, key) select * from unnest(%b::uuid[], %b::bigint[]) on conflict do nothing
"""
COPY_KEYS = "copy identity_blockingkey (record, key) from stdin (format binary)"

DROP_KEYS = """
delete from identity_blockingkey b using unnest(%b::uuid[], %b::bigint[]) as v (record, key)
where b.key = v.key and b.record = v.record
"""

# Who holds one of these keys, as far as no more than `cap` do.
HOLDERS_OF_KEYS = """
select k.key, held.records from unnest(%s::bigint[], %s::int[]) as k (key, cap)
cross join lateral (
    select array_agg(record) as records from (
        select record from identity_blockingkey where key = k.key limit k.cap + 1) found
) held
where cardinality(held.records) between 2 and k.cap
"""

# The pairs, smaller id first, of records with whom they share one of their keys, as far as no more than `cap` hold it.
CANDIDATES = """
with asked as materialized (
    select * from unnest(%b::uuid[], %b::bigint[], %b::int[]) as asked (record, key, cap)
)
select distinct least(asked.record, other.record), greatest(asked.record, other.record)
from (select distinct key, cap from asked) k
cross join lateral (
    select array_agg(record) as records from (
        select record from identity_blockingkey where key = k.key limit k.cap + 1) found
) held
cross join lateral unnest(held.records) as other (record)
join asked on asked.key = k.key and asked.record <> other.record
where cardinality(held.records) between 2 and k.cap
"""

# Who holds one of these keys that came over its cap when it gained `more` holders (lost, where negative), or under it:
# (record, key, whether it is over it now).
HOLDERS_ACROSS = """
select held.record, k.key, present.holders > k.cap from unnest(%s::bigint[], %s::int[], %s::int[]) as k (key, cap, more)
cross join lateral (
    select count(*) as holders from (
        select from identity_blockingkey where key = k.key limit k.cap + greatest(k.more, 0) + 1) found
) present
cross join lateral (
    select record from identity_blockingkey
    where key = k.key and (present.holders > k.cap) <> (present.holders - k.more > k.cap) offset 0
) held
"""

# The model's links whose left ends are these.
LINKS_FROM = """
select l."left", l."right" from unnest(%b::uuid[]) as held (record)
cross join lateral (
    select "left", "right" from identity_link where "left" = held.record and kind = 'probable' offset 0) l
"""
