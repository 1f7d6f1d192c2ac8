-- {"all": [{"event": "Order Completed"}, {"trait": "country", "op": "eq", "value": "KR"}]}
-- postgres: {"p0": "Order Completed", "p1": "2026-03-01 00:00:00+00:00", "p2": "1", "p3": "country", "p4": "KR"}
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
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live'
  AND (
    NOT s0.profile_id IS NULL
    AND COALESCE(
      (
        CASE
          WHEN JSONB_TYPEOF(t.traits -> CAST(%(p3)s AS TEXT)) = 'string'
          THEN t.traits ->> CAST(%(p3)s AS TEXT)
        END COLLATE "C"
      ) = CAST(%(p4)s AS TEXT),
      FALSE
    )
  );

-- duckdb: {"p0": "Order Completed", "p1": "2026-03-01 00:00:00+00:00", "p2": "1", "p3": "/country", "p4": "KR"}
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
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live'
  AND (
    NOT s0.profile_id IS NULL
    AND COALESCE(
      CASE
        WHEN JSON_TYPE(t.traits, CAST($p3 AS TEXT)) = 'VARCHAR'
        THEN JSON_EXTRACT_STRING(t.traits, CAST($p3 AS TEXT))
      END = CAST($p4 AS TEXT),
      FALSE
    )
  );

-- spark: {"p0": "Order Completed", "p1": "2026-03-01 00:00:00+00:00", "p2": "1", "p3": "country", "p4": "KR"}
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
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live'
  AND (
    NOT s0.profile_id IS NULL
    AND COALESCE(
      CASE
        WHEN SCHEMA_OF_VARIANT(
          ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p3 AS STRING))
        ) = 'STRING'
        THEN TRY_VARIANT_GET(
          ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p3 AS STRING)),
          '$',
          'string'
        )
      END = CAST(:p4 AS STRING),
      FALSE
    )
  );
