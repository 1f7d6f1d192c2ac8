"""Raw SQL of ingestion."""

TRY_LOCK = "select pg_try_advisory_lock(hashtext('ingestion_pull'), hashtext(%s))"
UNLOCK = "select pg_advisory_unlock(hashtext('ingestion_pull'), hashtext(%s))"
