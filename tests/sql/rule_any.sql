-- {"any": [{"segment": "lapsed"}, {"trait": "country", "op": "eq", "value": "KR"}, {"event": "Order Completed", "count": {"op": "eq", "value": 0}}]}
-- postgres: {"p0": "f9fa8ada-22ca-5956-bdf0-469cc8662784", "p1": "country", "p2": "KR", "p3": "Order Completed", "p4": "2026-03-01 00:00:00+00:00", "p5": "0"}
WITH s0 AS (
  SELECT DISTINCT
    r.profile_id
  FROM segments_membership AS r
  WHERE
    r.segment_id = CAST(%(p0)s AS UUID)
), s1 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST(%(p3)s AS TEXT) AND e.occurred_at < CAST(%(p4)s AS TIMESTAMPTZ)
  GROUP BY
    r.profile_id
  HAVING
    NOT (
      COUNT(*) = CAST(%(p5)s AS DECIMAL(38, 6))
    )
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
LEFT JOIN s0
  ON s0.profile_id = p.id
LEFT JOIN s1
  ON s1.profile_id = p.id
WHERE
  p.state = 'live'
  AND (
    NOT s0.profile_id IS NULL
    OR COALESCE(
      (
        CASE
          WHEN JSONB_TYPEOF(t.traits -> CAST(%(p1)s AS TEXT)) = 'string'
          THEN t.traits ->> CAST(%(p1)s AS TEXT)
        END COLLATE "C"
      ) = CAST(%(p2)s AS TEXT),
      FALSE
    )
    OR s1.profile_id IS NULL
  );

-- duckdb: {"p0": "f9fa8ada-22ca-5956-bdf0-469cc8662784", "p1": "/country", "p2": "KR", "p3": "Order Completed", "p4": "2026-03-01 00:00:00+00:00", "p5": "0"}
WITH s0 AS (
  SELECT DISTINCT
    r.profile_id
  FROM segments_membership AS r
  WHERE
    r.segment_id = CAST($p0 AS UUID)
), s1 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST($p3 AS TEXT) AND e.occurred_at < CAST($p4 AS TIMESTAMPTZ)
  GROUP BY
    r.profile_id
  HAVING
    NOT (
      COUNT(*) = CAST($p5 AS DECIMAL(38, 6))
    )
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
LEFT JOIN s0
  ON s0.profile_id = p.id
LEFT JOIN s1
  ON s1.profile_id = p.id
WHERE
  p.state = 'live'
  AND (
    NOT s0.profile_id IS NULL
    OR COALESCE(
      CASE
        WHEN JSON_TYPE(t.traits, CAST($p1 AS TEXT)) = 'VARCHAR'
        THEN JSON_EXTRACT_STRING(t.traits, CAST($p1 AS TEXT))
      END = CAST($p2 AS TEXT),
      FALSE
    )
    OR s1.profile_id IS NULL
  );

-- spark: {"p0": "f9fa8ada-22ca-5956-bdf0-469cc8662784", "p1": "country", "p2": "KR", "p3": "Order Completed", "p4": "2026-03-01 00:00:00+00:00", "p5": "0"}
WITH s0 AS (
  SELECT DISTINCT
    r.profile_id
  FROM segments_membership AS r
  WHERE
    r.segment_id = CAST(:p0 AS BINARY)
), s1 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST(:p3 AS STRING) AND e.occurred_at < CAST(:p4 AS TIMESTAMP)
  GROUP BY
    r.profile_id
  HAVING
    NOT (
      COUNT(*) = CAST(:p5 AS DECIMAL(38, 6))
    )
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
LEFT JOIN s0
  ON s0.profile_id = p.id
LEFT JOIN s1
  ON s1.profile_id = p.id
WHERE
  p.state = 'live'
  AND (
    NOT s0.profile_id IS NULL
    OR COALESCE(
      CASE
        WHEN SCHEMA_OF_VARIANT(
          ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p1 AS STRING))
        ) = 'STRING'
        THEN TRY_VARIANT_GET(
          ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p1 AS STRING)),
          '$',
          'string'
        )
      END = CAST(:p2 AS STRING),
      FALSE
    )
    OR s1.profile_id IS NULL
  );
