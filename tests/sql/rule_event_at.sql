-- {"event": "Order Completed", "at": {"weekdays": ["thu"], "from": "09:00"}, "where": [{"property": "category", "op": "eq", "value": "shoes"}]}
-- postgres: {"p0": "category", "p1": "shoes", "p2": "Asia/Seoul", "p3": "09:00:00", "p4": [4], "p5": "Order Completed", "p6": "2026-03-01 00:00:00+00:00", "p7": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST(%(p5)s AS TEXT)
    AND e.occurred_at < CAST(%(p6)s AS TIMESTAMPTZ)
    AND COALESCE(
      (
        CASE
          WHEN JSONB_TYPEOF(e.properties -> CAST(%(p0)s AS TEXT)) = 'string'
          THEN e.properties ->> CAST(%(p0)s AS TEXT)
        END COLLATE "C"
      ) = CAST(%(p1)s AS TEXT),
      FALSE
    )
    AND EXTRACT(ISODOW FROM e.occurred_at AT TIME ZONE CAST(%(p2)s AS TEXT)) = ANY(
      CAST(%(p4)s AS BIGINT[])
    )
    AND CAST(e.occurred_at AT TIME ZONE CAST(%(p2)s AS TEXT) AS TIME) >= CAST(%(p3)s AS TIME)
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST(%(p7)s AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "/category", "p1": "shoes", "p2": "Asia/Seoul", "p3": "09:00:00", "p4": [4], "p5": "Order Completed", "p6": "2026-03-01 00:00:00+00:00", "p7": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST($p5 AS TEXT)
    AND e.occurred_at < CAST($p6 AS TIMESTAMPTZ)
    AND COALESCE(
      CASE
        WHEN JSON_TYPE(e.properties, CAST($p0 AS TEXT)) = 'VARCHAR'
        THEN JSON_EXTRACT_STRING(e.properties, CAST($p0 AS TEXT))
      END = CAST($p1 AS TEXT),
      FALSE
    )
    AND EXTRACT(ISODOW FROM e.occurred_at AT TIME ZONE CAST($p2 AS TEXT)) = ANY(
      CAST($p4 AS BIGINT[])
    )
    AND CAST(e.occurred_at AT TIME ZONE CAST($p2 AS TEXT) AS TIME) >= CAST($p3 AS TIME)
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST($p7 AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "category", "p1": "shoes", "p2": "Asia/Seoul", "p3": "09:00:00", "p4": [4], "p5": "Order Completed", "p6": "2026-03-01 00:00:00+00:00", "p7": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST(:p5 AS STRING)
    AND e.occurred_at < CAST(:p6 AS TIMESTAMP)
    AND COALESCE(
      CASE
        WHEN SCHEMA_OF_VARIANT(
          ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p0 AS STRING))
        ) = 'STRING'
        THEN TRY_VARIANT_GET(
          ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p0 AS STRING)),
          '$',
          'string'
        )
      END = CAST(:p1 AS STRING),
      FALSE
    )
    AND ARRAY_CONTAINS(
      CAST(:p4 AS ARRAY<BIGINT>),
      EXTRACT(DAYOFWEEK_ISO FROM FROM_UTC_TIMESTAMP(e.occurred_at, CAST(:p2 AS STRING)))
    )
    AND DATE_FORMAT(FROM_UTC_TIMESTAMP(e.occurred_at, CAST(:p2 AS STRING)), 'HH:mm') >= CAST(:p3 AS STRING)
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST(:p7 AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
