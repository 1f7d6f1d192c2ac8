-- {"event": "Order Completed", "where": [{"property": "category", "op": "exists"}], "frequency": {"unit": "month", "last": 2}}
-- postgres: {"p0": "category", "p1": "Order Completed", "p2": "2025-12-31 15:00:00+00:00", "p3": "2026-02-28 15:00:00+00:00", "p4": "2026-01-31 15:00:00+00:00", "p5": 1, "p6": 2}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      e.profile_id
    FROM (
      SELECT
        r.profile_id,
        CASE
          WHEN e.occurred_at < CAST(%(p4)s AS TIMESTAMPTZ)
          THEN CAST(%(p2)s AS TIMESTAMPTZ)
          WHEN e.occurred_at < CAST(%(p3)s AS TIMESTAMPTZ)
          THEN CAST(%(p4)s AS TIMESTAMPTZ)
        END AS begun
      FROM events_event AS e
      JOIN identity_record AS r
        ON r.id = e.record
      WHERE
        e.name = CAST(%(p1)s AS TEXT)
        AND e.occurred_at >= CAST(%(p2)s AS TIMESTAMPTZ)
        AND e.occurred_at < CAST(%(p3)s AS TIMESTAMPTZ)
        AND COALESCE(JSONB_TYPEOF(e.properties -> CAST(%(p0)s AS TEXT)) <> 'null', FALSE)
    ) AS e
    GROUP BY
      e.profile_id,
      e.begun
    HAVING
      COUNT(*) >= CAST(%(p5)s AS BIGINT)
  ) AS e
  GROUP BY
    e.profile_id
  HAVING
    COUNT(*) >= CAST(%(p6)s AS BIGINT)
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "/category", "p1": "Order Completed", "p2": "2025-12-31 15:00:00+00:00", "p3": "2026-02-28 15:00:00+00:00", "p4": "2026-01-31 15:00:00+00:00", "p5": 1, "p6": 2}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      e.profile_id
    FROM (
      SELECT
        r.profile_id,
        CASE
          WHEN e.occurred_at < CAST($p4 AS TIMESTAMPTZ)
          THEN CAST($p2 AS TIMESTAMPTZ)
          WHEN e.occurred_at < CAST($p3 AS TIMESTAMPTZ)
          THEN CAST($p4 AS TIMESTAMPTZ)
        END AS begun
      FROM events_event AS e
      JOIN identity_record AS r
        ON r.id = e.record
      WHERE
        e.name = CAST($p1 AS TEXT)
        AND e.occurred_at >= CAST($p2 AS TIMESTAMPTZ)
        AND e.occurred_at < CAST($p3 AS TIMESTAMPTZ)
        AND COALESCE(JSON_TYPE(e.properties, CAST($p0 AS TEXT)) <> 'NULL', FALSE)
    ) AS e
    GROUP BY
      e.profile_id,
      e.begun
    HAVING
      COUNT(*) >= CAST($p5 AS BIGINT)
  ) AS e
  GROUP BY
    e.profile_id
  HAVING
    COUNT(*) >= CAST($p6 AS BIGINT)
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "category", "p1": "Order Completed", "p2": "2025-12-31 15:00:00+00:00", "p3": "2026-02-28 15:00:00+00:00", "p4": "2026-01-31 15:00:00+00:00", "p5": 1, "p6": 2}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      e.profile_id
    FROM (
      SELECT
        r.profile_id,
        CASE
          WHEN e.occurred_at < CAST(:p4 AS TIMESTAMP)
          THEN CAST(:p2 AS TIMESTAMP)
          WHEN e.occurred_at < CAST(:p3 AS TIMESTAMP)
          THEN CAST(:p4 AS TIMESTAMP)
        END AS begun
      FROM events_event AS e
      JOIN identity_record AS r
        ON r.id = e.record
      WHERE
        e.name = CAST(:p1 AS STRING)
        AND e.occurred_at >= CAST(:p2 AS TIMESTAMP)
        AND e.occurred_at < CAST(:p3 AS TIMESTAMP)
        AND COALESCE(
          SCHEMA_OF_VARIANT(
            ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p0 AS STRING))
          ) <> 'VOID',
          FALSE
        )
    ) AS e
    GROUP BY
      e.profile_id,
      e.begun
    HAVING
      COUNT(*) >= CAST(:p5 AS BIGINT)
  ) AS e
  GROUP BY
    e.profile_id
  HAVING
    COUNT(*) >= CAST(:p6 AS BIGINT)
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
