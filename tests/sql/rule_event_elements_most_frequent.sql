-- {"event": "Basket", "most_frequent": {"property": "products[].category", "op": "eq", "value": "b"}}
-- postgres: {"p0": "products", "p1": "category", "p2": "Basket", "p3": "2026-03-01 00:00:00+00:00", "p4": "b"}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      e.profile_id,
      e.value,
      ROW_NUMBER() OVER (PARTITION BY e.profile_id ORDER BY COUNT(*) DESC NULLS LAST, e.value ASC) AS place
    FROM (
      SELECT
        r.profile_id,
        (
          CASE
            WHEN JSONB_TYPEOF(v0.element -> CAST(%(p1)s AS TEXT)) = 'string'
            THEN v0.element ->> CAST(%(p1)s AS TEXT)
          END COLLATE "C"
        ) AS value
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
    ) AS e
    WHERE
      NOT e.value IS NULL
    GROUP BY
      e.profile_id,
      e.value
  ) AS e
  WHERE
    e.place = 1 AND COALESCE(e.value = CAST(%(p4)s AS TEXT), FALSE)
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "/products", "p1": "/category", "p2": "Basket", "p3": "2026-03-01 00:00:00+00:00", "p4": "b"}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      e.profile_id,
      e.value,
      ROW_NUMBER() OVER (PARTITION BY e.profile_id ORDER BY COUNT(*) DESC, e.value ASC) AS place
    FROM (
      SELECT
        r.profile_id,
        CASE
          WHEN JSON_TYPE(v0.element, CAST($p1 AS TEXT)) = 'VARCHAR'
          THEN JSON_EXTRACT_STRING(v0.element, CAST($p1 AS TEXT))
        END AS value
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
    ) AS e
    WHERE
      NOT e.value IS NULL
    GROUP BY
      e.profile_id,
      e.value
  ) AS e
  WHERE
    e.place = 1 AND COALESCE(e.value = CAST($p4 AS TEXT), FALSE)
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "products", "p1": "category", "p2": "Basket", "p3": "2026-03-01 00:00:00+00:00", "p4": "b"}
WITH s0 AS (
  SELECT
    e.profile_id
  FROM (
    SELECT
      e.profile_id,
      e.value,
      ROW_NUMBER() OVER (PARTITION BY e.profile_id ORDER BY COUNT(*) DESC, e.value ASC NULLS LAST) AS place
    FROM (
      SELECT
        r.profile_id,
        CASE
          WHEN SCHEMA_OF_VARIANT(
            ELEMENT_AT(TRY_VARIANT_GET(v0.element, '$', 'map<string, variant>'), CAST(:p1 AS STRING))
          ) = 'STRING'
          THEN TRY_VARIANT_GET(
            ELEMENT_AT(TRY_VARIANT_GET(v0.element, '$', 'map<string, variant>'), CAST(:p1 AS STRING)),
            '$',
            'string'
          )
        END AS value
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
    ) AS e
    WHERE
      NOT e.value IS NULL
    GROUP BY
      e.profile_id,
      e.value
  ) AS e
  WHERE
    e.place = 1 AND COALESCE(e.value = CAST(:p4 AS STRING), FALSE)
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
