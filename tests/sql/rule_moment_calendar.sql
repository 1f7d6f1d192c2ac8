-- {"trait": "last_seen", "op": "gte", "value": {"days_ago": 0, "calendar": true}}
-- postgres: {"p0": "last_seen", "p1": "2026-02-28T15:00:00.000000Z"}
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
    ) >= CAST(%(p1)s AS TEXT)
    AND TRANSLATE(
      (
        (
          t.traits ->> CAST(%(p0)s AS TEXT)
        ) COLLATE "C"
      ),
      '0123456789',
      '0000000000'
    ) = '0000-00-00T00:00:00.000000Z',
    FALSE
  );

-- duckdb: {"p0": "/last_seen", "p1": "2026-02-28T15:00:00.000000Z"}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    JSON_EXTRACT_STRING(t.traits, CAST($p0 AS TEXT)) >= CAST($p1 AS TEXT)
    AND TRANSLATE(JSON_EXTRACT_STRING(t.traits, CAST($p0 AS TEXT)), '0123456789', '0000000000') = '0000-00-00T00:00:00.000000Z',
    FALSE
  );

-- spark: {"p0": "last_seen", "p1": "2026-02-28T15:00:00.000000Z"}
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
    ) >= CAST(:p1 AS STRING)
    AND TRANSLATE(
      TRY_VARIANT_GET(
        ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p0 AS STRING)),
        '$',
        'string'
      ),
      '0123456789',
      '0000000000'
    ) = '0000-00-00T00:00:00.000000Z',
    FALSE
  );
