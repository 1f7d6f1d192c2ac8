-- {"sequence": [{"event": "Basket", "where": [{"property": "products[].category", "op": "eq", "value": "a"}]}, {"event": "Order Completed"}]}
-- postgres: {"p0": ["Basket", "Order Completed"], "p1": "2026-03-01 00:00:00+00:00", "p2": "Basket", "p3": "products", "p4": "category", "p5": "a", "p6": "Order Completed"}
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
      ) AS came
    FROM (
      SELECT
        r.profile_id,
        e.occurred_at,
        e.name = CAST(%(p2)s AS TEXT)
        AND EXISTS(
          SELECT
            1
          FROM JSONB_ARRAY_ELEMENTS(
            CASE
              WHEN JSONB_TYPEOF(e.properties -> CAST(%(p3)s AS TEXT)) = 'array'
              THEN e.properties -> CAST(%(p3)s AS TEXT)
            END
          ) AS v0(element)
          WHERE
            COALESCE(
              (
                CASE
                  WHEN JSONB_TYPEOF(v0.element -> CAST(%(p4)s AS TEXT)) = 'string'
                  THEN v0.element ->> CAST(%(p4)s AS TEXT)
                END COLLATE "C"
              ) = CAST(%(p5)s AS TEXT),
              FALSE
            )
        ) AS m0,
        e.name = CAST(%(p6)s AS TEXT) AS m1,
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
          (
            e.name = CAST(%(p2)s AS TEXT)
            AND EXISTS(
              SELECT
                1
              FROM JSONB_ARRAY_ELEMENTS(
                CASE
                  WHEN JSONB_TYPEOF(e.properties -> CAST(%(p3)s AS TEXT)) = 'array'
                  THEN e.properties -> CAST(%(p3)s AS TEXT)
                END
              ) AS v0(element)
              WHERE
                COALESCE(
                  (
                    CASE
                      WHEN JSONB_TYPEOF(v0.element -> CAST(%(p4)s AS TEXT)) = 'string'
                      THEN v0.element ->> CAST(%(p4)s AS TEXT)
                    END COLLATE "C"
                  ) = CAST(%(p5)s AS TEXT),
                  FALSE
                )
            )
          )
          OR e.name = CAST(%(p6)s AS TEXT)
        )
    ) AS e
  ) AS e
  WHERE
    e.m1 AND NOT e.came IS NULL
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": ["Basket", "Order Completed"], "p1": "2026-03-01 00:00:00+00:00", "p2": "Basket", "p3": "/products", "p4": "/category", "p5": "a", "p6": "Order Completed"}
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
      ) AS came
    FROM (
      SELECT
        r.profile_id,
        e.occurred_at,
        e.name = CAST($p2 AS TEXT)
        AND EXISTS(
          SELECT
            1
          FROM UNNEST(
            CASE
              WHEN JSON_TYPE(e.properties, CAST($p3 AS TEXT)) = 'ARRAY'
              THEN JSON_EXTRACT(JSON_EXTRACT(e.properties, CAST($p3 AS TEXT)), '$[*]')
            END
          ) AS v0(element)
          WHERE
            COALESCE(
              CASE
                WHEN JSON_TYPE(v0.element, CAST($p4 AS TEXT)) = 'VARCHAR'
                THEN JSON_EXTRACT_STRING(v0.element, CAST($p4 AS TEXT))
              END = CAST($p5 AS TEXT),
              FALSE
            )
        ) AS m0,
        e.name = CAST($p6 AS TEXT) AS m1,
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
          (
            e.name = CAST($p2 AS TEXT)
            AND EXISTS(
              SELECT
                1
              FROM UNNEST(
                CASE
                  WHEN JSON_TYPE(e.properties, CAST($p3 AS TEXT)) = 'ARRAY'
                  THEN JSON_EXTRACT(JSON_EXTRACT(e.properties, CAST($p3 AS TEXT)), '$[*]')
                END
              ) AS v0(element)
              WHERE
                COALESCE(
                  CASE
                    WHEN JSON_TYPE(v0.element, CAST($p4 AS TEXT)) = 'VARCHAR'
                    THEN JSON_EXTRACT_STRING(v0.element, CAST($p4 AS TEXT))
                  END = CAST($p5 AS TEXT),
                  FALSE
                )
            )
          )
          OR e.name = CAST($p6 AS TEXT)
        )
    ) AS e
  ) AS e
  WHERE
    e.m1 AND NOT e.came IS NULL
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": ["Basket", "Order Completed"], "p1": "2026-03-01 00:00:00+00:00", "p2": "Basket", "p3": "products", "p4": "category", "p5": "a", "p6": "Order Completed"}
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
      ) AS came
    FROM (
      SELECT
        r.profile_id,
        e.occurred_at,
        e.name = CAST(:p2 AS STRING)
        AND COALESCE(
          EXISTS(
            TRY_VARIANT_GET(
              ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p3 AS STRING)),
              '$',
              'array<variant>'
            ),
            v0 -> COALESCE(
              CASE
                WHEN SCHEMA_OF_VARIANT(
                  ELEMENT_AT(TRY_VARIANT_GET(v0, '$', 'map<string, variant>'), CAST(:p4 AS STRING))
                ) = 'STRING'
                THEN TRY_VARIANT_GET(
                  ELEMENT_AT(TRY_VARIANT_GET(v0, '$', 'map<string, variant>'), CAST(:p4 AS STRING)),
                  '$',
                  'string'
                )
              END = CAST(:p5 AS STRING),
              FALSE
            )
          ),
          FALSE
        ) AS m0,
        e.name = CAST(:p6 AS STRING) AS m1,
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
          (
            e.name = CAST(:p2 AS STRING)
            AND COALESCE(
              EXISTS(
                TRY_VARIANT_GET(
                  ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p3 AS STRING)),
                  '$',
                  'array<variant>'
                ),
                v0 -> COALESCE(
                  CASE
                    WHEN SCHEMA_OF_VARIANT(
                      ELEMENT_AT(TRY_VARIANT_GET(v0, '$', 'map<string, variant>'), CAST(:p4 AS STRING))
                    ) = 'STRING'
                    THEN TRY_VARIANT_GET(
                      ELEMENT_AT(TRY_VARIANT_GET(v0, '$', 'map<string, variant>'), CAST(:p4 AS STRING)),
                      '$',
                      'string'
                    )
                  END = CAST(:p5 AS STRING),
                  FALSE
                )
              ),
              FALSE
            )
          )
          OR e.name = CAST(:p6 AS STRING)
        )
    ) AS e
  ) AS e
  WHERE
    e.m1 AND NOT e.came IS NULL
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
