"""Raw SQL of the word of the result that people are owed."""

TODAY = "(%(at)s at time zone coalesce(g.zone, 'Asia/Seoul'))::date"
OWED = """
from consent_resultnotice n
join consent_consentrecord l on l.id = n.line_id
join consent_purpose p on p.key = l.purpose_id
left join consent_regime g on g.key = p.regime_id
"""
OWED_RESULTS = f"""
select n.id, l.id, l.subject, r.profile_id, l.purpose_id, l.channel_id, l.state, l.given_at, n.due_on, n.due_on < {TODAY}
{OWED}
left join keys.core_datakey k on k.id = l.subject
left join identity_record r on r.id = k.record
where n.sent_at is null and n.due_on <= {TODAY} + %(within)s
order by n.due_on, n.id limit %(limit)s
"""

FLAG_LATE = f"""
update consent_resultnotice late set flagged_at = %(at)s
from (select n.id, l.id as line, l.subject, l.purpose_id {OWED}
    where n.sent_at is null and n.flagged_at is null and n.due_on < {TODAY}
    order by n.id limit 10000 for update of n skip locked) found
where late.id = found.id
returning found.line, found.subject, found.purpose_id
"""  # noqa: S608 - our own text
