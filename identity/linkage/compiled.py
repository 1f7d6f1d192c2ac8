"""A trained model as Python functions: pairs scored one by one in microseconds, with the weights that `score` gives.

`score` compares tables; this compares the records at hand. Both read the same comparisons, blocking rules and models,
and agree to 1e-9 bits (Fellegi and Sunter 1969, with term frequencies as Splink adjusts them).
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any, Final, NamedTuple

from identity.linkage.blocking import RULES, Rule
from identity.linkage.comparisons import COMPARISONS, PERSONAL, Comparison
from identity.linkage.model import LOWEST_FREQUENCY, Model, Weight, digest
from identity.linkage.normalise import COLUMNS
from identity.linkage.translate import FUNCTIONS, Column, Translator, Untranslatable

Row = Mapping[str, str | None]
Keys = tuple[tuple[int, str], ...]

# The gamma and the name of what cannot be compared.
MISSING: Final = -1
MISSING_NAME: Final = "missing"


class Scored(NamedTuple):
    """`weight`: bits, prior included, rounded to 1e-9. `gammas`: one per comparison, the level counted from the last
    (0: nothing alike; -1: not comparable). Only a `personal` pair is an edge, however much it weighs: one of which a
    comparison of `PERSONAL` is above 0."""

    weight: float
    gammas: tuple[int, ...]
    personal: bool


class Evidence(NamedTuple):
    """What one comparison says. `bits` is all that it adds to the weight; `frequency_bits` the part of it that comes
    from how frequent the values are."""

    comparison: str
    level: str
    bits: float
    frequency_bits: float


class Prepared:
    """A row made ready to be compared: made by one scorer, for that scorer. `id` decides which side it stands on."""

    __slots__ = ("id", "rarities", *COLUMNS, *(f"{column}_utf8" for column in COLUMNS))

    id: str
    rarities: dict[str, float]


@dataclass(frozen=True, slots=True)
class Scorer:
    """A compiled model. Pure: it keeps nothing of the rows and may be shared by threads."""

    version: str
    prior: float  # bits
    comparisons: tuple[Comparison, ...]
    weights: tuple[tuple[Weight, ...], ...]
    prepare: Callable[[str, Row], Prepared]  # of the record's unique id and its row (`normalise.clean`)
    _compare: Callable[[Prepared, Prepared], Scored]
    _adjust: "_Frequencies"

    def score(self, one: Prepared, other: Prepared) -> Scored:
        """Weight and levels of a pair, in either order: as in a batch, the smaller unique id is the left side, for a
        level may look at one side only."""
        return self._compare(one, other) if one.id <= other.id else self._compare(other, one)

    def explain(self, one: Prepared, other: Prepared) -> tuple[Evidence, ...]:
        """What each comparison adds; with `prior` the bits sum up to the pair's weight."""
        gammas = self.score(one, other).gammas
        sides = zip(self.comparisons, self.weights, gammas, strict=True)
        return tuple(self._evidence(*side, one, other) for side in sides)

    def _evidence(
        self, comparison: Comparison, weights: tuple[Weight, ...], gamma: int, one: Prepared, other: Prepared
    ) -> Evidence:
        if gamma == MISSING:
            return Evidence(comparison.name, MISSING_NAME, 0.0, 0.0)
        level, weight = comparison.levels[-1 - gamma], weights[-1 - gamma]
        rarity = self._adjust(level.frequency, math.log2(weight.u), one, other) if level.frequency else 0.0
        return Evidence(comparison.name, level.name, weight.bits + rarity, rarity)


class _Frequencies:
    """Bits by which the frequency of a value changes the weight of agreeing on it."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._value = {column: attrgetter(column) for column in COLUMNS}

    def __call__(self, column: str, usual: float, one: Prepared, other: Prepared) -> float:
        """`usual`: log2 of the share of non-matches in the level. Of two values the more frequent one counts."""
        value, second = self._value[column](one), self._value[column](other)
        if value == second:
            known = one.rarities.get(column) or other.rarities.get(column)
            return 0.0 if value is None else usual - (known or self._rarity(column, value, one))
        shares = [self._rarity(column, text, row) for text, row in ((value, one), (second, other)) if text is not None]
        return usual - max(shares)

    def _rarity(self, column: str, value: str, row: Prepared) -> float:
        """log2 of the share of records with the value; kept in the row, for a digest costs as much as a comparison."""
        known = row.rarities.get(column)
        if known is None:
            shares = self._model.frequencies.get(column, {})
            share = shares.get(digest(self._model, value), self._model.rare_frequency)
            known = row.rarities[column] = math.log2(max(share, LOWEST_FREQUENCY))
        return known


def compile_model(model: Model, comparisons: Sequence[Comparison] = COMPARISONS) -> Scorer:
    """The model's scorer. Raises Untranslatable when a level's condition has no exact counterpart in Python."""
    prior = math.log2(model.prior / (1 - model.prior))
    weights = tuple(model.weights[comparison.name] for comparison in comparisons)
    adjust = _Frequencies(model)
    source = _compare_source(prior, comparisons, weights)
    return Scorer(
        version=model.version,
        prior=prior,
        comparisons=tuple(comparisons),
        weights=weights,
        prepare=_function("prepare", _prepare_source(source, comparisons), Prepared=Prepared),
        _compare=_function("compare", source, adjust=adjust, Scored=Scored, floor=math.floor),
        _adjust=adjust,
    )


def compile_keys(rules: Sequence[Rule] = RULES) -> Callable[[Row], Keys]:
    """The function of `keys` for any rules. Raises Untranslatable."""
    columns = {column: Column(column, f"{column}.encode()") for column in COLUMNS}
    translator = Translator(columns)
    body = "\n".join(_key_line(translator, index, key) for index, rule in enumerate(rules) for key in rule.keys)
    loads = [f"    {column} = row[{column!r}]" for column in COLUMNS if re.search(rf"\b{column}\b", body)]
    source = "\n".join(["def keys(row):", "    found = {}", *loads, body, "    return tuple(found)"])
    function: Callable[[Row], Keys] = _function("keys", source)
    return function


def _key_line(translator: Translator, index: int, key: str) -> str:
    value = translator.value(key)
    if value.kind != "text":
        raise Untranslatable(f"key that is no text: {key}")
    return f"    if {value.guard}: found[{index}, {value.code}] = None"


def keys(row: Row) -> Keys:
    """Blocking keys of a cleaned row: (index of the rule in `blocking.RULES`, key), each once; no key is capped."""
    return _keys()(row)


@cache
def _keys() -> Callable[[Row], Keys]:
    return compile_keys()


def _compare_source(prior: float, comparisons: Sequence[Comparison], weights: Sequence[tuple[Weight, ...]]) -> str:
    """Weights are added in Splink's order and rounded as DuckDB rounds, so that not even the last bit differs."""
    columns = {
        f"{column}_{side}": Column(f"{side}.{column}", f"{side}.{column}_utf8") for column in COLUMNS for side in "lr"
    }
    translator = Translator(columns)
    lines = []
    for number, (comparison, shares) in enumerate(zip(comparisons, weights, strict=True)):
        lines += _branches(translator, f"gamma_{number}", comparison, shares)
    gammas = "".join(f"gamma_{number}, " for number in range(len(comparisons)))
    alike = [f"gamma_{number} > 0" for number, item in enumerate(comparisons) if item.name in PERSONAL]
    personal = " or ".join(alike) or "False"
    head = ["def compare(l, r):", f"    weight = {prior!r}", f"    {translator.unknown}"]
    return "\n".join([*head, *lines, f"    return Scored(floor(weight * 1e9 + 0.5) / 1e9, ({gammas}), {personal})"])


def _branches(translator: Translator, gamma: str, comparison: Comparison, weights: tuple[Weight, ...]) -> list[str]:
    """One branch for each level; the first that holds decides."""
    final = comparison.levels[-1]
    if final.condition != "else" or final.frequency:
        raise Untranslatable(f"last level of {comparison.name}, which is to be a plain else")
    lines = [f"    if {translator.condition(_sql(comparison.missing))}:", f"        {gamma} = {MISSING}"]
    for at, (level, weight) in enumerate(zip(comparison.levels, weights, strict=True), start=1):
        last = at == len(weights)
        lines += ["    else:" if last else f"    elif {translator.condition(_sql(level.condition))}:"]
        lines += [f"        {gamma} = {len(weights) - at}", f"        weight += {weight.bits!r}"]
        if level.frequency:
            lines += [f"        weight += adjust({level.frequency!r}, {math.log2(weight.u)!r}, l, r)"]
    return lines


def _sql(condition: str) -> str:
    """A condition in DuckDB's words."""
    return condition.replace("{jw}", "jaro_winkler_similarity").replace("{dl}", "damerau_levenshtein")


def _prepare_source(compared: str, comparisons: Sequence[Comparison]) -> str:
    """Only what the comparing function reads is copied, and only what distances read is encoded."""
    frequent = {level.frequency for comparison in comparisons for level in comparison.levels}
    lines = ["def prepare(unique_id, row):", "    p = Prepared()", "    p.id, p.rarities = unique_id, {}"]
    read = set(re.findall(r"\b[lr]\.(\w+)", compared))
    for column in COLUMNS:
        encoded = f"{column}_utf8" in read
        if encoded or column in read | frequent:
            lines += [f"    p.{column} = v = row[{column!r}]"]
        if encoded:
            lines += [f"    p.{column}_utf8 = None if v is None else v.encode()"]
    return "\n".join([*lines, "    return p"])


def _function(name: str, source: str, **names: Any) -> Any:
    """The function that the source defines. The source is made of this package's own rules, never of data."""
    scope: dict[str, Any] = {**FUNCTIONS, **names}
    exec(compile(source, f"<linkage {name}>", "exec"), scope)  # noqa: S102
    return scope[name]
