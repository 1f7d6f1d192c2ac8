"""The raw SQL of review cases."""

# That a union was refused, and why, says more than that the model is not sure.
SAVE_CASES = """
insert into identity_reviewcase (id, "left", "right", reason, weight, levels, state, decided_by)
select id, least("left", "right"), greatest("left", "right"), reason, weight, levels, 'open', ''
from unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::float8[], %b::jsonb[])
    as v (id, "left", "right", reason, weight, levels)
on conflict ("left", "right") do update set weight = excluded.weight, reason = excluded.reason, levels = excluded.levels
where identity_reviewcase.state in ('open', 'covered')
  and (excluded.reason <> 'gray zone' or identity_reviewcase.reason in ('gray zone', 'near miss'))
  and (identity_reviewcase.weight, identity_reviewcase.reason) is distinct from (excluded.weight, excluded.reason)
"""

# A case that nothing supports any more is obsolete, never deleted: a steward may have seen it. What was drawn stays: its
# answer measures quality whatever became of the pair.
# Here and below: index look-ups one way only ("offset 0" keeps them apart), and rows by their place (ctid): within a long
# transaction the planner knows nothing of the rows, and no join is left for it to run once for every pair. What a partial
# index asks for is asked outside, or that whole index may be read for every row.
RETIRE_CASES = """
update identity_reviewcase set state = 'obsolete' where ctid = any(array(
    select c.place from unnest(%(records)s::uuid[]) as asked (id)
    cross join lateral (
        select ctid as place, "left", "right", state, stratum, reason from identity_reviewcase
        where "left" = asked.id offset 0) c
    cross join lateral (select profile_id from identity_record where id = c."left" offset 0) l
    cross join lateral (select profile_id from identity_record where id = c."right" offset 0) r
    where c.state in ('open', 'covered') and c.stratum = '' and c.reason <> 'bridge' and l.profile_id = r.profile_id))
"""

# --- bridges ----------------------------------------------------------------------------------------------------------

# The model's weak links within a profile.
WEAK_LINKS = """
select l."left", l."right", l.weight, l.levels, a.profile_id from unnest(%(records)s::uuid[]) as asked (id)
cross join lateral (
    select "left", "right", weight, levels from identity_link
    where "left" = asked.id and kind = 'probable' and weight < %(most)s offset 0) l
cross join lateral (select profile_id from identity_record where id = l."left" offset 0) a
cross join lateral (select profile_id from identity_record where id = l."right" offset 0) b
where a.profile_id = b.profile_id
order by a.profile_id, l."left", l."right"
"""

PERSONS_OF = "select id, profile_id from identity_record where profile_id = any(%(profiles)s) and not leaf"

# Also one that was obsolete; what a steward has decided, and what was drawn, stays as it is.
OPEN_BRIDGES = """
insert into identity_reviewcase (id, "left", "right", reason, weight, levels, state, decided_by)
select id, "left", "right", 'bridge', weight, levels, 'open', ''
from unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::float8[], %b::jsonb[]) as v (id, "left", "right", weight, levels)
on conflict ("left", "right") do update
set state = 'open', reason = 'bridge', weight = excluded.weight, levels = excluded.levels
where identity_reviewcase.stratum = '' and (identity_reviewcase.state in ('obsolete', 'covered') or identity_reviewcase.state = 'open'
  and (identity_reviewcase.weight, identity_reviewcase.reason) is distinct from (excluded.weight, 'bridge'))
"""

RETIRE_BRIDGES = """
update identity_reviewcase set state = 'obsolete' where ctid = any(array(
    select c.place from unnest(%(records)s::uuid[]) as asked (id)
    cross join lateral (
        select ctid as place, "left", "right", state, stratum, reason from identity_reviewcase
        where "left" = asked.id offset 0) c
    where c.state = 'open' and c.stratum = '' and c.reason = 'bridge'
      and (c."left", c."right") not in (select * from unnest(%(lefts)s::uuid[], %(rights)s::uuid[]))))
"""

# --- the order of the queue -------------------------------------------------------------------------------------------

# Of all cases between the same two profiles one is asked, the heaviest: if even these two records are different people, so
# are the others. The others are covered: by one that is open, or by the verdict "different people" on one as heavy. Which
# is found anew whenever one of the profiles is clustered. What was drawn, and bridges, are asked for their own sake.
#
# Uncertainty × impact. Uncertainty is 4p(1 − p), the variance of the verdict that the model expects, 1 at p = ½; that of the
# profiles' most uncertain case counts. Impact is how many records the two have. What was drawn stands in one place whatever
# it weighs, shuffled by a digest of its id: the answered ones must be a random part of those drawn, and their order must not
# tell what they were drawn from.
RANK_CASES = """
with whole as materialized (
    select b.id from (
        select distinct p.profile_id from unnest(%(records)s::uuid[]) as a (id)
        cross join lateral (select profile_id from identity_record where id = a.id offset 0) p) p
    cross join lateral (select id from identity_record where profile_id = p.profile_id offset 0) b
    union select * from unnest(%(records)s::uuid[])
), asked as materialized (
    select c.* from whole a
    cross join lateral (
        select ctid as place, id, "left", "right", weight, stratum, reason, priority, state from identity_reviewcase
        where "left" = a.id offset 0) c where c.state in ('open', 'covered', 'different')
    union select c.* from whole a
    cross join lateral (
        select ctid as place, id, "left", "right", weight, stratum, reason, priority, state from identity_reviewcase
        where "right" = a.id offset 0) c where c.state in ('open', 'covered', 'different')
), beside as materialized (
    select c.*, l.profile_id as one, r.profile_id as other, c.stratum <> '' and c.state <> 'different' as drawn,
        case when c.state <> 'different' then 4 * odds / ((1 + odds) * (1 + odds)) end as unsure,
        case when c.state <> 'different' and (c.stratum <> '' or c.reason = 'bridge') or l.profile_id = r.profile_id
            or l.profile_id is null or r.profile_id is null then c.id end as alone
    from asked c
    cross join lateral (select power(2::float8, least(greatest(c.weight, -50), 50)) as odds) likely
    left join lateral (select profile_id from identity_record where id = c."left" offset 0) l on true
    left join lateral (select profile_id from identity_record where id = c."right" offset 0) r on true
), ordered as materialized (
    select c.*, max(unsure) over same_two as most, row_number() over (
        partition by least(one, other), greatest(one, other), alone order by weight desc, state <> 'different', id) as turn
    from beside c window same_two as (partition by least(one, other), greatest(one, other), alone)
), ranked as materialized (
    select c.place, c.state as stood, c.priority as was, case turn when 1 then 'open' else 'covered' end as state,
        case when c.drawn
        then %(drawn)s + %(width)s * ('x' || left(md5(c.id::text), 8))::bit(32)::bigint / 4294967296
        else c.most * counted.records end as priority
    from ordered c
    cross join lateral (
        select count(*) as records from (
            select from (select distinct profile from unnest(array[c.one, c.other]) as own (profile)) p
            cross join lateral (select from identity_record where profile_id = p.profile offset 0) r
            limit %(most)s) found
    ) counted
    where c.state <> 'different'
)
update identity_reviewcase c set priority = ranked.priority, state = ranked.state from ranked
where c.ctid = ranked.place and (ranked.was, ranked.stood) is distinct from (ranked.priority, ranked.state)
"""

# --- drawing ----------------------------------------------------------------------------------------------------------

# Of the pairs drawn those of the stratum: merges are in one profile now, near misses in two, and no steward has spoken. All
# of a draw wait from the same moment, nobody has them yet: neither may tell which of them had a case before.
OPEN_DRAWN = """
insert into identity_reviewcase
    (id, "left", "right", reason, weight, levels, state, decided_by, stratum, inclusion, run, created_at)
select v.id, v."left", v."right", v.reason, v.weight, v.levels, 'open', '', v.stratum, v.inclusion, v.run, now()
from unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::float8[], %b::jsonb[], %b::text[], %b::float8[],
            %b::uuid[])
    as v (id, "left", "right", reason, weight, levels, stratum, inclusion, run)
join identity_record l on l.id = v."left" join identity_record r on r.id = v."right"
where (l.profile_id = r.profile_id) = (v.stratum = 'merge')
  and not exists (select from identity_link x where x."left" = v."left" and x."right" = v."right" and x.kind <> 'probable')
order by v.id
on conflict ("left", "right") do update
set stratum = excluded.stratum, inclusion = excluded.inclusion, run = excluded.run, state = 'open',
    created_at = excluded.created_at, assignee = '', assigned_at = null,
    reason = case identity_reviewcase.state when 'obsolete' then excluded.reason else identity_reviewcase.reason end
where identity_reviewcase.stratum = '' and identity_reviewcase.state in ('open', 'covered', 'obsolete')
"""

# --- handing out ------------------------------------------------------------------------------------------------------

# The first case of the queue that nobody has today, and of which this steward was not unsure before.
HAND_OUT = """
update identity_reviewcase set assignee = %(actor)s, assigned_at = %(now)s
where id = (
    select c.id from identity_reviewcase c
    where c.state = 'open' and (c.assignee = '' or c.assigned_at < %(today)s)
      and not exists (select from identity_verdict v where v.case_id = c.id and v.actor = %(actor)s)
    order by c.priority desc, c.id limit 1 for update skip locked)
returning id
"""
