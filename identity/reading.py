"""What a transaction under the identity lock reads of identity, each thing once: nobody else changes it meanwhile."""

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from uuid import UUID

from cdp.core import crypto, indexing
from cdp.core.indexing import BlindIndex
from cdp.core.statements import by_number, column, prepared
from identity import cleaning, queries, sql
from identity.clusters import StoredLink
from identity.linkage.model import Model
from identity.types import Cleaned, OpenRecord, Row

Keys = Mapping[UUID, crypto.RecordKey]


class Reading:
    """The records that the transaction opened or folded, the evidence of the tables, and the model and index in use."""

    def __init__(self) -> None:
        self._opened: dict[UUID, OpenRecord] = {}
        self._cleaned: dict[UUID, Cleaned] = {}
        self._fresh: set[UUID] = set()

    # --- records ------------------------------------------------------------------------------------------------------

    def records(self, ids: Iterable[UUID], keys: Keys | None = None) -> list[OpenRecord]:
        """Those of these records that there are, in order of their ids. `keys`: their data keys, where at hand."""
        wanted = by_number(set(ids))
        if unopened := [record for record in wanted if record not in self._opened]:
            self._opened |= {record.id: record for record in queries.open_records(unopened, keys)}
        return [self._opened[record] for record in wanted if record in self._opened]

    def cleaned(self, ids: Iterable[UUID]) -> list[Cleaned]:
        """Those of these records that are persons', in order of their ids, as linkage compares them."""
        wanted = by_number(set(ids))
        leaves = {record.id for record in self._opened.values() if record.leaf}
        if unread := [record for record in wanted if record not in self._cleaned and record not in leaves]:
            self._cleaned |= {record.id: record for record in cleaning.read(unread)}
        return [self._cleaned[record] for record in wanted if record in self._cleaned]

    def keep(self, record: OpenRecord, row: Row | None) -> None:
        """Take a record as the transaction has just written it, and what linkage compares of it, where that is new."""
        if record.id not in self._opened:
            self._fresh.add(record.id)
        self._opened[record.id] = record
        if row is not None:
            self._cleaned[record.id] = Cleaned(record.id, record.profile, record.version, row)

    def stored(self, records: Iterable[UUID]) -> list[UUID]:
        """Those of these records, in PostgreSQL's order, that were not first folded by this transaction: of the others the
        tables hold nothing but what it wrote."""
        return by_number(record for record in records if record not in self._fresh)

    def leaves(self, records: Iterable[UUID]) -> set[UUID]:
        """Those of these records that are leaves."""
        asked = set(records)
        known = asked & self._opened.keys()
        leaves = {record for record in known if self._opened[record].leaf}
        known |= asked & self._cleaned.keys()
        return leaves | queries.leaves_among(asked - known) if asked - known else leaves

    # --- evidence -----------------------------------------------------------------------------------------------------

    def component(self, seeds: Collection[UUID]) -> set[UUID]:
        """`seeds` and all persons' records that anything connects with them."""
        return queries.component(seeds)

    def links(self, records: list[UUID]) -> list[StoredLink]:
        """Links between `records`."""
        return [StoredLink(*row) for row in prepared(sql.LINKS, {"records": records})]

    # --- what is in use -----------------------------------------------------------------------------------------------

    @cached_property
    def _in_use(self) -> tuple[UUID | None, bool | None]:
        """The id of the model in use, and whether the last run did not end."""
        [(live, unfinished)] = prepared(sql.IN_USE)
        return live, unfinished

    @cached_property
    def live(self) -> tuple[UUID | None, Model]:
        """The id of the model in use, and the model."""
        live, _ = self._in_use
        return live, queries.model_of(live)

    @property
    def model(self) -> Model:
        """The model in use."""
        return self.live[1]

    @cached_property
    def index(self) -> BlindIndex:
        """The generations of index keys."""
        return indexing.now()

    @cached_property
    def run_under_way(self) -> bool:
        """Whether a batch run may have read these records before they changed."""
        return bool(self._in_use[1]) and column(sql.RUN_ALIVE) == [True]

    @property
    def links_wanted(self) -> bool:
        """Whether links are kept up to date: there is a live model, or a run that may bring one."""
        return self.live[0] is not None or self.run_under_way


def locked() -> Reading:
    """A reading under the identity lock, which keeps everybody else from folding and clustering until the caller's
    transaction ends."""
    prepared(sql.LOCK)
    return Reading()
