-- {"event": "Order Completed", "first": {"at": {"weekdays": ["fri"]}}}
-- postgres: {"p0": "Asia/Seoul", "p1": [5], "p2": "Order Completed", "p3": "2026-03-01 00:00:00+00:00", "p4": 1}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      r.profile_id,
      EXTRACT(ISODOW FROM e.occurred_at AT TIME ZONE CAST(%(p0)s AS TEXT)) = ANY(
        CAST(%(p1)s AS BIGINT[])
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

-- duckdb: {"p0": "Asia/Seoul", "p1": [5], "p2": "Order Completed", "p3": "2026-03-01 00:00:00+00:00", "p4": 1}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      r.profile_id,
      EXTRACT(ISODOW FROM e.occurred_at AT TIME ZONE CAST($p0 AS TEXT)) = ANY(
        CAST($p1 AS BIGINT[])
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

-- spark: {"p0": "Asia/Seoul", "p1": [5], "p2": "Order Completed", "p3": "2026-03-01 00:00:00+00:00", "p4": 1}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      r.profile_id,
      ARRAY_CONTAINS(
        CAST(:p1 AS ARRAY<BIGINT>),
        EXTRACT(DAYOFWEEK_ISO FROM FROM_UTC_TIMESTAMP(e.occurred_at, CAST(:p0 AS STRING)))
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
