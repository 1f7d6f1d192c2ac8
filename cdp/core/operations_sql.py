"""Raw SQL of what operators watch: counts since the first day, sessions, and who holds the marks back."""

COUNTED = "select source, kind, sum(count)::bigint from core_counter group by source, kind order by source, kind"

SESSIONS = """
select count(*), count(*) filter (where wait_event_type = 'Lock'), current_setting('max_connections')::integer
from pg_stat_activity where datname = current_database()
"""

# Marks wait for the oldest transaction that has written, in whichever database. When another role's began is not told.
BLOCKING = """
select pid, extract(epoch from clock_timestamp() - xact_start)::float from pg_stat_activity
where backend_xid is not null and pid <> pg_backend_pid() order by age(backend_xid) desc limit 1
"""
