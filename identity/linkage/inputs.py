"""From cleaned records and scored pairs to what clustering takes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from identity.linkage.model import Model, digest
from identity.linkage.types import MODEL, Identifier, Limits, Link, Node

if TYPE_CHECKING:
    import pyarrow as pa


def nodes(
    table: pa.Table,
    model: Model,
    identifiers: Mapping[str, tuple[Identifier, ...]],
    leaves: Collection[str] = frozenset(),
) -> Iterator[Node]:
    """A node for each row of a `prepare`d table; `identifiers` and `leaves` by unique id."""
    columns = ["unique_id", "birth_date", "given", "surname", "gender"]
    frequent: dict[str | None, bool] = {None: False}
    rows = zip(*(table[column].to_pylist() for column in columns), strict=True)
    for unique_id, birth_date, given, surname, gender in rows:
        common = frequent.get(given)
        if common is None:
            common = frequent[given] = frequent_given_name(model, given)
        found = identifiers.get(unique_id, ())
        yield Node(unique_id, birth_date, given, surname, gender, common, found, unique_id in leaves)


def frequent_given_name(model: Model, given: str) -> bool:
    """Whether so many others bear the name that it is no misspelling: eight, or one in ten thousand."""
    others = model.frequencies.get("given", {}).get(digest(model, given), 0.0) * model.population
    return others >= 8 + 1e-4 * model.population


def links(edges: pa.Table, model: Model) -> Iterator[Link]:
    """The model's links among scored edges: those that weigh at least `model.link` bits."""
    for left, right, weight in zip(*(edges[column].to_pylist() for column in ("left", "right", "weight")), strict=True):
        if weight >= model.link:
            yield Link(left, right, MODEL, weight)


def limits(model: Model) -> Limits:
    """The usual limits, for data of this model."""
    return Limits(given_names=model.names_divide, birth_dates=model.births_divide)
