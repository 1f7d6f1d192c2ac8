"""The schema `bi`: pseudonymous views for analysts. Nothing sealed, nobody erased, only what is of the data class general.

A later migration that changes a column which a view reads drops the view first and makes it again.
"""

from django.conf import settings
from django.db import migrations

TRAIT_EVENTS = "'', 'Identify', 'Record Imported'"
# What the tracking plan seals or gives another class, by the field that it is or lies in; a name covers what is inside it.
PLANNED = """
select array_agg(part) from events_plannedfield f
cross join lateral (values (f.path), (split_part(split_part(f.path, '.', 1), '[', 1))) v (part)
where f.event in ({events}) and (f.data_class <> 'general' or f.treatment = 'sealed')"""
COMPUTED = """
select array_agg('computed.' || c.key || part) from segments_computedtrait c
cross join unnest(array['', '.recency', '.frequency', '.monetary', '.code']) part
where c.data_class <> 'general'"""
LIVE = "join identity_profile p on p.id = {profile} and p.state = 'live'"
# A segment of a purpose that may read other classes would tell them by who is in it.
GENERAL = "join consent_purpose u on u.key = s.purpose_id and u.data_classes <@ array['general']::varchar[]"

VIEWS = f"""
create schema bi;

create view bi.profiles with (security_barrier) as
select p.id as profile_id, p.created_at, t.traits ->> 'country' as country, t.traits ->> 'region' as region,
    t.traits ->> 'age_band' as age_band, t.traits ->> 'gender' as gender, t.traits -> 'orders_count' as orders_count,
    t.traits ->> 'first_seen' as first_seen, t.traits ->> 'last_seen' as last_seen, t.traits
from identity_profile p
left join profiles_golden g on g.profile_id = p.id
cross join lateral (select coalesce(g.traits, '{{}}') - coalesce(({PLANNED.format(events=TRAIT_EVENTS)}), '{{}}')
    - coalesce(({COMPUTED}), '{{}}') as traits offset 0) t
where p.state = 'live';

create view bi.events with (security_barrier) as
select e.id as event_id, p.id as profile_id, o.name as source, o.channel_id as channel, e.type, e.name, e.occurred_at,
    e.received_at, e.brand, e.place, e.campaign, e.order_id, e.currency, e.revenue as revenue_minor,
    e.properties - coalesce(({PLANNED.format(events="'', e.name")}), '{{}}') as properties
from events_event e
join identity_record r on r.id = e.record
{LIVE.format(profile="r.profile_id")}
join events_source o on o.id = e.source_id and not o.built_in;

create view bi.consents with (security_barrier) as
select c.profile_id, c.purpose, c.channel, c.brand,
    case when c.state = 'granted' and c.expires_at <= now() then 'expired' else c.state end as state, c.since, c.expires_at
from consent_effective c {LIVE.format(profile="c.profile_id")};

create view bi.segments with (security_barrier) as
select s.key as segment, s.name, s.purpose_id as purpose, s.brand, s.state, s.version, s.created_at
from segments_segment s {GENERAL};

create view bi.memberships with (security_barrier) as
select s.key as segment, m.profile_id, m.entered_at, (
    select a.variant from identity_record r join segments_assignment a on a.record = r.id
    where a.segment_id = m.segment_id and r.profile_id = m.profile_id order by a.at, a.record limit 1) as variant
from segments_membership m
join segments_segment s on s.id = m.segment_id {GENERAL}
{LIVE.format(profile="m.profile_id")};

create view bi.transitions with (security_barrier) as
select s.key as segment, p.id as profile_id, t.kind, t.reason, t.purpose, t.channel, t.at
from segments_transition t
join segments_segment s on s.id = t.segment_id {GENERAL}
join identity_profile was on was.id = t.profile
{LIVE.format(profile="coalesce(was.redirect_id, was.id)")};

grant usage on schema bi to "{settings.APP_ROLE}";
grant select on all tables in schema bi to "{settings.APP_ROLE}";
"""  # noqa: S608 - our own text


class Migration(migrations.Migration):
    dependencies = [
        ("segments", "0011_computed_traits"),
        ("consent", "0007_branded_kinds"),
        ("events", "0005_tracking_plan"),
        ("identity", "0010_branded_kinds"),
        ("profiles", "0004_computed"),
    ]
    operations = [migrations.RunSQL(VIEWS, "drop schema bi cascade")]
