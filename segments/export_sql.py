"""The raw SQL of export files."""

# Those that the records are of now, and those that were merged into them since.
_OF = "select distinct profile_id from identity_record where id = any(%(records)s)"
_PROFILES = f"{_OF} union select id from identity_profile where redirect_id in ({_OF})"  # noqa: S608 - our own text
_PARTS = f"""
select p.job_id, p.at from segments_exportpart p
where exists (select from unnest(p.members) member where member in ({_PROFILES}))
"""  # noqa: S608 - our own text
FILES_WITH = f"select distinct job_id from ({_PARTS}) part"  # noqa: S608 - our own text
TOLD_IN = f"""
select s.key, j.purpose_id, j.channel_id, j.asked_by, part.at, j.ends_at
from ({_PARTS}) part join segments_exportjob j on j.id = part.job_id join segments_segment s on s.id = j.segment_id
order by part.at
"""  # noqa: S608 - our own text
