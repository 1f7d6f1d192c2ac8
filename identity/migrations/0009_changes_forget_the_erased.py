"""The log of profiles' ids names no erased record: names may be taken out of a row, and nothing else of it may change."""

from django.conf import settings
from django.db import migrations

ROLE = settings.APP_ROLE
TABLE = "identity_profilechange"
LETS_FORGET = f"""
create or replace function {TABLE}_is_append_only() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.records <@ old.records and to_jsonb(new) - 'records' = to_jsonb(old) - 'records' then
        return new;
    end if;
    raise exception '{TABLE} is append-only' using errcode = 'insufficient_privilege';
end $$;
grant update (records) on {TABLE} to "{ROLE}";
"""
LETS_NOT = f"""
create or replace function {TABLE}_is_append_only() returns trigger language plpgsql as
$$ begin raise exception '{TABLE} is append-only' using errcode = 'insufficient_privilege'; end $$;
revoke update (records) on {TABLE} from "{ROLE}";
"""
# Those who were erased before.
FORGET = f"""
update {TABLE} c set records = coalesce((
    select jsonb_agg(one) from jsonb_array_elements(c.records) one
    where exists (select from identity_record r where r.id = (one #>> '{{}}')::uuid)), '[]')
where exists (
    select from jsonb_array_elements_text(c.records) one
    where not exists (select from identity_record r where r.id = one::uuid))
"""  # noqa: S608 - our own text


class Migration(migrations.Migration):
    dependencies = [("identity", "0008_covered_cases")]

    operations = [
        migrations.RunSQL(LETS_FORGET, LETS_NOT),
        migrations.RunSQL(FORGET, migrations.RunSQL.noop),
    ]
