-- {"event": "Order Completed", "first": {"where": [{"property": "category", "op": "eq", "value": "Hats"}]}}
-- postgres: {"p0": "category", "p1": "Hats", "p2": "Order Completed", "p3": "2026-03-01 00:00:00+00:00", "p4": 1}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      r.profile_id,
      COALESCE(
        (
          CASE
            WHEN JSONB_TYPEOF(e.properties -> CAST(%(p0)s AS TEXT)) = 'string'
            THEN e.properties ->> CAST(%(p0)s AS TEXT)
          END COLLATE "C"
        ) = CAST(%(p1)s AS TEXT),
        FALSE
      ) AS fits,
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
      e.name = CAST(%(p2)s AS TEXT) AND e.occurred_at < CAST(%(p3)s AS TIMESTAMPTZ)
  ) AS e
  WHERE
    e.place = CAST(%(p4)s AS BIGINT) AND e.fits
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "/category", "p1": "Hats", "p2": "Order Completed", "p3": "2026-03-01 00:00:00+00:00", "p4": 1}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      r.profile_id,
      COALESCE(
        CASE
          WHEN JSON_TYPE(e.properties, CAST($p0 AS TEXT)) = 'VARCHAR'
          THEN JSON_EXTRACT_STRING(e.properties, CAST($p0 AS TEXT))
        END = CAST($p1 AS TEXT),
        FALSE
      ) AS fits,
      ROW_NUMBER() OVER (
        PARTITION BY r.profile_id
        ORDER BY e.occurred_at ASC, e.message_id ASC, e.record ASC
      ) AS place
    FROM events_event AS e
    JOIN identity_record AS r
      ON r.id = e.record
    WHERE
      e.name = CAST($p2 AS TEXT) AND e.occurred_at < CAST($p3 AS TIMESTAMPTZ)
  ) AS e
  WHERE
    e.place = CAST($p4 AS BIGINT) AND e.fits
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "category", "p1": "Hats", "p2": "Order Completed", "p3": "2026-03-01 00:00:00+00:00", "p4": 1}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      r.profile_id,
      COALESCE(
        CASE
          WHEN SCHEMA_OF_VARIANT(
            ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p0 AS STRING))
          ) = 'STRING'
          THEN TRY_VARIANT_GET(
            ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p0 AS STRING)),
            '$',
            'string'
          )
        END = CAST(:p1 AS STRING),
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
      e.name = CAST(:p2 AS STRING) AND e.occurred_at < CAST(:p3 AS TIMESTAMP)
  ) AS e
  WHERE
    e.place = CAST(:p4 AS BIGINT) AND e.fits
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
