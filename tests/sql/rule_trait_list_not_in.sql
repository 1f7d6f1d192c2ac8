-- {"trait": "computed.brands[]", "op": "not_in", "value": ["haru", "shu"]}
-- postgres: {"p0": "computed.brands", "p1": ["haru", "shu"]}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND NOT EXISTS(
    SELECT
      1
    FROM JSONB_ARRAY_ELEMENTS(
      CASE
        WHEN JSONB_TYPEOF(t.traits -> CAST(%(p0)s AS TEXT)) = 'array'
        THEN t.traits -> CAST(%(p0)s AS TEXT)
      END
    ) AS v0(element)
    WHERE
      COALESCE(
        (
          CASE
            WHEN JSONB_TYPEOF(v0.element) = 'string'
            THEN (
              v0.element
            ) #>> CAST('{}' AS TEXT[])
          END COLLATE "C"
        ) = ANY(
          CAST(%(p1)s AS TEXT[])
        ),
        FALSE
      )
  );

-- duckdb: {"p0": "/computed.brands", "p1": ["haru", "shu"]}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND NOT EXISTS(
    SELECT
      1
    FROM UNNEST(
      CASE
        WHEN JSON_TYPE(t.traits, CAST($p0 AS TEXT)) = 'ARRAY'
        THEN JSON_EXTRACT(JSON_EXTRACT(t.traits, CAST($p0 AS TEXT)), '$[*]')
      END
    ) AS v0(element)
    WHERE
      COALESCE(
        CASE
          WHEN JSON_TYPE(v0.element, '$') = 'VARCHAR'
          THEN JSON_EXTRACT_STRING(v0.element, '$')
        END = ANY(
          CAST($p1 AS TEXT[])
        ),
        FALSE
      )
  );

-- spark: {"p0": "computed.brands", "p1": ["haru", "shu"]}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND NOT COALESCE(
    EXISTS(
      TRY_VARIANT_GET(
        ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p0 AS STRING)),
        '$',
        'array<variant>'
      ),
      v0 -> COALESCE(
        ARRAY_CONTAINS(
          CAST(:p1 AS ARRAY<STRING>),
          CASE
            WHEN SCHEMA_OF_VARIANT(v0) = 'STRING'
            THEN TRY_VARIANT_GET(v0, '$', 'string')
          END
        ),
        FALSE
      )
    ),
    FALSE
  );
