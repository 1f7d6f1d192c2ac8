"""Is the audit log as it was written? The chain of hashes is computed anew, and compared with the anchor outside."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from cdp.core import anchor, sequence, sql
from cdp.core.actions import disclosed
from cdp.core.models import AuditEntry, Disclosure, Sequence
from cdp.core.sequence import AUDIT, audit_hash
from cdp.core.statements import column

BATCH = 5_000
# What may be wrong with a row of the chain.
CHANGED = "was changed"
MISSING = "is missing"
UNCHAINED = "was never numbered"
DISCLOSURE = "names people in a list that was changed"
CUT = "is known to the anchor and is not there: the end of the log was cut off, or a backup was restored"
REWRITTEN = "is not what the anchor says: the log was written anew from there or before"


@dataclass(frozen=True)
class Fault:
    """The first row that is not as it was written; `seq` is 0 for one without a number."""

    seq: int
    row: UUID | None
    what: str


@dataclass(frozen=True)
class Verified:
    """How many rows were looked at, up to which number and hash, how many lines of the anchor held, and what is wrong."""

    rows: int
    last: int
    link: bytes
    anchors: int
    fault: Fault | None


def verify() -> Verified:
    """Number what is committed, then walk the whole chain; stops at the first bad row. Memory is that of a batch."""
    sequence.number(AUDIT)
    anchors = anchor.kept()
    last, link = 0, b""
    for number, entry in _rows():
        fault = _fault(last, link, number, entry)
        if fault is not None:
            return Verified(last, last, link, len(anchors), fault)
        last, link = number.seq, bytes(number.hash or b"")
        if anchors.get(last, link) != link:
            return Verified(last, last, link, len(anchors), Fault(last, number.row, REWRITTEN))
    return Verified(last, last, link, len(anchors), _beyond(last, anchors))


def _rows() -> Iterator[tuple[Sequence, AuditEntry | None]]:
    """The numbers of the audit in order, each with its row if there is one."""
    after = 0
    while batch := list(Sequence.objects.filter(stream=AUDIT, seq__gt=after).order_by("seq")[:BATCH]):
        entries = AuditEntry.objects.in_bulk([number.row for number in batch])
        yield from ((number, entries.get(number.row)) for number in batch)
        after = batch[-1].seq


def _fault(last: int, link: bytes, number: Sequence, entry: AuditEntry | None) -> Fault | None:
    """What is wrong with the row that follows number `last`."""
    if number.seq != last + 1:
        return Fault(last + 1, None, MISSING)
    if entry is None:
        return Fault(number.seq, number.row, MISSING)
    if audit_hash(link, number.seq, entry) != bytes(number.hash or b""):
        return Fault(number.seq, number.row, CHANGED)
    return None if _disclosure_holds(entry) else Fault(number.seq, number.row, DISCLOSURE)


def _disclosure_holds(entry: AuditEntry) -> bool:
    named = entry.details.get("disclosure")
    told = Disclosure.objects.filter(pk=named).first() if named else None
    return named is None or (told is not None and disclosed(told) == entry.details.get("digest"))


def _beyond(last: int, anchors: dict[int, bytes]) -> Fault | None:
    """What is wrong behind the last number."""
    if (cut := min((seq for seq in anchors if seq > last), default=None)) is not None:
        return Fault(cut, None, CUT)
    loose = column(sql.UNCHAINED)
    return Fault(0, loose[0], UNCHAINED) if loose else None
