-- {"event": "Order Completed", "where": [{"property": "revenue", "op": "gte", "value": 30000}]}
-- postgres: {"p0": "KRW", "p1": "30000", "p2": "Order Completed", "p3": "2026-03-01 00:00:00+00:00", "p4": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST(%(p2)s AS TEXT)
    AND e.occurred_at < CAST(%(p3)s AS TIMESTAMPTZ)
    AND COALESCE(
      CASE WHEN COALESCE(e.currency = CAST(%(p0)s AS TEXT), FALSE) THEN e.revenue END >= CAST(%(p1)s AS DECIMAL(38, 6)),
      FALSE
    )
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST(%(p4)s AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "KRW", "p1": "30000", "p2": "Order Completed", "p3": "2026-03-01 00:00:00+00:00", "p4": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST($p2 AS TEXT)
    AND e.occurred_at < CAST($p3 AS TIMESTAMPTZ)
    AND COALESCE(
      CASE WHEN COALESCE(e.currency = CAST($p0 AS TEXT), FALSE) THEN e.revenue END >= CAST($p1 AS DECIMAL(38, 6)),
      FALSE
    )
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST($p4 AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "KRW", "p1": "30000", "p2": "Order Completed", "p3": "2026-03-01 00:00:00+00:00", "p4": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST(:p2 AS STRING)
    AND e.occurred_at < CAST(:p3 AS TIMESTAMP)
    AND COALESCE(
      CASE WHEN COALESCE(e.currency = CAST(:p0 AS STRING), FALSE) THEN e.revenue END >= CAST(:p1 AS DECIMAL(38, 6)),
      FALSE
    )
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST(:p4 AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
