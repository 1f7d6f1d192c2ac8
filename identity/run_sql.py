"""The raw SQL of batch runs."""

# Records without what is sealed of them.
HEADS = """
select id, source_id, kind, leaf, profile_id, version, first_seen, last_seen from identity_record where id = any(%s)
"""
