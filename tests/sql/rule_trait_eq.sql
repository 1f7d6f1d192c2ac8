-- {"trait": "country", "op": "eq", "value": "KR"}
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
        THEN (
          t.traits -> CAST(%(p0)s AS TEXT)
        ) #>> CAST('{}' AS TEXT[])
      END COLLATE "C"
    ) = CAST(%(p1)s AS TEXT),
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
      WHEN JSON_TYPE(JSON_EXTRACT(t.traits, CAST($p0 AS TEXT))) = 'VARCHAR'
      THEN JSON_EXTRACT_STRING(JSON_EXTRACT(t.traits, CAST($p0 AS TEXT)), '$')
    END = CAST($p1 AS TEXT),
    FALSE
  );
