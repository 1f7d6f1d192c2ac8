-- {"segment": "vip", "ever": true}
-- postgres: {"p0": "efbe7ada-fb94-55c3-a144-18813858203a"}
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
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "efbe7ada-fb94-55c3-a144-18813858203a"}
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
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "efbe7ada-fb94-55c3-a144-18813858203a"}
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
  p.state = 'live' AND NOT s0.profile_id IS NULL;
