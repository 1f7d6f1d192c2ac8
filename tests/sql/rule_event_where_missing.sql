-- {"event": "Order Completed", "where": [{"property": "category", "op": "not_exists"}]}
-- postgres: {"p0": "category", "p1": "Order Completed", "p2": "2026-03-01 00:00:00+00:00", "p3": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST(%(p1)s AS TEXT)
    AND e.occurred_at < CAST(%(p2)s AS TIMESTAMPTZ)
    AND NOT COALESCE(JSONB_TYPEOF(e.properties -> CAST(%(p0)s AS TEXT)) <> 'null', FALSE)
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

-- duckdb: {"p0": "/category", "p1": "Order Completed", "p2": "2026-03-01 00:00:00+00:00", "p3": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST($p1 AS TEXT)
    AND e.occurred_at < CAST($p2 AS TIMESTAMPTZ)
    AND NOT COALESCE(JSON_TYPE(e.properties, CAST($p0 AS TEXT)) <> 'NULL', FALSE)
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

-- spark: {"p0": "category", "p1": "Order Completed", "p2": "2026-03-01 00:00:00+00:00", "p3": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST(:p1 AS STRING)
    AND e.occurred_at < CAST(:p2 AS TIMESTAMP)
    AND NOT COALESCE(
      SCHEMA_OF_VARIANT(
        ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p0 AS STRING))
      ) <> 'VOID',
      FALSE
    )
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
