"""All raw SQL of consent: writing the ledger, what it adds up to, the gate."""

_WRITE_LINES = """
insert into consent_consentrecord (
    id, key, subject, contact, purpose_id, channel_id, brand, recipient, country, basis,
    notice_version, notice_language, state, given_at, method, guardian, source_id, proof, expires_at, recorded_by)
select id, line.key, subject, contact, purpose, channel, brand, recipient, country, coalesce(line.basis, p.basis),
    notice_version, notice_language, state, given_at, method, guardian, source, proof, expires_at, recorded_by
from unnest(
    %s::uuid[], %s::uuid[], %s::uuid[], %s::bytea[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::uuid[], %s::bytea[],
    %s::timestamptz[], %s::text[]
) as line (
    id, key, subject, contact, purpose, channel, brand, recipient, country, basis,
    notice_version, notice_language, state, given_at, method, guardian, source, proof, expires_at, recorded_by)
join consent_purpose p on p.key = line.purpose
order by line.key
on conflict (key) do nothing
returning id, subject, contact, purpose_id, method, given_at, received_at
"""

# Whoever gives, refuses or withdraws is owed word of it. What comes later than the word was due was another's to tell, and
# a bounce is nobody's will.
INSERT_LINES = f"""
with written as ({_WRITE_LINES}), owed as (
    insert into consent_resultnotice (line_id, due_on, contact_channel)
    select w.id, said.on + g.result_days, ''
    from written w
    join consent_purpose p on p.key = w.purpose_id
    join consent_regime g on g.key = p.regime_id and g.result_days is not null
    cross join lateral (select (least(w.given_at, w.received_at) at time zone g.zone)::date as on) said
    where w.method <> 'bounce' and said.on + g.result_days >= (w.received_at at time zone g.zone)::date
)
select subject, contact from written
"""  # noqa: S608 - our own text

PROFILES_NAMED = """
select r.profile_id from keys.core_datakey k join identity_record r on r.id = k.record
where k.id = any(%(subjects)s) and r.profile_id is not null
union
select r.profile_id from profiles_contactpoint c join identity_record r on r.id = c.record_id
where c.digest = any(%(contacts)s) and r.profile_id is not null
"""

# --- what the ledger adds up to ---------------------------------------------------------------------------------------

# One definition for the gate and for the effective table. Everything flows one way, from the profiles asked for through
# index look-ups ("offset 0" keeps them apart) and sorts of what was found: no plan can be worse than linear, whatever
# the planner knows of the tables.
_RECORDS = """
records as materialized (
    select r.profile_id as profile, r.id as record,
        (select id from keys.core_datakey where record = r.id) as subject,
        (select born from profiles_minor where profile_id = r.profile_id) as born
    from identity_record r where r.profile_id = any(%(profiles)s::uuid[])
)"""

# A profile's lines, each under every contact channel it speaks of: those given to its records, and the opt-outs that
# name a contact point which one of its records held then or got later. `moment`: nobody consents later than we hear of
# it, so a clock in the future wins nothing over what is said after.
_LINE = """purpose_id as purpose, channel_id, brand::text, state, key, given_at,
            least(given_at, received_at) as moment, expires_at, method, guardian, recipient, country"""
# A child's own grant grants nothing, then or later: only a guardian's does, below the age of the purpose's regime.
_OF_AGE = """(l.state <> 'granted' or r.born is null or l.guardian <> '' or coalesce((
        select l.moment >= (r.born + make_interval(years => g.guardian_under, months => 1)) at time zone g.zone
        from consent_purpose p join consent_regime g on g.key = p.regime_id where p.key = l.purpose), true))"""
_LINES = f"""
lines as (
    select r.profile, r.record, c.key as channel, l.*
    from records r
    cross join lateral (
        select {_LINE} from consent_consentrecord where subject = r.subject {{apart}}) l
    join consent_contactchannel c on (c.key = l.channel_id or l.channel_id is null) {{only}}
    where {_OF_AGE}
    union all
    select r.profile, r.record, c.key, l.*
    from records r
    cross join lateral (
        select kind, digest, valid_to from profiles_contactpoint where record_id = r.record {{apart}}) held
    cross join lateral (
        select {_LINE} from consent_consentrecord
        where contact = held.digest and state <> 'granted' {{apart}}) l
    join consent_contactchannel c on c.point = held.kind and (c.key = l.channel_id or l.channel_id is null) {{only}}
    where held.valid_to is null or held.valid_to > l.moment
)"""  # noqa: S608 - our own text

# A browser's opt-out signal stands against every grant of its record until somebody settles the conflict in favour of one.
# Within a record the latest word on a brand (or on all brands) counts; of two at one moment a no (as words: withdrawn >
# refused > granted), then what ends sooner, so that neither arrival nor key decides. What is said of all brands is said
# of each brand that the profile's lines name. Most people said one thing: it is their state, and nothing is sorted.
_LATEST = "moment desc, given_at desc, state desc, expires_at, key desc"
_LAST_WORDS = f"""
counted as materialized (select *, count(*) over (partition by profile, purpose) as spoken from lines),
last_of_brand as (
    select distinct on (record, purpose, channel, brand) * from (
        select *, bool_or(method = 'gpc') over signals and not bool_or(method = 'settled' and state = 'granted') over signals
            as objects
        from counted where spoken > 1 window signals as (partition by record, purpose)
    ) heard
    where state <> 'granted' or not objects
    order by record, purpose, channel, brand, {_LATEST}
), last_words as (
    select distinct on (record, purpose, channel, named)
        profile, purpose, channel, named as brand, state, moment, expires_at
    from (
        select *, array_agg(nullif(brand, '')) over (partition by profile, purpose, channel) as brands
        from last_of_brand
    ) said
    cross join unnest(
        case when brand = '' then array_append(array_remove(brands, null), '') else array[brand] end) named
    order by record, purpose, channel, named, {_LATEST}
), only_words as (
    select profile, purpose, channel, brand, state, moment, expires_at from counted
    where spoken = 1 and (state <> 'granted' or method <> 'gpc')
)"""  # noqa: S608 - our own text

# Across the records of a profile whoever said no wins; of grants the one that lasts longest. A grant ends at its expiry,
# after the months of its regime and, where an unanswered re-confirmation ends it, with its last day.
_CLOCKS = """
clocks as (
    select p.key as purpose, coalesce(g.zone, 'Asia/Seoul') as zone, g.expires_months,
        coalesce(p.reconfirm_years, g.reconfirm_years) as years, coalesce(g.unconfirmed_lapses, false) as lapses
    from consent_purpose p left join consent_regime g on g.key = p.regime_id
)"""
_ENDS = """least(w.expires_at,
            case when c.expires_months is not null
                then (w.moment at time zone c.zone + make_interval(months => c.expires_months)) at time zone c.zone end,
            case when (%(lapses)s or c.lapses) and c.years is not null then (((w.moment at time zone c.zone)::date
                + make_interval(years => c.years))::date + 1)::timestamp at time zone c.zone end)"""
_STATES = f"""{_CLOCKS}, states as (
    select profile, purpose, channel, brand,
        case when bool_or(state = 'withdrawn') then 'withdrawn' when bool_or(state = 'refused') then 'refused'
            else 'granted' end as state,
        coalesce(max(moment) filter (where state <> 'granted'), max(moment)) as since,
        case when bool_and(state = 'granted' and ends_at is not null) then max(ends_at) end as expires_at
    from (select w.*, {_ENDS} as ends_at from last_words w join clocks c on c.purpose = w.purpose) word
    group by profile, purpose, channel, brand
    union all
    select w.profile, w.purpose, w.channel, w.brand, w.state, w.moment, case when w.state = 'granted' then {_ENDS} end
    from only_words w join clocks c on c.purpose = w.purpose
)"""  # noqa: S608 - our own text


# What names a recipient speaks of giving to them, and of nothing else.
_OURS = "and l.recipient = ''"


def _effective(only: str = _OURS, records: str = _RECORDS, apart: str = "offset 0") -> str:
    return ",".join((records, _LINES.format(only=only, apart=apart), _LAST_WORDS, _STATES))


# --- the gate -------------------------------------------------------------------------------------------------------

_ASKED_FOR = "and l.purpose = any(%(purposes)s) and c.key = %(channel)s"
_STATES_OF_LEDGER = _effective(f"{_ASKED_FOR} {_OURS}")
# To give data to somebody else: of the purpose itself, grants that name them and their country, and every no that names
# them or nobody. What it needs besides is asked as for ourselves.
_STATES_OF_GIVING = _effective(f"""{_ASKED_FOR} and (
        l.recipient = '' and (l.purpose <> %(purpose)s or l.state <> 'granted')
        or l.purpose = %(purpose)s and l.recipient = %(recipient)s
            and (l.state <> 'granted' or coalesce(nullif(l.country, ''), %(home)s) = %(country)s))""")

_STATES_OF_TABLE = """
states as (
    select profile_id as profile, purpose, channel, brand, state, since, expires_at from consent_effective
    where purpose = any(%(purposes)s) and channel = %(channel)s
)"""

# Per live profile and purpose, why not ('' when nothing speaks against it). For one brand its own state counts, else
# that of all brands; for all brands ('') the state of all brands, and no brand may have said no. A purpose that does
# not rest on consent only minds objections. (As words: expired < refused < withdrawn.)
_VERDICTS = """
verdicts as (
    select profile, purpose,
        coalesce(
            case when %(brand)s = '' then nullif(max(fault) filter (where brand = '' or state <> 'granted'), '')
                else coalesce(max(fault) filter (where brand = %(brand)s), max(fault) filter (where brand = '')) end,
            case when basis = 'consent' and not coalesce(bool_or(brand = ''), false) then 'no_consent' else '' end
        ) as why
    from (
        select asked.id as profile, p.key as purpose, p.basis, true as live, null as brand, null as state, null as fault
        from consent_purpose p cross join {asked} where p.key = any(%(purposes)s) {silent}
        union all
        select s.profile, s.purpose, p.basis, {known}, s.brand, s.state,
            case when s.state <> 'granted' then s.state
                when p.basis = 'consent' and s.expires_at <= %(at)s then 'expired' else '' end
        from states s join consent_purpose p on p.key = s.purpose
    ) said
    group by profile, purpose, basis having bool_or(live)
)"""


def _verdicts(asked: str, silent: str = "", known: str = "false") -> str:
    return _VERDICTS.format(asked=asked, silent=silent, known=known)


_ALLOWED = """
select profile as profile_id from verdicts group by profile
having bool_and(why = '') and count(*) = cardinality(%(purposes)s::text[])"""

_LIVE = "(select id from identity_profile where state = 'live') asked"
_ASKED = "(select id from identity_profile where state = 'live' and id = any(%(profiles)s)) asked"
ALLOWED = f"with {_STATES_OF_LEDGER}, {_verdicts(_ASKED)} {_ALLOWED}"

# The same of as many as a chunk of an export, by a query of the caller's: joins as the planner likes, for every one but that
# of the last words is with a table. Who lives is known from the start; silence has a verdict only where it allows.
_RECORDS_AMONG = """
records as materialized (
    select r.profile_id as profile, r.id as record, k.id as subject, m.born
    from ({asked}) asked (id)
    join identity_profile f on f.id = asked.id and f.state = 'live'
    join identity_record r on r.profile_id = f.id
    left join keys.core_datakey k on k.record = r.id
    left join profiles_minor m on m.profile_id = f.id
)"""
_ASKED_AMONG = (
    "(select f.id from ({asked}) among (id) join identity_profile f on f.id = among.id and f.state = 'live') asked"
)
_STATES_AMONG = _effective(f"{_ASKED_FOR} {_OURS}", _RECORDS_AMONG, apart="")
_VERDICTS_AMONG = _verdicts(_ASKED_AMONG, "and p.basis <> 'consent'", known="true")
ALLOWED_AMONG = f"with {_STATES_AMONG}, {_VERDICTS_AMONG} {_ALLOWED}"
GIVEN = f"with {_STATES_OF_GIVING}, {_verdicts(_ASKED)} {_ALLOWED}"
VERDICTS = f"with {_STATES_OF_LEDGER}, {_verdicts(_ASKED)} select purpose, why from verdicts"  # noqa: S608 - our own text
ALLOWED_BY_TABLE = f"with {_STATES_OF_TABLE}, {_verdicts(_LIVE)} {_ALLOWED}"

# The gate at collection, by record: what its person said of the purpose as a whole, by whichever record. A record that
# nobody knows yet has said nothing.
COLLECTABLE = f"""
with records as materialized (
    select asked.id as profile, mine.id as record, k.id as subject, greatest(m.born, asked.born) as born
    from unnest(%(records)s::uuid[], %(born)s::date[]) asked(id, born)
    left join lateral (select profile_id from identity_record where id = asked.id offset 0) own on true
    cross join lateral (
        select asked.id union select id from identity_record where profile_id = own.profile_id offset 0) mine
    left join lateral (select id from keys.core_datakey where record = mine.id offset 0) k on true
    left join lateral (select born from profiles_minor where profile_id = own.profile_id offset 0) m on true
), lines as (
    select r.profile, r.record, '' as channel, l.*
    from records r
    cross join lateral (select {_LINE} from consent_consentrecord
        where subject = r.subject and purpose_id = any(%(purposes)s) and channel_id is null and recipient = ''
        offset 0) l
    where {_OF_AGE}
), {_LAST_WORDS}, {_STATES}, {_verdicts("unnest(%(records)s::uuid[]) asked(id)")} {_ALLOWED}
"""  # noqa: S608 - our own text

USABLE_POINT = """
select exists (
    select from profiles_contactpoint held join identity_record r on r.id = held.record_id
    where r.profile_id = %(profile)s and held.kind = %(point)s and held.usable
        and held.valid_from <= %(at)s and (held.valid_to is null or held.valid_to > %(at)s))
"""

CHILD = """
select from profiles_minor m join consent_purpose p on p.key = %(purpose)s
join consent_regime g on g.key = p.regime_id
where m.profile_id = %(profile)s
    and (m.born + make_interval(years => g.guardian_under, months => 1)) at time zone g.zone > %(at)s
"""

# --- the effective table ----------------------------------------------------------------------------------------------

# Whoever was merged meanwhile is refreshed with the profile that took its records. Locked in order: two at once queue. By
# one list of ids, for two joined by an "or" would read the whole table.
LOCK_PROFILES = """
select id from identity_profile
where id = any(array(
    select unnest(%(profiles)s::uuid[])
    union select redirect_id from identity_profile where id = any(%(profiles)s) and redirect_id is not null))
order by id for no key update
"""

# Both sides meet in one full join, and rows go by their place (ctid): no join is left for a planner with stale
# statistics to run once for every pair.
REFRESH_EFFECTIVE = f"""
with {_effective()},
before as (
    select ctid as place, profile_id as profile, purpose, channel, brand, state, since, expires_at
    from consent_effective where profile_id = any(%(profiles)s)
), changed as materialized (
    select profile, purpose, channel, brand, before.place, before.state as was, before.expires_at as ended,
        states.state, states.since, states.expires_at
    from before full join states using (profile, purpose, channel, brand)
    where (before.state, before.since, before.expires_at)
        is distinct from (states.state, states.since, states.expires_at)
), gone as (
    delete from consent_effective where ctid = any(array(select place from changed where state is null))
), written as (
    insert into consent_effective (profile_id, purpose, channel, brand, state, since, expires_at)
    select profile, purpose, channel, brand, state, since, expires_at from changed where state is not null
    on conflict (profile_id, purpose, channel, brand) do update
        set state = excluded.state, since = excluded.since, expires_at = excluded.expires_at
)
select profile, purpose, channel, brand, was, state from changed
where (was, ended) is distinct from (state, expires_at) order by profile, purpose, channel, brand
"""  # noqa: S608 - our own text

# --- what the console reads ------------------------------------------------------------------------------------------

COVERAGE = """
select e.purpose, e.channel,
    case when e.state = 'granted' and e.expires_at <= %(at)s then 'expired' else e.state end as state,
    count(distinct e.profile_id)
from consent_effective e join identity_profile f on f.id = e.profile_id and f.state = 'live'
group by 1, 2, 3 order by 1, 2, 3
"""

# Per purpose and contact channel, how many the gate allows for all brands at once: what `ALLOWED_BY_TABLE` finds, for all
# at once. A purpose needs itself, where it exists the use of data for it, and what the channel needs besides; without a
# purpose that rests on consent everybody is allowed who did not object.
ALLOWED_COUNTS = """
with needed as (
    select p.key as purpose, c.key as channel, n.key as needed, n.basis = 'consent' as asks
    from consent_purpose p cross join consent_contactchannel c
    join consent_purpose n on n.key in (p.key, p.key || '_use', c.also_id)
), verdicts as (
    select e.profile_id as profile, e.purpose, e.channel,
        (p.basis <> 'consent' or bool_or(e.brand = '')) and not bool_or(e.state <> 'granted'
            or e.brand = '' and p.basis = 'consent' and coalesce(e.expires_at <= %(at)s, false)) as allowed
    from consent_effective e
    join identity_profile f on f.id = e.profile_id and f.state = 'live'
    join consent_purpose p on p.key = e.purpose
    group by e.profile_id, e.purpose, e.channel, p.basis
), told as (
    select n.purpose, v.channel, v.profile, bool_and(v.allowed) as allowed, count(*) filter (where n.asks) as granted
    from needed n join verdicts v on v.purpose = n.needed and v.channel = n.channel
    group by n.purpose, v.channel, v.profile
), counted as (
    select purpose, channel, granted, count(*) filter (where allowed) as allowed, count(*) filter (where not allowed) as objected
    from told group by purpose, channel, granted
)
select asked.purpose, asked.channel, case when asked.consents = 0
    then (select count(*) from identity_profile where state = 'live') - coalesce(sum(told.objected), 0)
    else coalesce(sum(told.allowed) filter (where told.granted = asked.consents), 0) end::bigint
from (select purpose, channel, count(*) filter (where asks) as consents from needed group by purpose, channel) asked
left join counted told on told.purpose = asked.purpose and told.channel = asked.channel
group by asked.purpose, asked.channel, asked.consents order by asked.purpose, asked.channel
"""

HISTORY = """
select l.id, said.record, said.by_contact, l.purpose_id, l.channel_id, l.brand, l.state, l.given_at, l.received_at,
    l.expires_at, l.method, s.name, l.basis, l.notice_version, l.notice_language, l.recorded_by
from (
    select r.id as record, l.id, false as by_contact
    from identity_record r join keys.core_datakey k on k.record = r.id join consent_consentrecord l on l.subject = k.id
    where r.profile_id = %(profile)s
    union
    select r.id, l.id, true
    from identity_record r join profiles_contactpoint held on held.record_id = r.id
    join keys.core_datakey k on k.record = r.id
    join consent_consentrecord l on l.contact = held.digest and l.subject is distinct from k.id
    where r.profile_id = %(profile)s
) said
join consent_consentrecord l on l.id = said.id
left join events_source s on s.id = l.source_id
order by l.given_at desc, l.received_at desc, l.key desc, said.record
"""

DUE_FOR_RECONFIRMATION = f"""
with {_CLOCKS}
select profile_id, purpose, channel, brand, since, due_on from (
    select e.*, c.zone, ((e.since at time zone c.zone)::date + make_interval(years => c.years))::date as due_on
    from consent_effective e
    join clocks c on c.purpose = e.purpose and c.years is not null
    join identity_profile f on f.id = e.profile_id and f.state = 'live'
    where e.state = 'granted' and (e.expires_at is null or e.expires_at > %(at)s)
) due
where due_on <= (%(at)s at time zone zone)::date + %(within)s
order by due_on, profile_id, purpose, channel, brand
"""  # noqa: S608 - our own text

# --- suppression --------------------------------------------------------------------------------------------------

# Index look-ups one way only, as above: thousands of names a batch.
SUPPRESSED = """
select listed.digest from unnest(%b::bytea[]) asked(digest)
cross join lateral (select digest from consent_suppression where digest = asked.digest offset 0) listed
"""

# Whoever is suppressed again is not lifted on an older word; `new` tells those that were not listed.
SUPPRESS = """
with written as (
    insert into consent_suppression (digest, kind, reason)
    select digest, kind, %(reason)s from unnest(%(digests)s::bytea[], %(kinds)s::text[]) as v (digest, kind)
    order by digest on conflict (digest) do update set lift_asked_by = '', lift_asked_at = null
        where consent_suppression.lift_asked_by <> ''
    returning digest, xmax = 0 as new
)
select digest from written where new
"""

# --- who was not met for long -------------------------------------------------------------------------------------------

DORMANT = """
select f.id from identity_profile f
cross join (select max(g.dormant_months) as months
    from consent_regime g where exists (select from consent_purpose p where p.regime_id = g.key)) policy
cross join lateral (select max(last_seen) as seen from identity_record r where r.profile_id = f.id) met
where f.state = 'live' and met.seen < %(at)s - make_interval(months => policy.months)
order by f.id limit %(limit)s
"""

# --- conflicts of signals ---------------------------------------------------------------------------------------------

CONFLICTS = """
select o.id, o.subject, r.profile_id, o.purpose_id, o.channel_id, o.brand, g.given_at, o.given_at
from consent_consentrecord g
join consent_consentrecord o on o.subject = g.subject and o.purpose_id = g.purpose_id and o.state = 'granted'
    and o.method <> 'settled' and o.given_at > g.given_at
join keys.core_datakey k on k.id = o.subject
left join identity_record r on r.id = k.record
where g.method = 'gpc' and (%(line)s::uuid is null or o.id = %(line)s) and not exists (
    select from consent_consentrecord s
    where s.subject = g.subject and s.purpose_id = g.purpose_id and s.method = 'settled' and s.given_at >= o.given_at)
order by o.given_at, o.id limit %(limit)s
"""
