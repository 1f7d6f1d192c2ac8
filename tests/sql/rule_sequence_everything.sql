-- {"sequence": [{"event": "Order Completed", "where": [{"property": "category", "op": "eq", "value": "Hats"}]}, {"event": "Order Completed", "where": [{"property": "category", "op": "eq", "value": "shoes"}]}, {"event": "Order Completed", "where": [{"property": "category", "op": "eq", "value": "shoes"}]}], "within": {"weeks": 5}, "without": {"event": "Order Completed", "where": [{"property": "currency", "op": "eq", "value": "USD"}]}, "then_not": {"event": "Viewed"}, "for": {"hours": 1}, "in_last": {"days": 45}}
-- postgres: {"p0": ["Order Completed", "Viewed"], "p1": "2026-01-15 00:00:00+00:00", "p2": "2026-03-01 00:00:00+00:00", "p3": "Order Completed", "p4": "category", "p5": "Hats", "p6": "shoes", "p7": "USD", "p8": "Viewed", "p9": "35 days, 0:00:00", "p10": "2026-02-28 23:00:00+00:00", "p11": "1:00:00"}
WITH s0 AS (
  SELECT DISTINCT
    e.profile_id
  FROM (
    SELECT
      e.profile_id,
      e.occurred_at,
      e.m1
      AND NOT e.came IS NULL
      AND e.occurred_at - e.came_at <= CAST(%(p9)s AS INTERVAL)
      AND (
        e.broken IS NULL OR e.broken <= e.came
      ) AS arrived,
      MIN(CASE WHEN e.m3 THEN e.occurred_at END) OVER (
        PARTITION BY e.profile_id
        ORDER BY e.place DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) AS followed_at
    FROM (
      SELECT
        e.profile_id,
        e.occurred_at,
        e.place,
        e.m0,
        e.m1,
        e.m2,
        e.m3,
        MAX(
          CASE
            WHEN e.m1
            AND NOT e.came IS NULL
            AND e.occurred_at - e.came_at <= CAST(%(p9)s AS INTERVAL)
            AND (
              e.broken IS NULL OR e.broken <= e.came
            )
            THEN e.place
          END
        ) OVER (
          PARTITION BY e.profile_id
          ORDER BY e.place ASC
          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS came,
        MAX(
          CASE
            WHEN e.m1
            AND NOT e.came IS NULL
            AND e.occurred_at - e.came_at <= CAST(%(p9)s AS INTERVAL)
            AND (
              e.broken IS NULL OR e.broken <= e.came
            )
            THEN e.occurred_at
          END
        ) OVER (
          PARTITION BY e.profile_id
          ORDER BY e.place ASC
          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS came_at,
        MAX(CASE WHEN e.m2 THEN e.place END) OVER (
          PARTITION BY e.profile_id
          ORDER BY e.place ASC
          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS broken
      FROM (
        SELECT
          e.profile_id,
          e.occurred_at,
          e.place,
          e.m0,
          e.m1,
          e.m2,
          e.m3,
          MAX(CASE WHEN e.m0 THEN e.place END) OVER (
            PARTITION BY e.profile_id
            ORDER BY e.place ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
          ) AS came,
          MAX(CASE WHEN e.m0 THEN e.occurred_at END) OVER (
            PARTITION BY e.profile_id
            ORDER BY e.place ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
          ) AS came_at,
          MAX(CASE WHEN e.m2 THEN e.place END) OVER (
            PARTITION BY e.profile_id
            ORDER BY e.place ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
          ) AS broken
        FROM (
          SELECT
            r.profile_id,
            e.occurred_at,
            e.name = CAST(%(p3)s AS TEXT)
            AND COALESCE(
              (
                CASE
                  WHEN JSONB_TYPEOF(e.properties -> CAST(%(p4)s AS TEXT)) = 'string'
                  THEN e.properties ->> CAST(%(p4)s AS TEXT)
                END COLLATE "C"
              ) = CAST(%(p5)s AS TEXT),
              FALSE
            ) AS m0,
            e.name = CAST(%(p3)s AS TEXT)
            AND COALESCE(
              (
                CASE
                  WHEN JSONB_TYPEOF(e.properties -> CAST(%(p4)s AS TEXT)) = 'string'
                  THEN e.properties ->> CAST(%(p4)s AS TEXT)
                END COLLATE "C"
              ) = CAST(%(p6)s AS TEXT),
              FALSE
            ) AS m1,
            e.name = CAST(%(p3)s AS TEXT)
            AND COALESCE((
              e.currency COLLATE "C"
            ) = CAST(%(p7)s AS TEXT), FALSE) AS m2,
            e.name = CAST(%(p8)s AS TEXT) AS m3,
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
              AND e.occurred_at >= CAST(%(p1)s AS TIMESTAMPTZ)
              AND e.occurred_at < CAST(%(p2)s AS TIMESTAMPTZ)
            )
            AND (
              (
                e.name = CAST(%(p3)s AS TEXT)
                AND COALESCE(
                  (
                    CASE
                      WHEN JSONB_TYPEOF(e.properties -> CAST(%(p4)s AS TEXT)) = 'string'
                      THEN e.properties ->> CAST(%(p4)s AS TEXT)
                    END COLLATE "C"
                  ) = CAST(%(p5)s AS TEXT),
                  FALSE
                )
              )
              OR (
                e.name = CAST(%(p3)s AS TEXT)
                AND COALESCE(
                  (
                    CASE
                      WHEN JSONB_TYPEOF(e.properties -> CAST(%(p4)s AS TEXT)) = 'string'
                      THEN e.properties ->> CAST(%(p4)s AS TEXT)
                    END COLLATE "C"
                  ) = CAST(%(p6)s AS TEXT),
                  FALSE
                )
              )
              OR (
                e.name = CAST(%(p3)s AS TEXT)
                AND COALESCE((
                  e.currency COLLATE "C"
                ) = CAST(%(p7)s AS TEXT), FALSE)
              )
              OR e.name = CAST(%(p8)s AS TEXT)
            )
        ) AS e
      ) AS e
    ) AS e
  ) AS e
  WHERE
    e.arrived
    AND e.occurred_at < CAST(%(p10)s AS TIMESTAMPTZ)
    AND (
      e.followed_at IS NULL
      OR e.followed_at - e.occurred_at > CAST(%(p11)s AS INTERVAL)
    )
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": ["Order Completed", "Viewed"], "p1": "2026-01-15 00:00:00+00:00", "p2": "2026-03-01 00:00:00+00:00", "p3": "Order Completed", "p4": "/category", "p5": "Hats", "p6": "shoes", "p7": "USD", "p8": "Viewed", "p9": "35 days, 0:00:00", "p10": "2026-02-28 23:00:00+00:00", "p11": "1:00:00"}
WITH s0 AS (
  SELECT DISTINCT
    e.profile_id
  FROM (
    SELECT
      e.profile_id,
      e.occurred_at,
      e.m1
      AND NOT e.came IS NULL
      AND e.occurred_at - e.came_at <= CAST($p9 AS INTERVAL)
      AND (
        e.broken IS NULL OR e.broken <= e.came
      ) AS arrived,
      MIN(CASE WHEN e.m3 THEN e.occurred_at END) OVER (
        PARTITION BY e.profile_id
        ORDER BY e.place DESC NULLS FIRST
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) AS followed_at
    FROM (
      SELECT
        e.profile_id,
        e.occurred_at,
        e.place,
        e.m0,
        e.m1,
        e.m2,
        e.m3,
        MAX(
          CASE
            WHEN e.m1
            AND NOT e.came IS NULL
            AND e.occurred_at - e.came_at <= CAST($p9 AS INTERVAL)
            AND (
              e.broken IS NULL OR e.broken <= e.came
            )
            THEN e.place
          END
        ) OVER (
          PARTITION BY e.profile_id
          ORDER BY e.place ASC
          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS came,
        MAX(
          CASE
            WHEN e.m1
            AND NOT e.came IS NULL
            AND e.occurred_at - e.came_at <= CAST($p9 AS INTERVAL)
            AND (
              e.broken IS NULL OR e.broken <= e.came
            )
            THEN e.occurred_at
          END
        ) OVER (
          PARTITION BY e.profile_id
          ORDER BY e.place ASC
          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS came_at,
        MAX(CASE WHEN e.m2 THEN e.place END) OVER (
          PARTITION BY e.profile_id
          ORDER BY e.place ASC
          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS broken
      FROM (
        SELECT
          e.profile_id,
          e.occurred_at,
          e.place,
          e.m0,
          e.m1,
          e.m2,
          e.m3,
          MAX(CASE WHEN e.m0 THEN e.place END) OVER (
            PARTITION BY e.profile_id
            ORDER BY e.place ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
          ) AS came,
          MAX(CASE WHEN e.m0 THEN e.occurred_at END) OVER (
            PARTITION BY e.profile_id
            ORDER BY e.place ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
          ) AS came_at,
          MAX(CASE WHEN e.m2 THEN e.place END) OVER (
            PARTITION BY e.profile_id
            ORDER BY e.place ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
          ) AS broken
        FROM (
          SELECT
            r.profile_id,
            e.occurred_at,
            e.name = CAST($p3 AS TEXT)
            AND COALESCE(
              CASE
                WHEN JSON_TYPE(e.properties, CAST($p4 AS TEXT)) = 'VARCHAR'
                THEN JSON_EXTRACT_STRING(e.properties, CAST($p4 AS TEXT))
              END = CAST($p5 AS TEXT),
              FALSE
            ) AS m0,
            e.name = CAST($p3 AS TEXT)
            AND COALESCE(
              CASE
                WHEN JSON_TYPE(e.properties, CAST($p4 AS TEXT)) = 'VARCHAR'
                THEN JSON_EXTRACT_STRING(e.properties, CAST($p4 AS TEXT))
              END = CAST($p6 AS TEXT),
              FALSE
            ) AS m1,
            e.name = CAST($p3 AS TEXT) AND COALESCE(e.currency = CAST($p7 AS TEXT), FALSE) AS m2,
            e.name = CAST($p8 AS TEXT) AS m3,
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
              AND e.occurred_at >= CAST($p1 AS TIMESTAMPTZ)
              AND e.occurred_at < CAST($p2 AS TIMESTAMPTZ)
            )
            AND (
              (
                e.name = CAST($p3 AS TEXT)
                AND COALESCE(
                  CASE
                    WHEN JSON_TYPE(e.properties, CAST($p4 AS TEXT)) = 'VARCHAR'
                    THEN JSON_EXTRACT_STRING(e.properties, CAST($p4 AS TEXT))
                  END = CAST($p5 AS TEXT),
                  FALSE
                )
              )
              OR (
                e.name = CAST($p3 AS TEXT)
                AND COALESCE(
                  CASE
                    WHEN JSON_TYPE(e.properties, CAST($p4 AS TEXT)) = 'VARCHAR'
                    THEN JSON_EXTRACT_STRING(e.properties, CAST($p4 AS TEXT))
                  END = CAST($p6 AS TEXT),
                  FALSE
                )
              )
              OR (
                e.name = CAST($p3 AS TEXT) AND COALESCE(e.currency = CAST($p7 AS TEXT), FALSE)
              )
              OR e.name = CAST($p8 AS TEXT)
            )
        ) AS e
      ) AS e
    ) AS e
  ) AS e
  WHERE
    e.arrived
    AND e.occurred_at < CAST($p10 AS TIMESTAMPTZ)
    AND (
      e.followed_at IS NULL OR e.followed_at - e.occurred_at > CAST($p11 AS INTERVAL)
    )
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": ["Order Completed", "Viewed"], "p1": "2026-01-15 00:00:00+00:00", "p2": "2026-03-01 00:00:00+00:00", "p3": "Order Completed", "p4": "category", "p5": "Hats", "p6": "shoes", "p7": "USD", "p8": "Viewed", "p9": "35 days, 0:00:00", "p10": "2026-02-28 23:00:00+00:00", "p11": "1:00:00"}
WITH s0 AS (
  SELECT DISTINCT
    e.profile_id
  FROM (
    SELECT
      e.profile_id,
      e.occurred_at,
      e.m1
      AND NOT e.came IS NULL
      AND e.occurred_at - e.came_at <= :p9
      AND (
        e.broken IS NULL OR e.broken <= e.came
      ) AS arrived,
      MIN(CASE WHEN e.m3 THEN e.occurred_at END) OVER (
        PARTITION BY e.profile_id
        ORDER BY e.place DESC NULLS FIRST
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) AS followed_at
    FROM (
      SELECT
        e.profile_id,
        e.occurred_at,
        e.place,
        e.m0,
        e.m1,
        e.m2,
        e.m3,
        MAX(
          CASE
            WHEN e.m1
            AND NOT e.came IS NULL
            AND e.occurred_at - e.came_at <= :p9
            AND (
              e.broken IS NULL OR e.broken <= e.came
            )
            THEN e.place
          END
        ) OVER (
          PARTITION BY e.profile_id
          ORDER BY e.place ASC NULLS LAST
          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS came,
        MAX(
          CASE
            WHEN e.m1
            AND NOT e.came IS NULL
            AND e.occurred_at - e.came_at <= :p9
            AND (
              e.broken IS NULL OR e.broken <= e.came
            )
            THEN e.occurred_at
          END
        ) OVER (
          PARTITION BY e.profile_id
          ORDER BY e.place ASC NULLS LAST
          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS came_at,
        MAX(CASE WHEN e.m2 THEN e.place END) OVER (
          PARTITION BY e.profile_id
          ORDER BY e.place ASC NULLS LAST
          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS broken
      FROM (
        SELECT
          e.profile_id,
          e.occurred_at,
          e.place,
          e.m0,
          e.m1,
          e.m2,
          e.m3,
          MAX(CASE WHEN e.m0 THEN e.place END) OVER (
            PARTITION BY e.profile_id
            ORDER BY e.place ASC NULLS LAST
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
          ) AS came,
          MAX(CASE WHEN e.m0 THEN e.occurred_at END) OVER (
            PARTITION BY e.profile_id
            ORDER BY e.place ASC NULLS LAST
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
          ) AS came_at,
          MAX(CASE WHEN e.m2 THEN e.place END) OVER (
            PARTITION BY e.profile_id
            ORDER BY e.place ASC NULLS LAST
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
          ) AS broken
        FROM (
          SELECT
            r.profile_id,
            e.occurred_at,
            e.name = CAST(:p3 AS STRING)
            AND COALESCE(
              CASE
                WHEN SCHEMA_OF_VARIANT(
                  ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p4 AS STRING))
                ) = 'STRING'
                THEN TRY_VARIANT_GET(
                  ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p4 AS STRING)),
                  '$',
                  'string'
                )
              END = CAST(:p5 AS STRING),
              FALSE
            ) AS m0,
            e.name = CAST(:p3 AS STRING)
            AND COALESCE(
              CASE
                WHEN SCHEMA_OF_VARIANT(
                  ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p4 AS STRING))
                ) = 'STRING'
                THEN TRY_VARIANT_GET(
                  ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p4 AS STRING)),
                  '$',
                  'string'
                )
              END = CAST(:p6 AS STRING),
              FALSE
            ) AS m1,
            e.name = CAST(:p3 AS STRING)
            AND COALESCE(e.currency = CAST(:p7 AS STRING), FALSE) AS m2,
            e.name = CAST(:p8 AS STRING) AS m3,
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
              AND e.occurred_at >= CAST(:p1 AS TIMESTAMP)
              AND e.occurred_at < CAST(:p2 AS TIMESTAMP)
            )
            AND (
              (
                e.name = CAST(:p3 AS STRING)
                AND COALESCE(
                  CASE
                    WHEN SCHEMA_OF_VARIANT(
                      ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p4 AS STRING))
                    ) = 'STRING'
                    THEN TRY_VARIANT_GET(
                      ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p4 AS STRING)),
                      '$',
                      'string'
                    )
                  END = CAST(:p5 AS STRING),
                  FALSE
                )
              )
              OR (
                e.name = CAST(:p3 AS STRING)
                AND COALESCE(
                  CASE
                    WHEN SCHEMA_OF_VARIANT(
                      ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p4 AS STRING))
                    ) = 'STRING'
                    THEN TRY_VARIANT_GET(
                      ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p4 AS STRING)),
                      '$',
                      'string'
                    )
                  END = CAST(:p6 AS STRING),
                  FALSE
                )
              )
              OR (
                e.name = CAST(:p3 AS STRING)
                AND COALESCE(e.currency = CAST(:p7 AS STRING), FALSE)
              )
              OR e.name = CAST(:p8 AS STRING)
            )
        ) AS e
      ) AS e
    ) AS e
  ) AS e
  WHERE
    e.arrived
    AND e.occurred_at < CAST(:p10 AS TIMESTAMP)
    AND (
      e.followed_at IS NULL OR e.followed_at - e.occurred_at > :p11
    )
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
