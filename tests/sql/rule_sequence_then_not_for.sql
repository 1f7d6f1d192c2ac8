-- {"sequence": [{"event": "Order Completed", "where": [{"property": "category", "op": "exists"}]}], "then_not": {"event": "Order Completed", "where": [{"property": "currency", "op": "eq", "value": "USD"}]}, "for": {"days": 24}}
-- postgres: {"p0": "Order Completed", "p1": "2026-03-01 00:00:00+00:00", "p2": "category", "p3": "USD", "p4": "2026-02-05 00:00:00+00:00", "p5": "24 days, 0:00:00"}
WITH s0 AS (
  SELECT DISTINCT
    e.profile_id
  FROM (
    SELECT
      e.profile_id,
      e.occurred_at,
      e.m0 AS arrived,
      MIN(CASE WHEN e.m1 THEN e.occurred_at END) OVER (
        PARTITION BY e.profile_id
        ORDER BY e.place DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) AS followed_at
    FROM (
      SELECT
        r.profile_id,
        e.occurred_at,
        COALESCE(JSONB_TYPEOF(e.properties -> CAST(%(p2)s AS TEXT)) <> 'null', FALSE) AS m0,
        COALESCE((
          e.currency COLLATE "C"
        ) = CAST(%(p3)s AS TEXT), FALSE) AS m1,
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
        AND (
          COALESCE(JSONB_TYPEOF(e.properties -> CAST(%(p2)s AS TEXT)) <> 'null', FALSE)
          OR COALESCE((
            e.currency COLLATE "C"
          ) = CAST(%(p3)s AS TEXT), FALSE)
        )
    ) AS e
  ) AS e
  WHERE
    e.arrived
    AND e.occurred_at < CAST(%(p4)s AS TIMESTAMPTZ)
    AND (
      e.followed_at IS NULL OR e.followed_at - e.occurred_at > CAST(%(p5)s AS INTERVAL)
    )
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "Order Completed", "p1": "2026-03-01 00:00:00+00:00", "p2": "/category", "p3": "USD", "p4": "2026-02-05 00:00:00+00:00", "p5": "24 days, 0:00:00"}
WITH s0 AS (
  SELECT DISTINCT
    e.profile_id
  FROM (
    SELECT
      e.profile_id,
      e.occurred_at,
      e.m0 AS arrived,
      MIN(CASE WHEN e.m1 THEN e.occurred_at END) OVER (
        PARTITION BY e.profile_id
        ORDER BY e.place DESC NULLS FIRST
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) AS followed_at
    FROM (
      SELECT
        r.profile_id,
        e.occurred_at,
        COALESCE(JSON_TYPE(e.properties, CAST($p2 AS TEXT)) <> 'NULL', FALSE) AS m0,
        COALESCE(e.currency = CAST($p3 AS TEXT), FALSE) AS m1,
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
        AND (
          COALESCE(JSON_TYPE(e.properties, CAST($p2 AS TEXT)) <> 'NULL', FALSE)
          OR COALESCE(e.currency = CAST($p3 AS TEXT), FALSE)
        )
    ) AS e
  ) AS e
  WHERE
    e.arrived
    AND e.occurred_at < CAST($p4 AS TIMESTAMPTZ)
    AND (
      e.followed_at IS NULL OR e.followed_at - e.occurred_at > CAST($p5 AS INTERVAL)
    )
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "Order Completed", "p1": "2026-03-01 00:00:00+00:00", "p2": "category", "p3": "USD", "p4": "2026-02-05 00:00:00+00:00", "p5": "24 days, 0:00:00"}
WITH s0 AS (
  SELECT DISTINCT
    e.profile_id
  FROM (
    SELECT
      e.profile_id,
      e.occurred_at,
      e.m0 AS arrived,
      MIN(CASE WHEN e.m1 THEN e.occurred_at END) OVER (
        PARTITION BY e.profile_id
        ORDER BY e.place DESC NULLS FIRST
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) AS followed_at
    FROM (
      SELECT
        r.profile_id,
        e.occurred_at,
        COALESCE(
          SCHEMA_OF_VARIANT(
            ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p2 AS STRING))
          ) <> 'VOID',
          FALSE
        ) AS m0,
        COALESCE(e.currency = CAST(:p3 AS STRING), FALSE) AS m1,
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
        AND (
          COALESCE(
            SCHEMA_OF_VARIANT(
              ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p2 AS STRING))
            ) <> 'VOID',
            FALSE
          )
          OR COALESCE(e.currency = CAST(:p3 AS STRING), FALSE)
        )
    ) AS e
  ) AS e
  WHERE
    e.arrived
    AND e.occurred_at < CAST(:p4 AS TIMESTAMP)
    AND (
      e.followed_at IS NULL OR e.followed_at - e.occurred_at > :p5
    )
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
