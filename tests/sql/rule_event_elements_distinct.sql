-- {"event": "Basket", "distinct": {"property": "products[].category", "op": "eq", "value": 2}}
-- postgres: {"p0": "products", "p1": "category", "p2": "Basket", "p3": "2026-03-01 00:00:00+00:00", "p4": "2"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  CROSS JOIN JSONB_ARRAY_ELEMENTS(
    CASE
      WHEN JSONB_TYPEOF(e.properties -> CAST(%(p0)s AS TEXT)) = 'array'
      THEN e.properties -> CAST(%(p0)s AS TEXT)
    END
  ) AS v0(element)
  WHERE
    e.name = CAST(%(p2)s AS TEXT) AND e.occurred_at < CAST(%(p3)s AS TIMESTAMPTZ)
  GROUP BY
    r.profile_id
  HAVING
    COUNT(
      DISTINCT COALESCE(
        's' || (
          CASE
            WHEN JSONB_TYPEOF(v0.element -> CAST(%(p1)s AS TEXT)) = 'string'
            THEN v0.element ->> CAST(%(p1)s AS TEXT)
          END COLLATE "C"
        ),
        'n' || CAST(CASE
          WHEN JSONB_TYPEOF(v0.element -> CAST(%(p1)s AS TEXT)) = 'number'
          THEN CASE
            WHEN ROUND(CAST(v0.element -> CAST(%(p1)s AS TEXT) AS DECIMAL), 6) BETWEEN -99999999999999999999999999999999.999999 AND 99999999999999999999999999999999.999999
            THEN CAST(ROUND(CAST(v0.element -> CAST(%(p1)s AS TEXT) AS DECIMAL), 6) AS DECIMAL(38, 6))
          END
        END AS TEXT),
        'b' || CAST(CASE
          WHEN JSONB_TYPEOF(v0.element -> CAST(%(p1)s AS TEXT)) = 'boolean'
          THEN CAST(v0.element -> CAST(%(p1)s AS TEXT) AS BOOLEAN)
        END AS TEXT)
      )
    ) = CAST(%(p4)s AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "/products", "p1": "/category", "p2": "Basket", "p3": "2026-03-01 00:00:00+00:00", "p4": "2"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  CROSS JOIN UNNEST(
    CASE
      WHEN JSON_TYPE(e.properties, CAST($p0 AS TEXT)) = 'ARRAY'
      THEN JSON_EXTRACT(JSON_EXTRACT(e.properties, CAST($p0 AS TEXT)), '$[*]')
    END
  ) AS v0(element)
  WHERE
    e.name = CAST($p2 AS TEXT) AND e.occurred_at < CAST($p3 AS TIMESTAMPTZ)
  GROUP BY
    r.profile_id
  HAVING
    COUNT(
      DISTINCT COALESCE(
        's' || CASE
          WHEN JSON_TYPE(v0.element, CAST($p1 AS TEXT)) = 'VARCHAR'
          THEN JSON_EXTRACT_STRING(v0.element, CAST($p1 AS TEXT))
        END,
        'n' || CAST(CASE
          WHEN JSON_TYPE(v0.element, CAST($p1 AS TEXT)) IN ('UBIGINT', 'BIGINT', 'DOUBLE')
          THEN TRY_CAST(JSON_EXTRACT_STRING(v0.element, CAST($p1 AS TEXT)) AS DECIMAL(38, 6))
        END AS TEXT),
        'b' || CAST(CASE
          WHEN JSON_TYPE(v0.element, CAST($p1 AS TEXT)) = 'BOOLEAN'
          THEN TRY_CAST(JSON_EXTRACT_STRING(v0.element, CAST($p1 AS TEXT)) AS BOOLEAN)
        END AS TEXT)
      )
    ) = CAST($p4 AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "products", "p1": "category", "p2": "Basket", "p3": "2026-03-01 00:00:00+00:00", "p4": "2"}
WITH s0 AS (
  SELECT
    r.profile_id
  FROM events_event AS e
  JOIN identity_record AS r
    ON r.id = e.record
  CROSS JOIN LATERAL EXPLODE(
    TRY_VARIANT_GET(
      ELEMENT_AT(TRY_VARIANT_GET(e.properties, '$', 'map<string, variant>'), CAST(:p0 AS STRING)),
      '$',
      'array<variant>'
    )
  ) AS v0(element)
  WHERE
    e.name = CAST(:p2 AS STRING) AND e.occurred_at < CAST(:p3 AS TIMESTAMP)
  GROUP BY
    r.profile_id
  HAVING
    COUNT(
      DISTINCT COALESCE(
        's' || CASE
          WHEN SCHEMA_OF_VARIANT(
            ELEMENT_AT(TRY_VARIANT_GET(v0.element, '$', 'map<string, variant>'), CAST(:p1 AS STRING))
          ) = 'STRING'
          THEN TRY_VARIANT_GET(
            ELEMENT_AT(TRY_VARIANT_GET(v0.element, '$', 'map<string, variant>'), CAST(:p1 AS STRING)),
            '$',
            'string'
          )
        END,
        'n' || CAST(CASE
          WHEN NOT SCHEMA_OF_VARIANT(
            ELEMENT_AT(TRY_VARIANT_GET(v0.element, '$', 'map<string, variant>'), CAST(:p1 AS STRING))
          ) IN ('STRING', 'BOOLEAN')
          THEN TRY_VARIANT_GET(
            ELEMENT_AT(TRY_VARIANT_GET(v0.element, '$', 'map<string, variant>'), CAST(:p1 AS STRING)),
            '$',
            'decimal(38, 6)'
          )
        END AS STRING),
        'b' || CAST(CASE
          WHEN SCHEMA_OF_VARIANT(
            ELEMENT_AT(TRY_VARIANT_GET(v0.element, '$', 'map<string, variant>'), CAST(:p1 AS STRING))
          ) = 'BOOLEAN'
          THEN TRY_VARIANT_GET(
            ELEMENT_AT(TRY_VARIANT_GET(v0.element, '$', 'map<string, variant>'), CAST(:p1 AS STRING)),
            '$',
            'boolean'
          )
        END AS STRING)
      )
    ) = CAST(:p4 AS DECIMAL(38, 6))
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
