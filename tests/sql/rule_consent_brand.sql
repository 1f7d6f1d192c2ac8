-- {"consent": {"purpose": "marketing", "channel": "email", "brand": "north"}}
-- postgres: {"p0": "marketing", "p1": "email", "p2": "north"}
WITH s0 AS (
  SELECT DISTINCT
    r.profile_id
  FROM consent_effective AS r
  WHERE
    r.purpose = CAST(%(p0)s AS TEXT)
    AND r.channel = CAST(%(p1)s AS TEXT)
    AND r.brand = CAST(%(p2)s AS TEXT)
    AND r.state = 'granted'
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- duckdb: {"p0": "marketing", "p1": "email", "p2": "north"}
WITH s0 AS (
  SELECT DISTINCT
    r.profile_id
  FROM consent_effective AS r
  WHERE
    r.purpose = CAST($p0 AS TEXT)
    AND r.channel = CAST($p1 AS TEXT)
    AND r.brand = CAST($p2 AS TEXT)
    AND r.state = 'granted'
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;

-- spark: {"p0": "marketing", "p1": "email", "p2": "north"}
WITH s0 AS (
  SELECT DISTINCT
    r.profile_id
  FROM consent_effective AS r
  WHERE
    r.purpose = CAST(:p0 AS STRING)
    AND r.channel = CAST(:p1 AS STRING)
    AND r.brand = CAST(:p2 AS STRING)
    AND r.state = 'granted'
)
SELECT
  p.id AS profile_id
FROM identity_profile AS p
LEFT JOIN s0
  ON s0.profile_id = p.id
WHERE
  p.state = 'live' AND NOT s0.profile_id IS NULL;
