-- {"list": "invited"}
-- postgres: {"p0": "66bfed01-2979-5b0e-95d5-502e5054f3b4"}
WITH s0 AS (
  SELECT DISTINCT
    r.profile_id
  FROM segments_listed AS r
  WHERE
    r.list_id = CAST(%(p0)s AS UUID)
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "66bfed01-2979-5b0e-95d5-502e5054f3b4"}
WITH s0 AS (
  SELECT DISTINCT
    r.profile_id
  FROM segments_listed AS r
  WHERE
    r.list_id = CAST($p0 AS UUID)
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "66bfed01-2979-5b0e-95d5-502e5054f3b4"}
WITH s0 AS (
  SELECT DISTINCT
    r.profile_id
  FROM segments_listed AS r
  WHERE
    r.list_id = CAST(:p0 AS BINARY)
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
