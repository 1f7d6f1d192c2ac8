-- {"trait": "joined", "op": "between", "value": ["2025-06-30", "2025-12-31"]}
-- postgres: {"p0": "joined", "p1": "2025-06-30", "p2": "2025-12-31"}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    CASE
      WHEN TRANSLATE(
        (
          CASE
            WHEN JSONB_TYPEOF(t.traits -> CAST(%(p0)s AS TEXT)) = 'string'
            THEN (
              t.traits -> CAST(%(p0)s AS TEXT)
            ) #>> CAST('{}' AS TEXT[])
          END COLLATE "C"
        ),
        '0123456789',
        '0000000000'
      ) = '0000-00-00'
      THEN (
        CASE
          WHEN JSONB_TYPEOF(t.traits -> CAST(%(p0)s AS TEXT)) = 'string'
          THEN (
            t.traits -> CAST(%(p0)s AS TEXT)
          ) #>> CAST('{}' AS TEXT[])
        END COLLATE "C"
      )
    END BETWEEN CAST(%(p1)s AS TEXT) AND CAST(%(p2)s AS TEXT),
    FALSE
  );

-- duckdb: {"p0": "/joined", "p1": "2025-06-30", "p2": "2025-12-31"}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    CASE
      WHEN TRANSLATE(
        CASE
          WHEN JSON_TYPE(JSON_EXTRACT(t.traits, CAST($p0 AS TEXT))) = 'VARCHAR'
          THEN JSON_EXTRACT_STRING(JSON_EXTRACT(t.traits, CAST($p0 AS TEXT)), '$')
        END,
        '0123456789',
        '0000000000'
      ) = '0000-00-00'
      THEN CASE
        WHEN JSON_TYPE(JSON_EXTRACT(t.traits, CAST($p0 AS TEXT))) = 'VARCHAR'
        THEN JSON_EXTRACT_STRING(JSON_EXTRACT(t.traits, CAST($p0 AS TEXT)), '$')
      END
    END BETWEEN CAST($p1 AS TEXT) AND CAST($p2 AS TEXT),
    FALSE
  );

-- spark: {"p0": "joined", "p1": "2025-06-30", "p2": "2025-12-31"}
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN profiles_golden AS t
  ON t.profile_id = p.id
WHERE
  p.state = 'live'
  AND COALESCE(
    CASE
      WHEN TRANSLATE(
        CASE
          WHEN SCHEMA_OF_VARIANT(
            ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p0 AS STRING))
          ) = 'STRING'
          THEN TRY_VARIANT_GET(
            ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p0 AS STRING)),
            '$',
            'string'
          )
        END,
        '0123456789',
        '0000000000'
      ) = '0000-00-00'
      THEN CASE
        WHEN SCHEMA_OF_VARIANT(
          ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p0 AS STRING))
        ) = 'STRING'
        THEN TRY_VARIANT_GET(
          ELEMENT_AT(TRY_VARIANT_GET(t.traits, '$', 'map<string, variant>'), CAST(:p0 AS STRING)),
          '$',
          'string'
        )
      END
    END BETWEEN CAST(:p1 AS STRING) AND CAST(:p2 AS STRING),
    FALSE
  );
