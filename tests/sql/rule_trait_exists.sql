-- {"trait": "country", "op": "exists"}
-- postgres: {"p0": "country"}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(JSONB_TYPEOF(t.traits -> CAST(%(p0)s AS TEXT)) <> 'null', FALSE);

-- duckdb: {"p0": "/country"}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(JSON_TYPE(t.traits, CAST($p0 AS TEXT)) <> 'NULL', FALSE);

-- spark: {"p0": "country"}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    SCHEMA_OF_VARIANT(
      ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p0 AS STRING))
    ) <> 'VOID',
    FALSE
  );
