"""The relations that rule SQL reads, named once. They hold nothing sealed.

Columns: live profiles are `state` = 'live'; `traits` and `properties` are JSON objects; dates in `traits` are
'YYYY-MM-DD', moments '2026-01-02T03:04:05.000000Z'; `revenue` is in minor units of `currency`.
"""

PROFILE = "identity_profile"
RECORD = "identity_record"
GOLDEN = "profiles_golden"
EVENT = "events_event"
CONSENT = "consent_effective"
MEMBERSHIP = "segments_membership"
# Who is in a segment or was before, also as a profile that was merged into the one that lives.
EVER = "segments_ever"
LISTED = "segments_listed"

TABLES = frozenset({PROFILE, RECORD, GOLDEN, EVENT, CONSENT, MEMBERSHIP, EVER, LISTED})
COLUMNS = frozenset({
    "id", "state", "profile_id", "traits", "record", "name", "occurred_at", "message_id", "properties", "brand",
    "order_id", "currency", "revenue", "purpose", "channel", "segment_id", "list_id",
})  # fmt: skip
LIVE = "live"
GRANTED = "granted"
# Events that state a whole order; others, such as refunds and single lines of a receipt, each count.
WHOLE_ORDER = frozenset({"Order Completed", "Order Updated", "Order Cancelled"})
