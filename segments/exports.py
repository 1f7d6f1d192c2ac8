"""Exports: the members who may be contacted as a stream of one format, with consent asked of each part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from cdp.core.actions import audit, disclose
from cdp.core.actions import count as counted
from cdp.core.errors import Refused
from cdp.core.statements import hexadecimals
from cdp.core.types import Actor, now, uuid7
from cdp.profiles.types import COMPUTED, MONEY_TRAIT, TRAITS
from consent import queries as consent
from segments import approval as approvals
from segments import assignment, formats, parquet, sql
from segments.contacts import released
from segments.formats import PERSONAL, Format
from segments.models import Segment
from segments.queries import FIRST, GATE_CHUNK, bind, computed_traits
from segments.query.ast import Kind
from segments.vocabulary import trait_spec

MEMBER_COLUMNS = ("profile_id", "entered_at")
SPLIT_COLUMNS = ("variant", "is_holdout")
TRAIT_COLUMNS = ("country", "region", "age_band", "gender", "first_seen", "last_seen", "orders_count")


def export(
    segment: Segment, purpose: str, channel: str, fmt: Format = "csv", columns: Sequence[str] = (), *,
    actor: Actor, personal: bool = False, approval: UUID | None = None, once: bool = False,
) -> Iterator[bytes]:  # fmt: skip
    """The members who may be contacted, streamed as UTF-8 CSV (with a header), NDJSON or Parquet (`fmt`: csv, ndjson, parquet).

    Consent is asked of every chunk of at most 10,000 in a fresh snapshot, so a withdrawal committed before a chunk
    starts is honoured: run it outside a transaction. `columns` come from a fixed list (none: all clear ones that the
    purpose allows) and the published computed traits; "contact" and "contact_sha256" need `personal` and the `approval` of a
    second person, which this spends, and are empty for a holdout; it breaks off once the segment means something else. With
    `once` each contact value is told once, of the first member who has it, and nobody without one. Audited when it begins
    and when it ends, however it ends. Raises `Refused` before the first byte.
    """
    asked = prepared(
        segment, purpose, channel, fmt, columns, actor=actor, personal=personal, approval=approval, once=once
    )
    asked.audit(actor, "segment.export_started")
    return _stream(asked, actor)


def prepared(
    segment: Segment, purpose: str, channel: str, fmt: Format, columns: Sequence[str], *,
    actor: Actor, personal: bool, approval: UUID | None, once: bool,
) -> "Export":  # fmt: skip
    """What is to be exported, as `export` says; raises `Refused`, else spends the approval that it needs."""
    point = bind(segment, purpose, channel).point
    chosen = list(columns) or default_columns(segment)
    _check_columns(segment, chosen, personal)
    if fmt not in get_args(Format):
        raise Refused("format_unknown", _("The format is csv, ndjson or parquet."))
    if once and not PERSONAL.keys() & chosen:
        raise Refused("once_per_address", _("Each address once needs a column of contact values."))
    versions = approvals.use(actor, approval, segment, channel) if PERSONAL.keys() & chosen else {}
    return Export(segment, channel, point, fmt, chosen, kinds_of(chosen), versions, set() if once else None)


@dataclass(frozen=True)
class Export:
    """What is exported: whose members, for which contact channel (and its kind of contact point), how, which columns of which
    kinds, of which approved versions, and digests of the addresses told of where each is told once."""

    segment: Segment
    channel: str
    point: str
    fmt: Format
    columns: list[str]
    kinds: dict[str, tuple[Kind, bool]]
    versions: dict[str, int]
    told_of: set[bytes] | None = None
    id: UUID = field(default_factory=uuid7)

    def chunks(self) -> Iterator[formats.Chunk]:
        """All members, each chunk as the ledger allows it when it is asked for."""
        after = str(FIRST)
        while (chunk := self._chunk(after)).last:
            yield chunk
            after = chunk.last

    def writer(self) -> formats.Writer | parquet.Writer:
        """What makes a file of their lines."""
        return parquet.Writer(self.kinds) if self.fmt == "parquet" else formats.Writer(self.fmt, self.columns)

    def _chunk(self, after: str) -> formats.Chunk:
        """The lines of the next members, as the ledger allows them in the snapshot of the statement that writes them."""
        about = (self.segment.purpose_id, self.channel, now(), self.segment.brand)
        gate, asked = consent.allowed_among(sql.PART, *about)
        params = asked | {"segment": self.segment.pk, "after": after, "limit": GATE_CHUNK}
        if PERSONAL.keys() & self.columns:
            return formats.personal(self.fmt, self.columns, gate, params, self._contacts, self.told_of)
        return formats.clear(self.fmt, self.columns, gate, params)

    def _contacts(self, members: str) -> dict[UUID, str]:
        approvals.check(self.segment, self.versions)
        held_out = assignment.held_out(self.segment, members)
        others = [one for one in map(UUID, hexadecimals(members)) if one not in held_out] if held_out else members
        return released(others, self.point)

    def audit(self, actor: Actor, action: str, **details: Any) -> None:
        """Write down that it begins or ended."""
        audit(
            actor, action, target=str(self.segment.pk), purpose=self.segment.purpose_id, channel=self.channel,
            columns=self.columns, format=self.fmt, export=str(self.id), **details,
        )  # fmt: skip

    def disclose(self, actor: Actor, members: str) -> None:
        """Write down whom the next part tells of."""
        target, purpose = str(self.segment.pk), self.segment.purpose_id
        disclose(actor, "segment.export_part", members, target=target, purpose=purpose, export=str(self.id))


def default_columns(segment: Segment) -> list[str]:
    """The clear columns that the segment's purpose allows, without computed traits."""
    money = f"revenue_total_{settings.DEFAULT_CURRENCY}"
    split = SPLIT_COLUMNS if segment.split else ()
    return [*MEMBER_COLUMNS, *split, *(name for name in (*TRAIT_COLUMNS, money) if _class_allowed(segment, name))]


def all_columns(segment: Segment) -> list[str]:
    """Those, the computed traits that the purpose allows, and the columns of contact values."""
    computed = (name for name in sorted(computed_traits()) if _class_allowed(segment, name))
    return [*default_columns(segment), *computed, *PERSONAL]


def _class_allowed(segment: Segment, column: str) -> bool:
    spec = computed_traits().get(column) if column.startswith(COMPUTED) else TRAITS.get(column)
    return (spec.data_class if spec else "general") in segment.purpose.data_classes


def _check_columns(segment: Segment, columns: Sequence[str], personal: bool) -> None:
    for column in columns:
        fixed = column in (*MEMBER_COLUMNS, *SPLIT_COLUMNS, *TRAIT_COLUMNS, *PERSONAL) or MONEY_TRAIT.fullmatch(column)
        if not (fixed or column in computed_traits()) or columns.count(column) > 1:
            raise Refused("column_unknown", _("An export has no such column, or it is named twice."))
        if column in PERSONAL and not personal:
            raise Refused("personal_not_allowed", _("Contact values need the permission to read personal data."))
        if not _class_allowed(segment, column):
            raise Refused("data_class", _("The purpose of the segment does not allow a column of this data class."))


def kinds_of(columns: Sequence[str]) -> dict[str, tuple[Kind, bool]]:
    """Of each column its type, and whether it holds lists."""
    fixed: dict[str, tuple[Kind, bool]] = {"entered_at": ("moment", False), "is_holdout": ("boolean", False)}
    computed = computed_traits()
    specs = {name: computed.get(name) or trait_spec(name) for name in columns}
    of_traits = {name: (spec.type, spec.many) for name, spec in specs.items() if spec}
    return {name: fixed.get(name) or of_traits.get(name, ("string", False)) for name in columns}


def _stream(export: Export, actor: Actor) -> Iterator[bytes]:
    count, complete, writer = 0, False, export.writer()
    try:
        if first := writer.begin():
            yield first
        for chunk in export.chunks():
            export.disclose(actor, chunk.members)
            count += len(chunk.lines)
            yield writer.part(chunk.lines)
        if last := writer.end():
            yield last
        complete = True
    finally:
        export.audit(actor, "segment.exported", count=count, complete=complete)
        counted(None, {"export_complete" if complete else "export_broken_off": 1})
