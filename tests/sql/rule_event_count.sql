-- {"event": "Order Completed", "count": {"op": "gte", "value": 3}}
-- postgres: {"p0": "Order Completed", "p1": "2026-03-01 00:00:00+00:00", "p2": "3"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST(%(p0)s AS TEXT) AND e.occurred_at < CAST(%(p1)s AS TIMESTAMPTZ)
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST(%(p2)s AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "Order Completed", "p1": "2026-03-01 00:00:00+00:00", "p2": "3"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST($p0 AS TEXT) AND e.occurred_at < CAST($p1 AS TIMESTAMPTZ)
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST($p2 AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "Order Completed", "p1": "2026-03-01 00:00:00+00:00", "p2": "3"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST(:p0 AS STRING) AND e.occurred_at < CAST(:p1 AS TIMESTAMP)
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST(:p2 AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
