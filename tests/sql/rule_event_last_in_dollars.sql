-- {"event": "Order Completed", "currency": "USD", "last": {"where": [{"property": "revenue", "op": "eq", "value": 12.5}], "within": {"days": 5}}}
-- postgres: {"p0": "USD", "p1": "1250", "p2": "2026-02-24 00:00:00+00:00", "p3": "2026-03-01 00:00:00+00:00", "p4": "Order Completed", "p5": 1}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      r.profile_id,
      COALESCE(
        CASE WHEN COALESCE(e.currency = CAST(%(p0)s AS TEXT), FALSE) THEN e.revenue END = CAST(%(p1)s AS DECIMAL(38, 6)),
        FALSE
      )
      AND e.occurred_at >= CAST(%(p2)s AS TIMESTAMPTZ)
      AND e.occurred_at < CAST(%(p3)s AS TIMESTAMPTZ) AS fits,
      ROW_NUMBER() OVER (
        PARTITION BY r.profile_id
        ORDER BY e.occurred_at DESC NULLS LAST, (
          e.message_id COLLATE "C"
        ) DESC NULLS LAST, e.record DESC NULLS LAST
      ) AS place
    FROM events_event AS e
    JOIN identity_record AS r
      ON r.id = e.record
    WHERE
      e.name = CAST(%(p4)s AS TEXT)
      AND e.occurred_at < CAST(%(p3)s AS TIMESTAMPTZ)
      AND COALESCE(e.currency = CAST(%(p0)s AS TEXT), FALSE)
  ) AS e
  WHERE
    e.place = CAST(%(p5)s AS BIGINT) AND e.fits
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "USD", "p1": "1250", "p2": "2026-02-24 00:00:00+00:00", "p3": "2026-03-01 00:00:00+00:00", "p4": "Order Completed", "p5": 1}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      r.profile_id,
      COALESCE(
        CASE WHEN COALESCE(e.currency = CAST($p0 AS TEXT), FALSE) THEN e.revenue END = CAST($p1 AS DECIMAL(38, 6)),
        FALSE
      )
      AND e.occurred_at >= CAST($p2 AS TIMESTAMPTZ)
      AND e.occurred_at < CAST($p3 AS TIMESTAMPTZ) AS fits,
      ROW_NUMBER() OVER (
        PARTITION BY r.profile_id
        ORDER BY e.occurred_at DESC, e.message_id DESC, e.record DESC
      ) AS place
    FROM events_event AS e
    JOIN identity_record AS r
      ON r.id = e.record
    WHERE
      e.name = CAST($p4 AS TEXT)
      AND e.occurred_at < CAST($p3 AS TIMESTAMPTZ)
      AND COALESCE(e.currency = CAST($p0 AS TEXT), FALSE)
  ) AS e
  WHERE
    e.place = CAST($p5 AS BIGINT) AND e.fits
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "USD", "p1": "1250", "p2": "2026-02-24 00:00:00+00:00", "p3": "2026-03-01 00:00:00+00:00", "p4": "Order Completed", "p5": 1}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      r.profile_id,
      COALESCE(
        CASE WHEN COALESCE(e.currency = CAST(:p0 AS STRING), FALSE) THEN e.revenue END = CAST(:p1 AS DECIMAL(38, 6)),
        FALSE
      )
      AND e.occurred_at >= CAST(:p2 AS TIMESTAMP)
      AND e.occurred_at < CAST(:p3 AS TIMESTAMP) AS fits,
      ROW_NUMBER() OVER (
        PARTITION BY r.profile_id
        ORDER BY e.occurred_at DESC, e.message_id DESC, e.record DESC
      ) AS place
    FROM events_event AS e
    JOIN identity_record AS r
      ON r.id = e.record
    WHERE
      e.name = CAST(:p4 AS STRING)
      AND e.occurred_at < CAST(:p3 AS TIMESTAMP)
      AND COALESCE(e.currency = CAST(:p0 AS STRING), FALSE)
  ) AS e
  WHERE
    e.place = CAST(:p5 AS BIGINT) AND e.fits
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
