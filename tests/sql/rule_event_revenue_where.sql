-- {"event": "Order Completed", "sum": {"property": "revenue", "op": "gt", "value": 0}, "where": [{"property": "items", "op": "exists"}]}
-- postgres: {"p0": "KRW", "p1": "items", "p2": "Order Completed", "p3": "2026-03-01 00:00:00+00:00", "p4": "0"}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT DISTINCT ON (
      r.profile_id,
      e.brand,
      e.order_id,
      CASE WHEN e.order_id IS NULL THEN e.record END,
      CASE WHEN e.order_id IS NULL THEN e.message_id END
    )
      r.profile_id,
      e.revenue,
      COALESCE(e.currency = CAST(%(p0)s AS TEXT), FALSE)
      AND COALESCE(JSONB_TYPEOF(e.properties -> CAST(%(p1)s AS TEXT)) <> 'null', FALSE) AS fits
    FROM events_event AS e
    JOIN identity_record AS r
      ON r.id = e.record
    WHERE
      e.name = CAST(%(p2)s AS TEXT)
      AND e.occurred_at < CAST(%(p3)s AS TIMESTAMPTZ)
      AND NOT e.revenue IS NULL
    ORDER BY
      r.profile_id ASC,
      e.brand ASC,
      e.order_id ASC,
      CASE WHEN e.order_id IS NULL THEN e.record END ASC,
      CASE WHEN e.order_id IS NULL THEN e.message_id END ASC,
      e.occurred_at DESC NULLS LAST,
      (
        e.message_id COLLATE "C"
      ) DESC NULLS LAST,
      e.record DESC NULLS LAST
  ) AS e
  WHERE
    e.fits
  GROUP BY
    e.profile_id
  HAVING
    COALESCE(SUM(e.revenue), 0) > CAST(%(p4)s AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "KRW", "p1": "/items", "p2": "Order Completed", "p3": "2026-03-01 00:00:00+00:00", "p4": "0"}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT DISTINCT ON (
      r.profile_id,
      e.brand,
      e.order_id,
      CASE WHEN e.order_id IS NULL THEN e.record END,
      CASE WHEN e.order_id IS NULL THEN e.message_id END
    )
      r.profile_id,
      e.revenue,
      COALESCE(e.currency = CAST($p0 AS TEXT), FALSE)
      AND COALESCE(JSON_TYPE(e.properties, CAST($p1 AS TEXT)) <> 'NULL', FALSE) AS fits
    FROM events_event AS e
    JOIN identity_record AS r
      ON r.id = e.record
    WHERE
      e.name = CAST($p2 AS TEXT)
      AND e.occurred_at < CAST($p3 AS TIMESTAMPTZ)
      AND NOT e.revenue IS NULL
    ORDER BY
      r.profile_id ASC,
      e.brand ASC,
      e.order_id ASC,
      CASE WHEN e.order_id IS NULL THEN e.record END ASC,
      CASE WHEN e.order_id IS NULL THEN e.message_id END ASC,
      e.occurred_at DESC,
      e.message_id DESC,
      e.record DESC
  ) AS e
  WHERE
    e.fits
  GROUP BY
    e.profile_id
  HAVING
    COALESCE(SUM(e.revenue), 0) > CAST($p4 AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "KRW", "p1": "items", "p2": "Order Completed", "p3": "2026-03-01 00:00:00+00:00", "p4": "0"}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      profile_id,
      revenue,
      fits
    FROM (
      SELECT
        r.profile_id AS profile_id,
        e.revenue AS revenue,
        COALESCE(e.currency = CAST(:p0 AS STRING), FALSE)
        AND COALESCE(
          SCHEMA_OF_VARIANT(
            ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p1 AS STRING))
          ) <> 'VOID',
          FALSE
        ) AS fits,
        ROW_NUMBER() OVER (
          PARTITION BY r.profile_id, e.brand, e.order_id, CASE WHEN e.order_id IS NULL THEN e.record END, CASE WHEN e.order_id IS NULL THEN e.message_id END
          ORDER BY r.profile_id ASC NULLS LAST, e.brand ASC NULLS LAST, e.order_id ASC NULLS LAST, CASE WHEN e.order_id IS NULL THEN e.record END ASC NULLS LAST, CASE WHEN e.order_id IS NULL THEN e.message_id END ASC NULLS LAST, e.occurred_at DESC, e.message_id DESC, e.record DESC
        ) AS _row_number
      FROM events_event AS e
      JOIN identity_record AS r
        ON r.id = e.record
      WHERE
        e.name = CAST(:p2 AS STRING)
        AND e.occurred_at < CAST(:p3 AS TIMESTAMP)
        AND NOT e.revenue IS NULL
    ) AS _t
    WHERE
      _row_number = 1
  ) AS e
  WHERE
    e.fits
  GROUP BY
    e.profile_id
  HAVING
    COALESCE(SUM(CAST(e.revenue AS DECIMAL(38, 6))), 0) > CAST(:p4 AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
