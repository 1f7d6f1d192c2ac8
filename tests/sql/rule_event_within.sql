-- {"event": "Order Completed", "within": {"days": 30}, "where": [{"property": "category", "op": "starts_with", "value": "s"}]}
-- postgres: {"p0": "category", "p1": "s", "p2": "Order Completed", "p3": "2026-01-30 00:00:00+00:00", "p4": "2026-03-01 00:00:00+00:00", "p5": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST(%(p2)s AS TEXT)
    AND e.occurred_at >= CAST(%(p3)s AS TIMESTAMPTZ)
    AND e.occurred_at < CAST(%(p4)s AS TIMESTAMPTZ)
    AND COALESCE(
      STARTS_WITH(
        (
          CASE
            WHEN JSONB_TYPEOF(e.properties -> CAST(%(p0)s AS TEXT)) = 'string'
            THEN e.properties ->> CAST(%(p0)s AS TEXT)
          END COLLATE "C"
        ),
        CAST(%(p1)s AS TEXT)
      ),
      FALSE
    )
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST(%(p5)s AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "/category", "p1": "s", "p2": "Order Completed", "p3": "2026-01-30 00:00:00+00:00", "p4": "2026-03-01 00:00:00+00:00", "p5": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST($p2 AS TEXT)
    AND e.occurred_at >= CAST($p3 AS TIMESTAMPTZ)
    AND e.occurred_at < CAST($p4 AS TIMESTAMPTZ)
    AND COALESCE(
      STARTS_WITH(
        CASE
          WHEN JSON_TYPE(e.properties, CAST($p0 AS TEXT)) = 'VARCHAR'
          THEN JSON_EXTRACT_STRING(e.properties, CAST($p0 AS TEXT))
        END,
        CAST($p1 AS TEXT)
      ),
      FALSE
    )
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST($p5 AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "category", "p1": "s", "p2": "Order Completed", "p3": "2026-01-30 00:00:00+00:00", "p4": "2026-03-01 00:00:00+00:00", "p5": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST(:p2 AS STRING)
    AND e.occurred_at >= CAST(:p3 AS TIMESTAMP)
    AND e.occurred_at < CAST(:p4 AS TIMESTAMP)
    AND COALESCE(
      STARTSWITH(
        CASE
          WHEN SCHEMA_OF_VARIANT(
            ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p0 AS STRING))
          ) = 'STRING'
          THEN TRY_VARIANT_GET(
            ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p0 AS STRING)),
            '$',
            'string'
          )
        END,
        CAST(:p1 AS STRING)
      ),
      FALSE
    )
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST(:p5 AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
