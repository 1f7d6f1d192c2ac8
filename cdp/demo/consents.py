"""What each customer agreed to, source by source: given, withdrawn, due for re-confirmation, or never asked."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from cdp.demo.chance import Weighted, often
from cdp.demo.channels import ONLINE
from cdp.demo.records import Record

# SDKs name purposes (in the categories of their consent object); files name a purpose and a contact channel.
ONLINE_CHOICES = {"service": 0.97, "marketing": 0.66, "personalisation": 0.5}
FILE_CHOICES = {
    "haru-pos": {"service:sms": 0.9, "marketing:sms": 0.55, "marketing:email": 0.35, "personalisation:sms": 0.3},
    "onsae-pos": {"service:sms": 0.9, "marketing:sms": 0.5, "marketing:email": 0.4},
    "call-center": {"service:call": 0.9, "marketing:call": 0.25, "marketing:sms": 0.3},
    "loan-desk": {"service:sms": 0.98, "service:email": 0.9, "marketing:call": 0.2},
    "survey": {"service:email": 0.95, "personalisation:email": 0.4},
    "email-test": {"marketing:email": 0.93, "marketing:push": 0.15},
}
STATES = Weighted((("granted", 86.0), ("withdrawn", 14.0)))


def agree(rng: Random, record: Record, now: datetime) -> None:
    """Fills the record's consents; a withdrawal is later than all else, a few desks asked before our two years."""
    online = record.source in ONLINE
    for choice, share in (ONLINE_CHOICES if online else FILE_CHOICES[record.source]).items():
        if often(rng, share):
            record.consents[choice] = "granted" if choice.startswith("service") else STATES.draw(rng)
    record.consent_at = record.created
    if "withdrawn" in record.consents.values():
        record.consent_at = record.updated + (now - record.updated) * rng.uniform(0.02, 0.98)
    elif not online and often(rng, 0.04):
        record.consent_at = record.created - timedelta(days=rng.randrange(1, 60))
