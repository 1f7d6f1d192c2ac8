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
