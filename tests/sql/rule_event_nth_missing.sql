-- {"event": "Order Completed", "nth": {"n": 4, "where": [{"property": "items", "op": "not_exists"}]}}
-- postgres: {"p0": "items", "p1": "Order Completed", "p2": "2026-03-01 00:00:00+00:00", "p3": 4}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      r.profile_id,
      NOT COALESCE(JSONB_TYPEOF(e.properties -> CAST(%(p0)s AS TEXT)) <> 'null', FALSE) AS fits,
      ROW_NUMBER() OVER (
        PARTITION BY r.profile_id
        ORDER BY e.occurred_at ASC, (
          e.message_id COLLATE "C"
        ) ASC, e.record ASC
      ) AS place
    FROM events_event AS e
    JOIN identity_record AS r
      ON r.id = e.record
    WHERE
      e.name = CAST(%(p1)s AS TEXT) AND e.occurred_at < CAST(%(p2)s AS TIMESTAMPTZ)
  ) AS e
  WHERE
    e.place = CAST(%(p3)s AS BIGINT) AND e.fits
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "/items", "p1": "Order Completed", "p2": "2026-03-01 00:00:00+00:00", "p3": 4}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      r.profile_id,
      NOT COALESCE(JSON_TYPE(e.properties, CAST($p0 AS TEXT)) <> 'NULL', FALSE) AS fits,
      ROW_NUMBER() OVER (
        PARTITION BY r.profile_id
        ORDER BY e.occurred_at ASC, e.message_id ASC, e.record ASC
      ) AS place
    FROM events_event AS e
    JOIN identity_record AS r
      ON r.id = e.record
    WHERE
      e.name = CAST($p1 AS TEXT) AND e.occurred_at < CAST($p2 AS TIMESTAMPTZ)
  ) AS e
  WHERE
    e.place = CAST($p3 AS BIGINT) AND e.fits
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "items", "p1": "Order Completed", "p2": "2026-03-01 00:00:00+00:00", "p3": 4}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      r.profile_id,
      NOT COALESCE(
        SCHEMA_OF_VARIANT(
          ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p0 AS STRING))
        ) <> 'VOID',
        FALSE
      ) AS fits,
      ROW_NUMBER() OVER (
        PARTITION BY r.profile_id
        ORDER BY e.occurred_at ASC NULLS LAST, e.message_id ASC NULLS LAST, e.record ASC NULLS LAST
      ) AS place
    FROM events_event AS e
    JOIN identity_record AS r
      ON r.id = e.record
    WHERE
      e.name = CAST(:p1 AS STRING) AND e.occurred_at < CAST(:p2 AS TIMESTAMP)
  ) AS e
  WHERE
    e.place = CAST(:p3 AS BIGINT) AND e.fits
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
