"""The raw SQL of batch runs."""

# Persons' records without what is sealed of them.
HEADS = "select id, profile_id, version from identity_record where id = any(%s) and not leaf"
