-- {"not": {"sequence": [{"event": "Viewed"}], "then_not": {"event": "Order Completed"}}}
-- postgres: {"p0": ["Viewed", "Order Completed"], "p1": "2026-03-01 00:00:00+00:00", "p2": "Viewed", "p3": "Order Completed"}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      r.profile_id,
      e.occurred_at,
      e.name = CAST(%(p2)s AS TEXT) AS m0,
      e.name = CAST(%(p3)s AS TEXT) AS m1,
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
      (
        e.name = ANY(
          CAST(%(p0)s AS TEXT[])
        )
        AND e.occurred_at < CAST(%(p1)s AS TIMESTAMPTZ)
      )
      AND (
        e.name = CAST(%(p2)s AS TEXT) OR e.name = CAST(%(p3)s AS TEXT)
      )
  ) AS e
  GROUP BY
    e.profile_id
  HAVING
    MAX(CASE WHEN e.m0 THEN e.place END) >= COALESCE(MAX(CASE WHEN e.m1 THEN e.place END), 0)
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT (
    NOT s0.profile_id IS NULL
  );

-- duckdb: {"p0": ["Viewed", "Order Completed"], "p1": "2026-03-01 00:00:00+00:00", "p2": "Viewed", "p3": "Order Completed"}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      r.profile_id,
      e.occurred_at,
      e.name = CAST($p2 AS TEXT) AS m0,
      e.name = CAST($p3 AS TEXT) AS m1,
      ROW_NUMBER() OVER (
        PARTITION BY r.profile_id
        ORDER BY e.occurred_at ASC, e.message_id ASC, e.record ASC
      ) AS place
    FROM events_event AS e
    JOIN identity_record AS r
      ON r.id = e.record
    WHERE
      (
        e.name = ANY(
          CAST($p0 AS TEXT[])
        )
        AND e.occurred_at < CAST($p1 AS TIMESTAMPTZ)
      )
      AND (
        e.name = CAST($p2 AS TEXT) OR e.name = CAST($p3 AS TEXT)
      )
  ) AS e
  GROUP BY
    e.profile_id
  HAVING
    MAX(CASE WHEN e.m0 THEN e.place END) >= COALESCE(MAX(CASE WHEN e.m1 THEN e.place END), 0)
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT (
    NOT s0.profile_id IS NULL
  );

-- spark: {"p0": ["Viewed", "Order Completed"], "p1": "2026-03-01 00:00:00+00:00", "p2": "Viewed", "p3": "Order Completed"}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      r.profile_id,
      e.occurred_at,
      e.name = CAST(:p2 AS STRING) AS m0,
      e.name = CAST(:p3 AS STRING) AS m1,
      ROW_NUMBER() OVER (
        PARTITION BY r.profile_id
        ORDER BY e.occurred_at ASC NULLS LAST, e.message_id ASC NULLS LAST, e.record ASC NULLS LAST
      ) AS place
    FROM events_event AS e
    JOIN identity_record AS r
      ON r.id = e.record
    WHERE
      (
        ARRAY_CONTAINS(CAST(:p0 AS ARRAY<STRING>), e.name)
        AND e.occurred_at < CAST(:p1 AS TIMESTAMP)
      )
      AND (
        e.name = CAST(:p2 AS STRING) OR e.name = CAST(:p3 AS STRING)
      )
  ) AS e
  GROUP BY
    e.profile_id
  HAVING
    MAX(CASE WHEN e.m0 THEN e.place END) >= COALESCE(MAX(CASE WHEN e.m1 THEN e.place END), 0)
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT (
    NOT s0.profile_id IS NULL
  );
