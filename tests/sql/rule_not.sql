-- {"not": {"any": [{"segment": "vip"}, {"not": {"trait": "visits", "op": "lt", "value": 5}}]}}
-- postgres: {"p0": "efbe7ada-fb94-55c3-a144-18813858203a", "p1": "visits", "p2": "5"}
WITH s0 AS (
  SELECT DISTINCT
    r.profile_id
  FROM segments_membership AS r
  WHERE
    r.segment_id = CAST(%(p0)s AS UUID)
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
  AND NOT (
    NOT s0.profile_id IS NULL
    OR NOT (
      COALESCE(
        CASE
          WHEN JSONB_TYPEOF(t.traits -> CAST(%(p1)s AS TEXT)) = 'number'
          THEN CASE
            WHEN ROUND(CAST(t.traits -> CAST(%(p1)s AS TEXT) AS DECIMAL), 6) BETWEEN -99999999999999999999999999999999.999999 AND 99999999999999999999999999999999.999999
            THEN CAST(ROUND(CAST(t.traits -> CAST(%(p1)s AS TEXT) AS DECIMAL), 6) AS DECIMAL(38, 6))
          END
        END < CAST(%(p2)s AS DECIMAL(38, 6)),
        FALSE
      )
    )
  );

-- duckdb: {"p0": "efbe7ada-fb94-55c3-a144-18813858203a", "p1": "/visits", "p2": "5"}
WITH s0 AS (
  SELECT DISTINCT
    r.profile_id
  FROM segments_membership AS r
  WHERE
    r.segment_id = CAST($p0 AS UUID)
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
  AND NOT (
    NOT s0.profile_id IS NULL
    OR NOT (
      COALESCE(
        CASE
          WHEN JSON_TYPE(t.traits, CAST($p1 AS TEXT)) IN ('UBIGINT', 'BIGINT', 'DOUBLE')
          THEN TRY_CAST(JSON_EXTRACT_STRING(t.traits, CAST($p1 AS TEXT)) AS DECIMAL(38, 6))
        END < CAST($p2 AS DECIMAL(38, 6)),
        FALSE
      )
    )
  );

-- spark: {"p0": "efbe7ada-fb94-55c3-a144-18813858203a", "p1": "visits", "p2": "5"}
WITH s0 AS (
  SELECT DISTINCT
    r.profile_id
  FROM segments_membership AS r
  WHERE
    r.segment_id = CAST(:p0 AS BINARY)
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
  AND NOT (
    NOT s0.profile_id IS NULL
    OR NOT (
      COALESCE(
        CASE
          WHEN NOT SCHEMA_OF_VARIANT(
            ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p1 AS STRING))
          ) IN ('STRING', 'BOOLEAN')
          THEN TRY_VARIANT_GET(
            ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p1 AS STRING)),
            '$',
            'decimal(38, 6)'
          )
        END < CAST(:p2 AS DECIMAL(38, 6)),
        FALSE
      )
    )
  );
