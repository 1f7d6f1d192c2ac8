-- {"event": "Order Completed", "where": [{"property": "currency", "op": "eq", "value": "USD"}]}
-- postgres: {"p0": "USD", "p1": "Order Completed", "p2": "2026-03-01 00:00:00+00:00", "p3": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST(%(p1)s AS TEXT)
    AND e.occurred_at < CAST(%(p2)s AS TIMESTAMPTZ)
    AND COALESCE((
      e.currency COLLATE "C"
    ) = CAST(%(p0)s AS TEXT), FALSE)
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST(%(p3)s AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "USD", "p1": "Order Completed", "p2": "2026-03-01 00:00:00+00:00", "p3": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST($p1 AS TEXT)
    AND e.occurred_at < CAST($p2 AS TIMESTAMPTZ)
    AND COALESCE(e.currency = CAST($p0 AS TEXT), FALSE)
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST($p3 AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "USD", "p1": "Order Completed", "p2": "2026-03-01 00:00:00+00:00", "p3": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST(:p1 AS STRING)
    AND e.occurred_at < CAST(:p2 AS TIMESTAMP)
    AND COALESCE(e.currency = CAST(:p0 AS STRING), FALSE)
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST(:p3 AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
