-- {"event": "Viewed", "where": [{"property": "due", "op": "gte", "value": {"days_ago": 2}}]}
-- postgres: {"p0": "due", "p1": "2026-02-27", "p2": "Viewed", "p3": "2026-03-01 00:00:00+00:00", "p4": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST(%(p2)s AS TEXT)
    AND e.occurred_at < CAST(%(p3)s AS TIMESTAMPTZ)
    AND COALESCE(
      (
        (
          e.properties ->> CAST(%(p0)s AS TEXT)
        ) COLLATE "C"
      ) >= CAST(%(p1)s AS TEXT)
      AND TRANSLATE(
        (
          (
            e.properties ->> CAST(%(p0)s AS TEXT)
          ) COLLATE "C"
        ),
        '0123456789',
        '0000000000'
      ) = '0000-00-00',
      FALSE
    )
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST(%(p4)s AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "/due", "p1": "2026-02-27", "p2": "Viewed", "p3": "2026-03-01 00:00:00+00:00", "p4": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST($p2 AS TEXT)
    AND e.occurred_at < CAST($p3 AS TIMESTAMPTZ)
    AND COALESCE(
      JSON_EXTRACT_STRING(e.properties, CAST($p0 AS TEXT)) >= CAST($p1 AS TEXT)
      AND TRANSLATE(JSON_EXTRACT_STRING(e.properties, CAST($p0 AS TEXT)), '0123456789', '0000000000') = '0000-00-00',
      FALSE
    )
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST($p4 AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "due", "p1": "2026-02-27", "p2": "Viewed", "p3": "2026-03-01 00:00:00+00:00", "p4": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST(:p2 AS STRING)
    AND e.occurred_at < CAST(:p3 AS TIMESTAMP)
    AND COALESCE(
      TRY_VARIANT_GET(
        ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p0 AS STRING)),
        '$',
        'string'
      ) >= CAST(:p1 AS STRING)
      AND TRANSLATE(
        TRY_VARIANT_GET(
          ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p0 AS STRING)),
          '$',
          'string'
        ),
        '0123456789',
        '0000000000'
      ) = '0000-00-00',
      FALSE
    )
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST(:p4 AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
