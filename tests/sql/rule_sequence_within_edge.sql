-- {"sequence": [{"event": "Order Completed", "where": [{"property": "category", "op": "eq", "value": "Hats"}]}, {"event": "Order Completed", "where": [{"property": "category", "op": "eq", "value": "shoes"}]}], "within": {"days": 35}}
-- postgres: {"p0": "Order Completed", "p1": "2026-03-01 00:00:00+00:00", "p2": "category", "p3": "Hats", "p4": "shoes", "p5": "35 days, 0:00:00"}
WITH s0 AS (
  SELECT DISTINCT
    e.profile_id
  FROM (
    SELECT
      e.profile_id,
      e.occurred_at,
      e.place,
      e.m0,
      e.m1,
      MAX(CASE WHEN e.m0 THEN e.place END) OVER (
        PARTITION BY e.profile_id
        ORDER BY e.place ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) AS came,
      MAX(CASE WHEN e.m0 THEN e.occurred_at END) OVER (
        PARTITION BY e.profile_id
        ORDER BY e.place ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) AS came_at
    FROM (
      SELECT
        r.profile_id,
        e.occurred_at,
        COALESCE(
          (
            CASE
              WHEN JSONB_TYPEOF(e.properties -> CAST(%(p2)s AS TEXT)) = 'string'
              THEN e.properties ->> CAST(%(p2)s AS TEXT)
            END COLLATE "C"
          ) = CAST(%(p3)s AS TEXT),
          FALSE
        ) AS m0,
        COALESCE(
          (
            CASE
              WHEN JSONB_TYPEOF(e.properties -> CAST(%(p2)s AS TEXT)) = 'string'
              THEN e.properties ->> CAST(%(p2)s AS TEXT)
            END COLLATE "C"
          ) = CAST(%(p4)s AS TEXT),
          FALSE
        ) AS m1,
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
          COALESCE(
            (
              CASE
                WHEN JSONB_TYPEOF(e.properties -> CAST(%(p2)s AS TEXT)) = 'string'
                THEN e.properties ->> CAST(%(p2)s AS TEXT)
              END COLLATE "C"
            ) = CAST(%(p3)s AS TEXT),
            FALSE
          )
          OR COALESCE(
            (
              CASE
                WHEN JSONB_TYPEOF(e.properties -> CAST(%(p2)s AS TEXT)) = 'string'
                THEN e.properties ->> CAST(%(p2)s AS TEXT)
              END COLLATE "C"
            ) = CAST(%(p4)s AS TEXT),
            FALSE
          )
        )
    ) AS e
  ) AS e
  WHERE
    e.m1
    AND NOT e.came IS NULL
    AND e.occurred_at - e.came_at <= CAST(%(p5)s AS INTERVAL)
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "Order Completed", "p1": "2026-03-01 00:00:00+00:00", "p2": "/category", "p3": "Hats", "p4": "shoes", "p5": "35 days, 0:00:00"}
WITH s0 AS (
  SELECT DISTINCT
    e.profile_id
  FROM (
    SELECT
      e.profile_id,
      e.occurred_at,
      e.place,
      e.m0,
      e.m1,
      MAX(CASE WHEN e.m0 THEN e.place END) OVER (
        PARTITION BY e.profile_id
        ORDER BY e.place ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) AS came,
      MAX(CASE WHEN e.m0 THEN e.occurred_at END) OVER (
        PARTITION BY e.profile_id
        ORDER BY e.place ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) AS came_at
    FROM (
      SELECT
        r.profile_id,
        e.occurred_at,
        COALESCE(
          CASE
            WHEN JSON_TYPE(e.properties, CAST($p2 AS TEXT)) = 'VARCHAR'
            THEN JSON_EXTRACT_STRING(e.properties, CAST($p2 AS TEXT))
          END = CAST($p3 AS TEXT),
          FALSE
        ) AS m0,
        COALESCE(
          CASE
            WHEN JSON_TYPE(e.properties, CAST($p2 AS TEXT)) = 'VARCHAR'
            THEN JSON_EXTRACT_STRING(e.properties, CAST($p2 AS TEXT))
          END = CAST($p4 AS TEXT),
          FALSE
        ) AS m1,
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
          COALESCE(
            CASE
              WHEN JSON_TYPE(e.properties, CAST($p2 AS TEXT)) = 'VARCHAR'
              THEN JSON_EXTRACT_STRING(e.properties, CAST($p2 AS TEXT))
            END = CAST($p3 AS TEXT),
            FALSE
          )
          OR COALESCE(
            CASE
              WHEN JSON_TYPE(e.properties, CAST($p2 AS TEXT)) = 'VARCHAR'
              THEN JSON_EXTRACT_STRING(e.properties, CAST($p2 AS TEXT))
            END = CAST($p4 AS TEXT),
            FALSE
          )
        )
    ) AS e
  ) AS e
  WHERE
    e.m1 AND NOT e.came IS NULL AND e.occurred_at - e.came_at <= CAST($p5 AS INTERVAL)
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "Order Completed", "p1": "2026-03-01 00:00:00+00:00", "p2": "category", "p3": "Hats", "p4": "shoes", "p5": "35 days, 0:00:00"}
WITH s0 AS (
  SELECT DISTINCT
    e.profile_id
  FROM (
    SELECT
      e.profile_id,
      e.occurred_at,
      e.place,
      e.m0,
      e.m1,
      MAX(CASE WHEN e.m0 THEN e.place END) OVER (
        PARTITION BY e.profile_id
        ORDER BY e.place ASC NULLS LAST
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) AS came,
      MAX(CASE WHEN e.m0 THEN e.occurred_at END) OVER (
        PARTITION BY e.profile_id
        ORDER BY e.place ASC NULLS LAST
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) AS came_at
    FROM (
      SELECT
        r.profile_id,
        e.occurred_at,
        COALESCE(
          CASE
            WHEN SCHEMA_OF_VARIANT(
              ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p2 AS STRING))
            ) = 'STRING'
            THEN TRY_VARIANT_GET(
              ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p2 AS STRING)),
              '$',
              'string'
            )
          END = CAST(:p3 AS STRING),
          FALSE
        ) AS m0,
        COALESCE(
          CASE
            WHEN SCHEMA_OF_VARIANT(
              ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p2 AS STRING))
            ) = 'STRING'
            THEN TRY_VARIANT_GET(
              ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p2 AS STRING)),
              '$',
              'string'
            )
          END = CAST(:p4 AS STRING),
          FALSE
        ) AS m1,
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
            CASE
              WHEN SCHEMA_OF_VARIANT(
                ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p2 AS STRING))
              ) = 'STRING'
              THEN TRY_VARIANT_GET(
                ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p2 AS STRING)),
                '$',
                'string'
              )
            END = CAST(:p3 AS STRING),
            FALSE
          )
          OR COALESCE(
            CASE
              WHEN SCHEMA_OF_VARIANT(
                ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p2 AS STRING))
              ) = 'STRING'
              THEN TRY_VARIANT_GET(
                ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p2 AS STRING)),
                '$',
                'string'
              )
            END = CAST(:p4 AS STRING),
            FALSE
          )
        )
    ) AS e
  ) AS e
  WHERE
    e.m1 AND NOT e.came IS NULL AND e.occurred_at - e.came_at <= :p5
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
