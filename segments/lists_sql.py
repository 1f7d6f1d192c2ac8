"""The raw SQL of uploaded lists."""

# ruff: noqa: S608 - put together of our own text

ADD_RECORDS = """
with fresh as (
    insert into segments_listentry (list_id, record) select %(list)s, unnest(%(records)s::uuid[])
    on conflict (list_id, record) do nothing returning 1)
select count(*) from fresh
"""
ADD_DIGESTS = """
with fresh as (
    insert into segments_listentry (list_id, digest) select %(list)s, unnest(%(digests)s::bytea[])
    on conflict (list_id, digest) do nothing returning 1)
select count(*) from fresh
"""

# The first record of each live profile that these ids mean, merged ones too.
FIRST_RECORDS = """
select distinct on (r.profile_id) r.id from identity_profile p
join identity_record r on r.profile_id = coalesce(p.redirect_id, p.id)
where p.id = any(%s::uuid[]) order by r.profile_id, r.first_seen, r.id
"""

SIZES = "select list_id, count(*) from segments_listentry where list_id = any(%s::uuid[]) group by 1"

# What names these records, or contact points that only they hold.
_OF = """
segments_listentry e where e.record = any(%(records)s::uuid[]) or e.digest in (
    select c.digest from profiles_contactpoint c where c.record_id = any(%(records)s::uuid[])
        and not exists (
            select from profiles_contactpoint o where o.digest = c.digest and o.record_id <> all(%(records)s::uuid[])))
"""
FORGET = f"with gone as (delete from {_OF} returning 1) select count(*) from gone"

LISTS_OF = """
select distinct l.key, l.purpose_id, l.came_from, l.expires_at
from segments_uploadedlist l join segments_listentry e on e.list_id = l.id
where e.record = any(%(records)s::uuid[])
    or e.digest in (select digest from profiles_contactpoint where record_id = any(%(records)s::uuid[]))
order by 1
"""
