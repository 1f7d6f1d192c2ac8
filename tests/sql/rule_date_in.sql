-- {"trait": "joined", "op": "in", "value": ["2026-01-01", "2025-06-30"]}
-- postgres: {"p0": "joined", "p1": ["2026-01-01", "2025-06-30"]}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    (
      (
        t.traits ->> CAST(%(p0)s AS TEXT)
      ) COLLATE "C"
    ) = ANY(
      CAST(%(p1)s AS TEXT[])
    )
    AND TRANSLATE(
      (
        (
          t.traits ->> CAST(%(p0)s AS TEXT)
        ) COLLATE "C"
      ),
      '0123456789',
      '0000000000'
    ) = '0000-00-00',
    FALSE
  );

-- duckdb: {"p0": "/joined", "p1": ["2026-01-01", "2025-06-30"]}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    JSON_EXTRACT_STRING(t.traits, CAST($p0 AS TEXT)) = ANY(
      CAST($p1 AS TEXT[])
    )
    AND TRANSLATE(JSON_EXTRACT_STRING(t.traits, CAST($p0 AS TEXT)), '0123456789', '0000000000') = '0000-00-00',
    FALSE
  );

-- spark: {"p0": "joined", "p1": ["2026-01-01", "2025-06-30"]}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    ARRAY_CONTAINS(
      CAST(:p1 AS ARRAY<STRING>),
      TRY_VARIANT_GET(
        ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p0 AS STRING)),
        '$',
        'string'
      )
    )
    AND TRANSLATE(
      TRY_VARIANT_GET(
        ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p0 AS STRING)),
        '$',
        'string'
      ),
      '0123456789',
      '0000000000'
    ) = '0000-00-00',
    FALSE
  );
