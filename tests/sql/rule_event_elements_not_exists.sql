-- {"event": "Basket", "where": [{"property": "products[].category", "op": "not_exists"}]}
-- postgres: {"p0": "products", "p1": "category", "p2": "Basket", "p3": "2026-03-01 00:00:00+00:00", "p4": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST(%(p2)s AS TEXT)
    AND e.occurred_at < CAST(%(p3)s AS TIMESTAMPTZ)
    AND NOT EXISTS(
      SELECT
        1
      FROM JSONB_ARRAY_ELEMENTS(
        CASE
          WHEN JSONB_TYPEOF(e.properties -> CAST(%(p0)s AS TEXT)) = 'array'
          THEN e.properties -> CAST(%(p0)s AS TEXT)
        END
      ) AS v0(element)
      WHERE
        COALESCE(JSONB_TYPEOF(v0.element -> CAST(%(p1)s AS TEXT)) <> 'null', FALSE)
    )
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST(%(p4)s AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "/products", "p1": "/category", "p2": "Basket", "p3": "2026-03-01 00:00:00+00:00", "p4": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST($p2 AS TEXT)
    AND e.occurred_at < CAST($p3 AS TIMESTAMPTZ)
    AND NOT EXISTS(
      SELECT
        1
      FROM UNNEST(
        CASE
          WHEN JSON_TYPE(e.properties, CAST($p0 AS TEXT)) = 'ARRAY'
          THEN JSON_EXTRACT(JSON_EXTRACT(e.properties, CAST($p0 AS TEXT)), '$[*]')
        END
      ) AS v0(element)
      WHERE
        COALESCE(JSON_TYPE(v0.element, CAST($p1 AS TEXT)) <> 'NULL', FALSE)
    )
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST($p4 AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "products", "p1": "category", "p2": "Basket", "p3": "2026-03-01 00:00:00+00:00", "p4": "1"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  WHERE
    e.name = CAST(:p2 AS STRING)
    AND e.occurred_at < CAST(:p3 AS TIMESTAMP)
    AND NOT COALESCE(
      EXISTS(
        TRY_VARIANT_GET(
          ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p0 AS STRING)),
          '$',
          'array<variant>'
        ),
        v0 -> COALESCE(
          SCHEMA_OF_VARIANT(
            ELEMENT_AT(TRY_VARIANT_GET(v0, '$', 'map<string, variant>'), CAST(:p1 AS STRING))
          ) <> 'VOID',
          FALSE
        )
      ),
      FALSE
    )
  GROUP BY
    r.profile_id
  HAVING
    COUNT(*) >= CAST(:p4 AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
