-- {"event": "Viewed", "at": {"from": "22:00", "to": "08:59"}, "count": {"op": "eq", "value": 2}}
-- postgres: {"p0": "Asia/Seoul", "p1": "22:00:00", "p2": "08:59:00", "p3": "Viewed", "p4": "2026-03-01 00:00:00+00:00", "p5": "2"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST(%(p3)s AS TEXT)
    AND e.occurred_at < CAST(%(p4)s AS TIMESTAMPTZ)
    AND (
      CAST(e.occurred_at AT TIME ZONE CAST(%(p0)s AS TEXT) AS TIME) >= CAST(%(p1)s AS TIME)
      OR CAST(e.occurred_at AT TIME ZONE CAST(%(p0)s AS TEXT) AS TIME) < CAST(%(p2)s AS TIME)
    )
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) = CAST(%(p5)s AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "Asia/Seoul", "p1": "22:00:00", "p2": "08:59:00", "p3": "Viewed", "p4": "2026-03-01 00:00:00+00:00", "p5": "2"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST($p3 AS TEXT)
    AND e.occurred_at < CAST($p4 AS TIMESTAMPTZ)
    AND (
      CAST(e.occurred_at AT TIME ZONE CAST($p0 AS TEXT) AS TIME) >= CAST($p1 AS TIME)
      OR CAST(e.occurred_at AT TIME ZONE CAST($p0 AS TEXT) AS TIME) < CAST($p2 AS TIME)
    )
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) = CAST($p5 AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "Asia/Seoul", "p1": "22:00:00", "p2": "08:59:00", "p3": "Viewed", "p4": "2026-03-01 00:00:00+00:00", "p5": "2"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST(:p3 AS STRING)
    AND e.occurred_at < CAST(:p4 AS TIMESTAMP)
    AND (
      DATE_FORMAT(FROM_UTC_TIMESTAMP(e.occurred_at, CAST(:p0 AS STRING)), 'HH:mm') >= CAST(:p1 AS STRING)
      OR DATE_FORMAT(FROM_UTC_TIMESTAMP(e.occurred_at, CAST(:p0 AS STRING)), 'HH:mm') < CAST(:p2 AS STRING)
    )
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) = CAST(:p5 AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
