-- {"event": "Order Completed", "frequency": {"times": 2, "unit": "month", "last": 3, "in": 1}}
-- postgres: {"p0": "Order Completed", "p1": "2025-11-30 15:00:00+00:00", "p2": "2026-02-28 15:00:00+00:00", "p3": "2025-12-31 15:00:00+00:00", "p4": "2026-01-31 15:00:00+00:00", "p5": 2, "p6": 1}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      e.profile_id
    FROM (
      SELECT
        r.profile_id,
        CASE
          WHEN e.occurred_at < CAST(%(p3)s AS TIMESTAMPTZ)
          THEN CAST(%(p1)s AS TIMESTAMPTZ)
          WHEN e.occurred_at < CAST(%(p4)s AS TIMESTAMPTZ)
          THEN CAST(%(p3)s AS TIMESTAMPTZ)
          WHEN e.occurred_at < CAST(%(p2)s AS TIMESTAMPTZ)
          THEN CAST(%(p4)s AS TIMESTAMPTZ)
        END AS begun
      FROM events_event AS e
      JOIN identity_record AS r
        ON r.id = e.record
      WHERE
        e.name = CAST(%(p0)s AS TEXT)
        AND e.occurred_at >= CAST(%(p1)s AS TIMESTAMPTZ)
        AND e.occurred_at < CAST(%(p2)s AS TIMESTAMPTZ)
    ) AS e
    GROUP BY
      e.profile_id,
      e.begun
    HAVING
      COUNT(*) >= CAST(%(p5)s AS BIGINT)
  ) AS e
  GROUP BY
    e.profile_id
  HAVING
    COUNT(*) >= CAST(%(p6)s AS BIGINT)
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "Order Completed", "p1": "2025-11-30 15:00:00+00:00", "p2": "2026-02-28 15:00:00+00:00", "p3": "2025-12-31 15:00:00+00:00", "p4": "2026-01-31 15:00:00+00:00", "p5": 2, "p6": 1}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      e.profile_id
    FROM (
      SELECT
        r.profile_id,
        CASE
          WHEN e.occurred_at < CAST($p3 AS TIMESTAMPTZ)
          THEN CAST($p1 AS TIMESTAMPTZ)
          WHEN e.occurred_at < CAST($p4 AS TIMESTAMPTZ)
          THEN CAST($p3 AS TIMESTAMPTZ)
          WHEN e.occurred_at < CAST($p2 AS TIMESTAMPTZ)
          THEN CAST($p4 AS TIMESTAMPTZ)
        END AS begun
      FROM events_event AS e
      JOIN identity_record AS r
        ON r.id = e.record
      WHERE
        e.name = CAST($p0 AS TEXT)
        AND e.occurred_at >= CAST($p1 AS TIMESTAMPTZ)
        AND e.occurred_at < CAST($p2 AS TIMESTAMPTZ)
    ) AS e
    GROUP BY
      e.profile_id,
      e.begun
    HAVING
      COUNT(*) >= CAST($p5 AS BIGINT)
  ) AS e
  GROUP BY
    e.profile_id
  HAVING
    COUNT(*) >= CAST($p6 AS BIGINT)
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "Order Completed", "p1": "2025-11-30 15:00:00+00:00", "p2": "2026-02-28 15:00:00+00:00", "p3": "2025-12-31 15:00:00+00:00", "p4": "2026-01-31 15:00:00+00:00", "p5": 2, "p6": 1}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      e.profile_id
    FROM (
      SELECT
        r.profile_id,
        CASE
          WHEN e.occurred_at < CAST(:p3 AS TIMESTAMP)
          THEN CAST(:p1 AS TIMESTAMP)
          WHEN e.occurred_at < CAST(:p4 AS TIMESTAMP)
          THEN CAST(:p3 AS TIMESTAMP)
          WHEN e.occurred_at < CAST(:p2 AS TIMESTAMP)
          THEN CAST(:p4 AS TIMESTAMP)
        END AS begun
      FROM events_event AS e
      JOIN identity_record AS r
        ON r.id = e.record
      WHERE
        e.name = CAST(:p0 AS STRING)
        AND e.occurred_at >= CAST(:p1 AS TIMESTAMP)
        AND e.occurred_at < CAST(:p2 AS TIMESTAMP)
    ) AS e
    GROUP BY
      e.profile_id,
      e.begun
    HAVING
      COUNT(*) >= CAST(:p5 AS BIGINT)
  ) AS e
  GROUP BY
    e.profile_id
  HAVING
    COUNT(*) >= CAST(:p6 AS BIGINT)
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
