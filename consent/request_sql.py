"""The raw SQL of privacy requests and erasures."""

BLOCKED = "select kind, digest from identity_blockedvalue where digest = any(%s)"

# What a statute orders to be kept of each event that belongs to a transaction: what identifies that, and no more.
KEEP_TRANSACTIONS = """
insert into consent_kepttransaction (
    id, erasure_id, statute, brand, order_id, name, occurred_at, currency, revenue, keep_until)
select gen_random_uuid(), %(erasure)s, %(statute)s, coalesce(brand, ''), order_id, name, occurred_at,
    coalesce(currency, ''), revenue, ends::date
from (
    select *, (occurred_at at time zone 'Asia/Seoul') + make_interval(years => %(years)s) as ends
    from events_event where record = any(%(records)s) and order_id is not null and order_id <> ''
) held
where ends > (%(at)s at time zone 'Asia/Seoul')
"""

# After a restore the list may lack what the journal kept; of which kind it was, a digest does not tell.
SUPPRESS_AGAIN = """
insert into consent_suppression (digest, kind, reason)
select distinct digest, 'journal', 'erased' from unnest(%(digests)s::bytea[]) digest on conflict (digest) do nothing
"""

# Ledger and audit rows are never changed: once the data key is gone, the subject they name leads to nobody.
SEVERED = """
select 'consent_consentrecord', count(*) from consent_consentrecord where subject = any(%(subjects)s)
union all select 'core_auditentry', count(*) from core_auditentry where subject = any(%(subjects)s)
union all select 'consent_privacyrequest', count(*) from consent_privacyrequest where subject = any(%(subjects)s)
"""

# An interrupted run of two workers at once: whoever holds the row works, the other does something else.
OPEN_ERASURES = """
select id from consent_erasure
where state in ('waiting', 'running', 'failed') and (retry_at is null or retry_at <= %s) order by created_at limit %s
"""

RECORDS_OF_SUBJECTS = "select record from keys.core_datakey where id = any(%s)"
ALL_RECORDS = "select id from identity_record union select distinct record from events_event"
