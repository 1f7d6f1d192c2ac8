"""All raw SQL of consent: writing the ledger, what it adds up to, the gate."""

INSERT_LINES = """
insert into consent_consentrecord (
    id, key, subject, contact, purpose_id, channel_id, brand, recipient, country, basis,
    notice_version, notice_language, state, given_at, method, source_id, proof, expires_at, recorded_by)
select id, line.key, subject, contact, purpose, channel, brand, recipient, country, coalesce(line.basis, p.basis),
    notice_version, notice_language, state, given_at, method, source, proof, expires_at, recorded_by
from unnest(
    %s::uuid[], %s::uuid[], %s::uuid[], %s::bytea[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::uuid[], %s::bytea[],
    %s::timestamptz[], %s::text[]
) as line (
    id, key, subject, contact, purpose, channel, brand, recipient, country, basis,
    notice_version, notice_language, state, given_at, method, source, proof, expires_at, recorded_by)
join consent_purpose p on p.key = line.purpose
order by line.key
on conflict (key) do nothing
returning subject, contact
"""

PROFILES_NAMED = """
select r.profile_id from keys.core_datakey k join identity_record r on r.id = k.record
where k.id = any(%(subjects)s) and r.profile_id is not null
union
select r.profile_id from profiles_contactpoint c join identity_record r on r.id = c.record_id
where c.digest = any(%(contacts)s) and r.profile_id is not null
"""

# --- what the ledger adds up to ---------------------------------------------------------------------------------------

# One definition for the gate and for the effective table. A profile's lines, each under every contact channel it speaks
# of: those given to its records, and the opt-outs that name a contact point one of its records held then or got later.
# `moment`: nobody consents later than we hear of it, so a clock in the future wins nothing over what is said after.
_LINES = """
lines as (
    select r.profile_id as profile, r.id as record, l.purpose_id as purpose, c.key as channel, l.brand, l.state, l.key,
        l.given_at, least(l.given_at, l.received_at) as moment, l.expires_at
    from identity_record r
    join keys.core_datakey k on k.record = r.id
    join consent_consentrecord l on l.subject = k.id
    join consent_contactchannel c on c.key = l.channel_id or l.channel_id is null
    where r.profile_id = any(%(profiles)s) {only}
    union all
    select r.profile_id, r.id, l.purpose_id, c.key, l.brand, l.state, l.key,
        l.given_at, least(l.given_at, l.received_at), l.expires_at
    from identity_record r
    join profiles_contactpoint held on held.record_id = r.id
    join consent_consentrecord l on l.contact = held.digest and l.state <> 'granted'
        and (held.valid_to is null or held.valid_to > least(l.given_at, l.received_at))
    join consent_contactchannel c on c.point = held.kind and (c.key = l.channel_id or l.channel_id is null)
    where r.profile_id = any(%(profiles)s) {only}
)"""

# Within a record the latest word on a brand (or on all brands) counts; of two at one moment a no (as words: withdrawn >
# refused > granted), then what ends sooner, so that neither arrival nor key decides.
# A grant ends at its expiry and, where an unanswered re-confirmation ends it, with its last day in Seoul.
_LAST_WORDS = """
last_words as (
    select distinct on (l.record, l.purpose, l.channel, brand.named)
        l.profile, l.purpose, l.channel, brand.named as brand, l.state, l.moment,
        least(l.expires_at, case when %(lapses)s then (((l.moment at time zone 'Asia/Seoul')::date
            + make_interval(years => p.reconfirm_years))::date + 1)::timestamp at time zone 'Asia/Seoul' end
        ) as expires_at
    from lines l
    join (select distinct profile, purpose, channel, brand as named from lines) brand
        on (brand.profile, brand.purpose, brand.channel) = (l.profile, l.purpose, l.channel)
        and l.brand in ('', brand.named)
    join consent_purpose p on p.key = l.purpose
    order by l.record, l.purpose, l.channel, brand.named,
        l.moment desc, l.given_at desc, l.state desc, l.expires_at, l.key desc
)"""

# Across the records of a profile whoever said no wins; of grants the one that lasts longest.
_STATES = """
states as (
    select profile, purpose, channel, brand,
        case when bool_or(state = 'withdrawn') then 'withdrawn' when bool_or(state = 'refused') then 'refused'
            else 'granted' end as state,
        coalesce(max(moment) filter (where state <> 'granted'), max(moment)) as since,
        case when bool_and(state = 'granted' and expires_at is not null) then max(expires_at) end as expires_at
    from last_words group by profile, purpose, channel, brand
)"""


def _effective(only: str) -> str:
    return ",".join((_LINES.format(only=only), _LAST_WORDS, _STATES))


# --- the gate -------------------------------------------------------------------------------------------------------

_STATES_OF_LEDGER = _effective("and l.purpose_id = any(%(purposes)s) and c.key = %(channel)s")

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
    select f.id as profile, p.key as purpose,
        coalesce(
            case when %(brand)s = '' then nullif(max(s.fault) filter (where s.brand = '' or s.state <> 'granted'), '')
                else (array_agg(s.fault order by s.brand desc) filter (where s.brand in ('', %(brand)s)))[1] end,
            case when p.basis = 'consent' and not coalesce(bool_or(s.brand = ''), false) then 'no_consent' else '' end
        ) as why
    from identity_profile f
    cross join consent_purpose p
    left join (
        select s.profile, s.purpose, s.brand, s.state,
            case when s.state <> 'granted' then s.state
                when q.basis = 'consent' and s.expires_at <= %(at)s then 'expired' else '' end as fault
        from states s join consent_purpose q on q.key = s.purpose
    ) s on s.profile = f.id and s.purpose = p.key
    where f.state = 'live' and p.key = any(%(purposes)s) {only}
    group by f.id, p.key, p.basis
)"""

_ALLOWED = """
select profile as profile_id from verdicts group by profile
having bool_and(why = '') and count(*) = cardinality(%(purposes)s::text[])"""

_ASKED = "and f.id = any(%(profiles)s)"
ALLOWED = f"with {_STATES_OF_LEDGER}, {_VERDICTS.format(only=_ASKED)} {_ALLOWED}"
VERDICTS = f"with {_STATES_OF_LEDGER}, {_VERDICTS.format(only=_ASKED)} select purpose, why from verdicts"  # noqa: S608 - our own text
ALLOWED_BY_TABLE = f"with {_STATES_OF_TABLE}, {_VERDICTS.format(only='')} {_ALLOWED}"

USABLE_POINT = """
select exists (
    select from profiles_contactpoint held join identity_record r on r.id = held.record_id
    where r.profile_id = %(profile)s and held.kind = %(point)s and held.usable
        and held.valid_from <= %(at)s and (held.valid_to is null or held.valid_to > %(at)s))
"""

# --- the effective table ----------------------------------------------------------------------------------------------

# Whoever was merged meanwhile is refreshed with the profile that took its records. Locked in order: two at once queue.
LOCK_PROFILES = """
select id from identity_profile
where id = any(%(profiles)s)
    or id in (select redirect_id from identity_profile where id = any(%(profiles)s) and redirect_id is not null)
order by id for no key update
"""

REFRESH_EFFECTIVE = f"""
with {_effective("")},
gone as (
    delete from consent_effective e where e.profile_id = any(%(profiles)s) and not exists (
        select from states s
        where (s.profile, s.purpose, s.channel, s.brand) = (e.profile_id, e.purpose, e.channel, e.brand))
), written as (
    insert into consent_effective as e (profile_id, purpose, channel, brand, state, since, expires_at)
    select profile, purpose, channel, brand, state, since, expires_at from states
    on conflict (profile_id, purpose, channel, brand) do update
        set state = excluded.state, since = excluded.since, expires_at = excluded.expires_at
        where (e.state, e.since, e.expires_at) is distinct from (excluded.state, excluded.since, excluded.expires_at)
), before as (
    select profile_id as profile, purpose, channel, brand, state, expires_at from consent_effective
    where profile_id = any(%(profiles)s)
)
select profile, purpose, channel, brand, before.state, states.state
from before full join states using (profile, purpose, channel, brand)
where (before.state, before.expires_at) is distinct from (states.state, states.expires_at)
order by profile, purpose, channel, brand
"""  # noqa: S608 - our own text

# --- what the console reads ------------------------------------------------------------------------------------------

COVERAGE = """
select e.purpose, e.channel,
    case when e.state = 'granted' and e.expires_at <= %(at)s then 'expired' else e.state end as state,
    count(distinct e.profile_id)
from consent_effective e join identity_profile f on f.id = e.profile_id and f.state = 'live'
group by 1, 2, 3 order by 1, 2, 3
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

DUE_FOR_RECONFIRMATION = """
select profile_id, purpose, channel, brand, since, due_on from (
    select e.*, ((e.since at time zone 'Asia/Seoul')::date + make_interval(years => p.reconfirm_years))::date as due_on
    from consent_effective e
    join consent_purpose p on p.key = e.purpose and p.reconfirm_years is not null
    join identity_profile f on f.id = e.profile_id and f.state = 'live'
    where e.state = 'granted' and (e.expires_at is null or e.expires_at > %(at)s)
) due
where due_on <= (%(at)s at time zone 'Asia/Seoul')::date + %(within)s
order by due_on, profile_id, purpose, channel, brand
"""

SUPPRESS = """
insert into consent_suppression (digest, kind, reason)
select distinct digest, %s, %s from unnest(%s::bytea[]) digest order by digest on conflict (digest) do nothing
returning digest
"""
