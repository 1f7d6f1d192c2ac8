-- {"trait": "country", "op": "gt", "value": "KR"}
-- postgres: {"p0": "country", "p1": "KR"}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    (
      CASE
        WHEN JSONB_TYPEOF(t.traits -> CAST(%(p0)s AS TEXT)) = 'string'
        THEN t.traits ->> CAST(%(p0)s AS TEXT)
      END COLLATE "C"
    ) > CAST(%(p1)s AS TEXT),
    FALSE
  );

-- duckdb: {"p0": "/country", "p1": "KR"}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    CASE
      WHEN JSON_TYPE(t.traits, CAST($p0 AS TEXT)) = 'VARCHAR'
      THEN JSON_EXTRACT_STRING(t.traits, CAST($p0 AS TEXT))
    END > CAST($p1 AS TEXT),
    FALSE
  );

-- spark: {"p0": "country", "p1": "KR"}
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
      ) = 'STRING'
      THEN TRY_VARIANT_GET(
        ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p0 AS STRING)),
        '$',
        'string'
      )
    END > CAST(:p1 AS STRING),
    FALSE
  );
