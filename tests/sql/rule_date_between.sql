-- {"trait": "joined", "op": "between", "value": ["2025-06-30", "2025-12-31"]}
-- postgres: {"p0": "joined", "p1": "2025-06-30", "p2": "2025-12-31"}
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
    ) BETWEEN CAST(%(p1)s AS TEXT) AND CAST(%(p2)s AS TEXT)
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

-- duckdb: {"p0": "/joined", "p1": "2025-06-30", "p2": "2025-12-31"}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    JSON_EXTRACT_STRING(t.traits, CAST($p0 AS TEXT)) BETWEEN CAST($p1 AS TEXT) AND CAST($p2 AS TEXT)
    AND TRANSLATE(JSON_EXTRACT_STRING(t.traits, CAST($p0 AS TEXT)), '0123456789', '0000000000') = '0000-00-00',
    FALSE
  );

-- spark: {"p0": "joined", "p1": "2025-06-30", "p2": "2025-12-31"}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    TRY_VARIANT_GET(
      ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p0 AS STRING)),
      '$',
      'string'
    ) BETWEEN CAST(:p1 AS STRING) AND CAST(:p2 AS STRING)
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
