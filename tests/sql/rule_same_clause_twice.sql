-- {"any": [{"all": [{"event": "Order Completed"}, {"segment": "vip"}]}, {"all": [{"event": "Order Completed"}, {"trait": "vip", "op": "eq", "value": true}]}]}
-- postgres: {"p0": "Order Completed", "p1": "2026-03-01 00:00:00+00:00", "p2": "1", "p3": "efbe7ada-fb94-55c3-a144-18813858203a", "p4": "vip", "p5": true}
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
), s1 AS (
  SELECT DISTINCT
    r.profile_id
  FROM segments_membership AS r
  WHERE
    r.segment_id = CAST(%(p3)s AS UUID)
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
    (
      NOT s0.profile_id IS NULL AND NOT s1.profile_id IS NULL
    )
    OR (
      NOT s0.profile_id IS NULL
      AND COALESCE(
        CASE
          WHEN JSONB_TYPEOF(t.traits -> CAST(%(p4)s AS TEXT)) = 'boolean'
          THEN CAST(t.traits -> CAST(%(p4)s AS TEXT) AS BOOLEAN)
        END = CAST(%(p5)s AS BOOLEAN),
        FALSE
      )
    )
  );

-- duckdb: {"p0": "Order Completed", "p1": "2026-03-01 00:00:00+00:00", "p2": "1", "p3": "efbe7ada-fb94-55c3-a144-18813858203a", "p4": "/vip", "p5": true}
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
), s1 AS (
  SELECT DISTINCT
    r.profile_id
  FROM segments_membership AS r
  WHERE
    r.segment_id = CAST($p3 AS UUID)
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
    (
      NOT s0.profile_id IS NULL AND NOT s1.profile_id IS NULL
    )
    OR (
      NOT s0.profile_id IS NULL
      AND COALESCE(
        CASE
          WHEN JSON_TYPE(t.traits, CAST($p4 AS TEXT)) = 'BOOLEAN'
          THEN TRY_CAST(JSON_EXTRACT_STRING(t.traits, CAST($p4 AS TEXT)) AS BOOLEAN)
        END = CAST($p5 AS BOOLEAN),
        FALSE
      )
    )
  );

-- spark: {"p0": "Order Completed", "p1": "2026-03-01 00:00:00+00:00", "p2": "1", "p3": "efbe7ada-fb94-55c3-a144-18813858203a", "p4": "vip", "p5": true}
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
), s1 AS (
  SELECT DISTINCT
    r.profile_id
  FROM segments_membership AS r
  WHERE
    r.segment_id = CAST(:p3 AS BINARY)
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
    (
      NOT s0.profile_id IS NULL AND NOT s1.profile_id IS NULL
    )
    OR (
      NOT s0.profile_id IS NULL
      AND COALESCE(
        CASE
          WHEN SCHEMA_OF_VARIANT(
            ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p4 AS STRING))
          ) = 'BOOLEAN'
          THEN TRY_VARIANT_GET(
            ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p4 AS STRING)),
            '$',
            'boolean'
          )
        END = CAST(:p5 AS BOOLEAN),
        FALSE
      )
    )
  );
