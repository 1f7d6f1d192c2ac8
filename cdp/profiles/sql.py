"""The raw SQL of the golden record."""

# Names of events that speak of money; the order-level ones count once per (brand, order), the last update wins.
ORDER_EVENTS = ("Order Completed", "Order Updated")
LINE_EVENTS = ("Product Purchased",)
REFUND_EVENTS = ("Order Refunded", "Product Returned")

RECORDS_OF = "select id from identity_record where profile_id = any(%s)"
# Per profile its records with a usable present contact point of a kind, the latest first, and the record whose value won.
# The record whose value won comes only where it is not the latest: of one record there is nothing to choose.
CONTACTABLE = """
select r.profile_id, array_agg(c.record_id order by c.valid_from desc, c.record_id), nullif(
    (select (lineage -> %(kind)s ->> 'record')::uuid from profiles_golden g where g.profile_id = r.profile_id),
    (array_agg(c.record_id order by c.valid_from desc, c.record_id))[1])
from identity_record r
cross join lateral (
    select record_id, valid_from from profiles_contactpoint
    where record_id = r.id and kind = %(kind)s and usable and valid_to is null offset 0) c
where r.profile_id = any(%(profiles)s::uuid[]) group by r.profile_id
"""
# Of profiles with the digest of a contact value each, whose it still is.
STILL_REACHED = """
select distinct given.profile from unnest(%(profiles)s::uuid[], %(digests)s::bytea[]) as given (profile, digest)
join identity_record r on r.profile_id = given.profile
join profiles_contactpoint c on c.record_id = r.id and c.kind = %(kind)s and c.digest = given.digest
where c.usable and c.valid_to is null
"""
LIVE = "select id from identity_profile where id = any(%s) and state = 'live'"

FACTS = """
with mine as materialized (
    select r.profile_id, e.name, e.brand, e.order_id, e.currency, e.revenue, e.occurred_at, e.message_id,
           case when e.name in ('NPS Answered', 'CSAT Answered') then e.properties -> 'score' end as score
    from identity_record r
    join events_source s on s.id = r.source_id and not s.built_in
    join events_event e on e.record = r.id
    where r.profile_id = any(%(profiles)s)
), latest as (
    select distinct on (profile_id, brand, order_id) profile_id, brand, order_id, currency, revenue, occurred_at
    from mine where name = any(%(orders)s) and order_id is not null
    order by profile_id, brand, order_id, occurred_at desc, message_id desc
), bought as (
    select profile_id, currency, revenue, occurred_at from latest
    union all
    select profile_id, currency, revenue, occurred_at from mine where name = any(%(orders)s) and order_id is null
), lines as (
    select profile_id, brand, order_id, currency, sum(revenue) as revenue, max(occurred_at) as occurred_at
    from mine m where name = any(%(lines)s)
      and not exists (select from latest l where l.profile_id = m.profile_id and l.brand = m.brand and l.order_id = m.order_id)
    group by profile_id, brand, order_id, currency
), spent as (
    select profile_id, currency, revenue, occurred_at from bought
    union all select profile_id, currency, revenue, occurred_at from lines
), refunded as (
    select profile_id, currency, sum(revenue) as revenue from mine
    where name = any(%(refunds)s) and revenue is not null group by 1, 2
), money as (
    select profile_id, jsonb_object_agg(currency, total) as spent from (
        select s.profile_id, s.currency, sum(s.revenue) as total
        from (select profile_id, currency, revenue from spent union all select profile_id, currency, -revenue from refunded) s
        where s.revenue is not null and s.currency is not null group by 1, 2) t
    group by 1
), orders as (
    select profile_id, count(*) as n, max(occurred_at) as last_at from spent group by 1
), seen as (
    select profile_id, count(*) as n, min(occurred_at) as first_at, max(occurred_at) as last_at from mine group by 1
), answers as (
    select distinct on (profile_id, name) profile_id, name, score from mine
    where jsonb_typeof(score) = 'number'
    order by profile_id, name, occurred_at desc, message_id desc
)
select seen.profile_id, seen.n, seen.first_at, seen.last_at, coalesce(orders.n, 0), orders.last_at, money.spent,
       nps.score, csat.score
from seen
left join orders using (profile_id)
left join money using (profile_id)
left join answers nps on nps.profile_id = seen.profile_id and nps.name = 'NPS Answered'
left join answers csat on csat.profile_id = seen.profile_id and csat.name = 'CSAT Answered'
"""

SAVE_GOLDEN = """
insert into profiles_golden (profile_id, traits, lineage)
select * from unnest(%b::uuid[], %b::jsonb[], %b::jsonb[])
on conflict (profile_id) do update
set traits = excluded.traits || profiles_golden.computed, lineage = excluded.lineage, updated_at = now()
where (profiles_golden.traits, profiles_golden.lineage)
    is distinct from (excluded.traits || profiles_golden.computed, excluded.lineage)
"""

# In order, as whoever projects takes them.
HOLD_GOLDEN = "select from profiles_golden where profile_id = any(%s) order by profile_id for update"

# The computed traits of these names, and only these, are those given.
PUBLISH = """
update profiles_golden g
set computed = (g.computed - %(names)s::text[]) || v.given, traits = (g.traits - %(names)s::text[]) || v.given,
    updated_at = now()
from jsonb_each(%(given)s::jsonb) as v (profile, given)
where g.profile_id = v.profile::uuid and (g.computed - %(names)s::text[]) || v.given <> g.computed
returning g.profile_id
"""

DROP_GOLDEN = "delete from profiles_golden where profile_id = any(%s)"

SAVE_MINORS = """
with known as (select * from unnest(%b::uuid[], %b::uuid[], %b::date[]) as v (asked, profile, born)),
gone as (delete from profiles_minor where profile_id in (select asked from known where asked is not null)
    and not exists (select from known where known.profile = profile_id))
insert into profiles_minor (profile_id, born) select profile, born from known where profile is not null
on conflict (profile_id) do update set born = excluded.born where profiles_minor.born <> excluded.born
"""

SAVE_CONTACTS = """
insert into profiles_contactpoint (record_id, kind, digest, usable, reason, valid_from, valid_to)
select * from unnest(%b::uuid[], %b::text[], %b::bytea[], %b::bool[], %b::text[], %b::timestamptz[], %b::timestamptz[])
on conflict (record_id, kind, digest) do update
set usable = excluded.usable, reason = excluded.reason, valid_from = excluded.valid_from, valid_to = excluded.valid_to
where (profiles_contactpoint.usable, profiles_contactpoint.reason, profiles_contactpoint.valid_from,
       profiles_contactpoint.valid_to)
    is distinct from (excluded.usable, excluded.reason, excluded.valid_from, excluded.valid_to)
"""

# What a record no longer says, and would not say had it all come in another order.
DROP_CONTACTS = """
delete from profiles_contactpoint c where c.record_id = any(%b::uuid[]) and not exists (
    select from unnest(%b::uuid[], %b::text[], %b::bytea[]) as v (record, kind, digest)
    where v.record = c.record_id and v.kind = c.kind and v.digest = c.digest)
"""

# Periods of chosen traits: the current one closes when the value changes, and a new one begins.
CLOSE_PERIODS = """
update profiles_traitperiod p set valid_to = now()
from unnest(%b::uuid[], %b::text[], %b::jsonb[]) as v (profile, trait, value)
where p.profile_id = v.profile and p.trait = v.trait and p.valid_to is null and p.value is distinct from v.value
"""
OPEN_PERIODS = """
insert into profiles_traitperiod (profile_id, trait, value, valid_from)
select v.profile, v.trait, v.value, now()
from unnest(%b::uuid[], %b::text[], %b::jsonb[]) as v (profile, trait, value)
where v.value is not null
  and not exists (select from profiles_traitperiod p
                  where p.profile_id = v.profile and p.trait = v.trait and p.valid_to is null)
"""
