"""Writes of what is no person's: places, products with their versions, reference values. Loading the same again changes
nothing; each function returns how many rows are new or changed, and works in a transaction of its own."""

from collections.abc import Sequence
from typing import Any

import msgspec
from django.db import transaction

from cdp.core.actions import audit
from cdp.core.statements import fetch
from cdp.core.types import Actor, uuid7
from cdp.events import sql
from cdp.events.types import KnownPlace, KnownProduct, KnownValues


@transaction.atomic
def load_places(places: Sequence[KnownPlace]) -> int:
    """Places by their keys; of two with one key the last is kept."""
    once = {one.key: one for one in places}
    return _load(sql.LOAD_PLACES, [msgspec.structs.astuple(once[key]) for key in sorted(once)])


@transaction.atomic
def load_products(products: Sequence[KnownProduct]) -> int:
    """Versions of products; one that says the same as the version before it is none."""
    once = {(one.sku, one.valid_from): one for one in products}
    ordered = [once[key] for key in sorted(once)]
    facts = [(one.name, one.category, _json(one.attributes), one.price, one.currency) for one in ordered]
    rows = [(uuid7(), one.sku, one.valid_from, *its) for one, its in zip(ordered, facts, strict=True)]
    return _load(sql.LOAD_PRODUCTS, rows)


@transaction.atomic
def load_values(reference: str, values: Sequence[KnownValues]) -> int:
    """What held of the keys of a table of reference values."""
    once = {(one.key, one.valid_from): one for one in values}
    rows = [(key, moment, _json(once[key, moment].values)) for key, moment in sorted(once)]
    return _load(sql.LOAD_VALUES, rows, reference)


def note_load(actor: Actor, what: str, rows: int, changed: int, refused: int) -> None:
    """Append the audit row of a file that was loaded."""
    audit(actor, "reference.loaded", target=what, rows=rows, changed=changed, refused=refused)


def _load(statement: str, rows: Sequence[tuple[Any, ...]], *first: str) -> int:
    return len(fetch(statement, [*first, *map(list, zip(*rows, strict=True))])) if rows else 0


def _json(values: Any) -> str:
    return msgspec.json.encode(values).decode()
