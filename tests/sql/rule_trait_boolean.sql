-- {"trait": "vip", "op": "eq", "value": false}
-- postgres: {"p0": "vip", "p1": false}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    CASE
      WHEN JSONB_TYPEOF(t.traits -> CAST(%(p0)s AS TEXT)) = 'boolean'
      THEN CAST(t.traits -> CAST(%(p0)s AS TEXT) AS BOOLEAN)
    END = CAST(%(p1)s AS BOOLEAN),
    FALSE
  );

-- duckdb: {"p0": "/vip", "p1": false}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    CASE
      WHEN JSON_TYPE(t.traits, CAST($p0 AS TEXT)) = 'BOOLEAN'
      THEN TRY_CAST(JSON_EXTRACT_STRING(t.traits, CAST($p0 AS TEXT)) AS BOOLEAN)
    END = CAST($p1 AS BOOLEAN),
    FALSE
  );

-- spark: {"p0": "vip", "p1": false}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    CASE
      WHEN SCHEMA_OF_VARIANT(
        ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p0 AS STRING))
      ) = 'BOOLEAN'
      THEN TRY_VARIANT_GET(
        ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p0 AS STRING)),
        '$',
        'boolean'
      )
    END = CAST(:p1 AS BOOLEAN),
    FALSE
  );
