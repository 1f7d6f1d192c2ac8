-- {"sequence": [{"event": "Order Completed"}, {"event": "Order Completed"}, {"event": "Order Completed"}]}
-- postgres: {"p0": "Order Completed", "p1": "2026-03-01 00:00:00+00:00"}
WITH s0 AS (
  SELECT DISTINCT
    e.profile_id
  FROM (
    SELECT
      e.profile_id,
      e.occurred_at,
      e.place,
      e.m0,
      MAX(CASE WHEN e.m0 AND NOT e.came IS NULL THEN e.place END) OVER (
        PARTITION BY e.profile_id
        ORDER BY e.place ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) AS came
    FROM (
      SELECT
        e.profile_id,
        e.occurred_at,
        e.place,
        e.m0,
        MAX(CASE WHEN e.m0 THEN e.place END) OVER (
          PARTITION BY e.profile_id
          ORDER BY e.place ASC
          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS came
      FROM (
        SELECT
          r.profile_id,
          e.occurred_at,
          TRUE AS m0,
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
            e.name = CAST(%(p0)s AS TEXT) AND e.occurred_at < CAST(%(p1)s AS TIMESTAMPTZ)
          )
          AND TRUE
      ) AS e
    ) AS e
  ) AS e
  WHERE
    e.m0 AND NOT e.came IS NULL
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "Order Completed", "p1": "2026-03-01 00:00:00+00:00"}
WITH s0 AS (
  SELECT DISTINCT
    e.profile_id
  FROM (
    SELECT
      e.profile_id,
      e.occurred_at,
      e.place,
      e.m0,
      MAX(CASE WHEN e.m0 AND NOT e.came IS NULL THEN e.place END) OVER (
        PARTITION BY e.profile_id
        ORDER BY e.place ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) AS came
    FROM (
      SELECT
        e.profile_id,
        e.occurred_at,
        e.place,
        e.m0,
        MAX(CASE WHEN e.m0 THEN e.place END) OVER (
          PARTITION BY e.profile_id
          ORDER BY e.place ASC
          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS came
      FROM (
        SELECT
          r.profile_id,
          e.occurred_at,
          TRUE AS m0,
          ROW_NUMBER() OVER (
            PARTITION BY r.profile_id
            ORDER BY e.occurred_at ASC, e.message_id ASC, e.record ASC
          ) AS place
        FROM events_event AS e
        JOIN identity_record AS r
          ON r.id = e.record
        WHERE
          (
            e.name = CAST($p0 AS TEXT) AND e.occurred_at < CAST($p1 AS TIMESTAMPTZ)
          )
          AND TRUE
      ) AS e
    ) AS e
  ) AS e
  WHERE
    e.m0 AND NOT e.came IS NULL
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "Order Completed", "p1": "2026-03-01 00:00:00+00:00"}
WITH s0 AS (
  SELECT DISTINCT
    e.profile_id
  FROM (
    SELECT
      e.profile_id,
      e.occurred_at,
      e.place,
      e.m0,
      MAX(CASE WHEN e.m0 AND NOT e.came IS NULL THEN e.place END) OVER (
        PARTITION BY e.profile_id
        ORDER BY e.place ASC NULLS LAST
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) AS came
    FROM (
      SELECT
        e.profile_id,
        e.occurred_at,
        e.place,
        e.m0,
        MAX(CASE WHEN e.m0 THEN e.place END) OVER (
          PARTITION BY e.profile_id
          ORDER BY e.place ASC NULLS LAST
          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS came
      FROM (
        SELECT
          r.profile_id,
          e.occurred_at,
          TRUE AS m0,
          ROW_NUMBER() OVER (
            PARTITION BY r.profile_id
            ORDER BY e.occurred_at ASC NULLS LAST, e.message_id ASC NULLS LAST, e.record ASC NULLS LAST
          ) AS place
        FROM events_event AS e
        JOIN identity_record AS r
          ON r.id = e.record
        WHERE
          (
            e.name = CAST(:p0 AS STRING) AND e.occurred_at < CAST(:p1 AS TIMESTAMP)
          )
          AND TRUE
      ) AS e
    ) AS e
  ) AS e
  WHERE
    e.m0 AND NOT e.came IS NULL
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
