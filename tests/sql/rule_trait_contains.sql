-- {"trait": "country", "op": "contains", "value": "K"}
-- postgres: {"p0": "country", "p1": "K"}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    POSITION(
      CAST(%(p1)s AS TEXT) IN (
        CASE
          WHEN JSONB_TYPEOF(t.traits -> CAST(%(p0)s AS TEXT)) = 'string'
          THEN t.traits ->> CAST(%(p0)s AS TEXT)
        END COLLATE "C"
      )
    ) > 0,
    FALSE
  );

-- duckdb: {"p0": "/country", "p1": "K"}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    STRPOS(
      CASE
        WHEN JSON_TYPE(t.traits, CAST($p0 AS TEXT)) = 'VARCHAR'
        THEN JSON_EXTRACT_STRING(t.traits, CAST($p0 AS TEXT))
      END,
      CAST($p1 AS TEXT)
    ) > 0,
    FALSE
  );

-- spark: {"p0": "country", "p1": "K"}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    LOCATE(
      CAST(:p1 AS STRING),
      CASE
        WHEN SCHEMA_OF_VARIANT(
          ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p0 AS STRING))
        ) = 'STRING'
        THEN TRY_VARIANT_GET(
          ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p0 AS STRING)),
          '$',
          'string'
        )
      END
    ) > 0,
    FALSE
  );
