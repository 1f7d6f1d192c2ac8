-- {"event": "Viewed", "where": [{"property": "tags.0", "op": "exists"}]}
-- postgres: {"p0": "tags", "p1": "0", "p2": "Viewed", "p3": "2026-03-01 00:00:00+00:00", "p4": "1"}
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
      JSONB_TYPEOF(e.properties -> CAST(%(p0)s AS TEXT) -> CAST(%(p1)s AS TEXT)) <> 'null',
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

-- duckdb: {"p0": "/tags", "p1": "/0", "p2": "Viewed", "p3": "2026-03-01 00:00:00+00:00", "p4": "1"}
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
      JSON_TYPE(
        CASE
          WHEN JSON_TYPE(e.properties, CAST($p0 AS TEXT)) = 'OBJECT'
          THEN JSON_EXTRACT(JSON_EXTRACT(e.properties, CAST($p0 AS TEXT)), CAST($p1 AS TEXT))
        END,
        '$'
      ) <> 'NULL',
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

-- spark: {"p0": "tags", "p1": "0", "p2": "Viewed", "p3": "2026-03-01 00:00:00+00:00", "p4": "1"}
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
      SCHEMA_OF_VARIANT(
        ELEMENT_AT(
          TRY_VARIANT_GET(
            ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p0 AS STRING)),
            '$',
            'map<string, variant>'
          ),
          CAST(:p1 AS STRING)
        )
      ) <> 'VOID',
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
