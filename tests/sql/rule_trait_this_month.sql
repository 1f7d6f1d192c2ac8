-- {"trait": "visits", "op": "eq", "value": {"this": "month"}}
-- postgres: {"p0": "visits", "p1": "3"}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    CASE
      WHEN JSONB_TYPEOF(t.traits -> CAST(%(p0)s AS TEXT)) = 'number'
      THEN CASE
        WHEN ROUND(CAST(t.traits -> CAST(%(p0)s AS TEXT) AS DECIMAL), 6) BETWEEN -99999999999999999999999999999999.999999 AND 99999999999999999999999999999999.999999
        THEN CAST(ROUND(CAST(t.traits -> CAST(%(p0)s AS TEXT) AS DECIMAL), 6) AS DECIMAL(38, 6))
      END
    END = CAST(%(p1)s AS DECIMAL(38, 6)),
    FALSE
  );

-- duckdb: {"p0": "/visits", "p1": "3"}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    CASE
      WHEN JSON_TYPE(t.traits, CAST($p0 AS TEXT)) IN ('UBIGINT', 'BIGINT', 'DOUBLE')
      THEN TRY_CAST(JSON_EXTRACT_STRING(t.traits, CAST($p0 AS TEXT)) AS DECIMAL(38, 6))
    END = CAST($p1 AS DECIMAL(38, 6)),
    FALSE
  );

-- spark: {"p0": "visits", "p1": "3"}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    CASE
      WHEN NOT SCHEMA_OF_VARIANT(
        ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p0 AS STRING))
      ) IN ('STRING', 'BOOLEAN')
      THEN TRY_VARIANT_GET(
        ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p0 AS STRING)),
        '$',
        'decimal(38, 6)'
      )
    END = CAST(:p1 AS DECIMAL(38, 6)),
    FALSE
  );
