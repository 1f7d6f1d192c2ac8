-- {"not": {"segment": "lapsed", "ever": true}}
-- postgres: {"p0": "f9fa8ada-22ca-5956-bdf0-469cc8662784"}
WITH s0 AS (
  SELECT DISTINCT
    r.profile_id
  FROM segments_ever AS r
  WHERE
    r.segment_id = CAST(%(p0)s AS UUID)
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT (
    NOT s0.profile_id IS NULL
  );

-- duckdb: {"p0": "f9fa8ada-22ca-5956-bdf0-469cc8662784"}
WITH s0 AS (
  SELECT DISTINCT
    r.profile_id
  FROM segments_ever AS r
  WHERE
    r.segment_id = CAST($p0 AS UUID)
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT (
    NOT s0.profile_id IS NULL
  );

-- spark: {"p0": "f9fa8ada-22ca-5956-bdf0-469cc8662784"}
WITH s0 AS (
  SELECT DISTINCT
    r.profile_id
  FROM segments_ever AS r
  WHERE
    r.segment_id = CAST(:p0 AS BINARY)
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT (
    NOT s0.profile_id IS NULL
  );
