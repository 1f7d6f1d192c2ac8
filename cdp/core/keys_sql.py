"""The raw SQL of what is known of keys: generations of index keys, proofs, what is wrapped by what."""

INDEX_KEYS = "select generation, key, proof, state from keys.core_indexkey order by generation"
FIRST_INDEX_KEY = (
    "insert into keys.core_indexkey (generation, key, proof, state) values (1, %s, %s, 'read') on conflict do nothing"
)

# By which rows of digests are joined and told, and none of any other generation.
READ_GENERATION = "(select coalesce(max(generation), 1) from keys.core_indexkey where state = 'read')"

SAVE_PROOFS = """
insert into keys.core_keyproof (name, proof) select * from unnest(%b::text[], %b::bytea[]) on conflict do nothing
"""
PROOFS = "select name, proof from keys.core_keyproof"

DATA_KEYS_BY_KEK = "select kek_id, count(*) from keys.core_datakey group by kek_id"

# A few data keys of each key-encryption key, by which it is tried.
SAMPLE_DATA_KEYS = """
select d.id, d.record, d.kek_id, d.wrapped from keys.core_keyencryptionkey k
cross join lateral (select * from keys.core_datakey where kek_id = k.id limit %s) d
"""
DATA_KEYS_AFTER = "select id, record, kek_id, wrapped from keys.core_datakey where id > %s order by id limit %s"
KEK_IN_USE = "select exists (select from keys.core_datakey where kek_id = %s)"
HAS_PROOFS = "select to_regclass('keys.core_keyproof') is not null"
