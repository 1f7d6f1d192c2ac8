"""The linkage model: how much each level of each comparison speaks for or against a match (Fellegi and Sunter 1969).

A model is frozen: probabilities, term frequencies, stop keys and thresholds together make one version, under which
the same records always give the same weights. It names no SQL dialect. Term frequencies are kept under salted digests
and for frequent values only, yet a stored model belongs sealed like other personal data.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Final, Literal

from identity.linkage.comparisons import COMPARISONS, Comparison

FORMAT: Final = 1
# So many records are added to the population, so that small files do not make every name frequent.
PSEUDO_COUNT: Final = 2000
# A value that nobody else is known to have counts as half a sighting.
RARE: Final = 0.5
# Term frequencies may not lift a weight above this share of non-matches agreeing.
LOWEST_FREQUENCY: Final = 5e-6
# Weights may differ by so many bits for rounding alone.
SAME_BITS: Final = 1e-6

Origin = Literal["trained", "default", "not estimated"]


@dataclass(frozen=True, slots=True)
class Weight:
    """m and u of one level: the shares of matches and of non-matches that fall into it, and where m came from."""

    level: str
    m: float
    u: float
    origin: Origin = "default"

    @property
    def bits(self) -> float:
        """Match weight, log2(m / u)."""
        return math.log2(self.m / self.u)


@dataclass(frozen=True, slots=True)
class Model:
    """A version of the linkage model. `link` and `review` are match weights (bits, prior included)."""

    version: str
    prior: float  # probability that two random records are one person's
    weights: Mapping[str, tuple[Weight, ...]]
    link: float = 2.5  # a probability of 0.85
    review: float = -1.0
    salt: str = ""
    population: int = 0  # records the term frequencies were counted over
    frequencies: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    stop_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def to_json(self) -> str:
        """Canonical JSON: equal models give equal text."""
        return json.dumps({"format": FORMAT, **asdict(self)}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Model":
        """The model of `to_json`. Raises ValueError on another format or on levels that this code does not have."""
        raw = json.loads(text)
        if raw.pop("format", None) != FORMAT:
            raise ValueError("not a linkage model of this format")
        raw["weights"] = {
            name: tuple(Weight(**weight) for weight in weights) for name, weights in raw["weights"].items()
        }
        raw["stop_keys"] = {rule: tuple(keys) for rule, keys in raw["stop_keys"].items()}
        model = cls(**raw)
        _check_levels(model)
        return model

    @property
    def names_divide(self) -> bool:
        """Whether different given names mean different people. Where a third of the matching names is misspelt or
        swapped, a different one proves little, and twins cannot be told from slips."""
        share = {weight.level: weight.m for weight in self.weights["name"]}
        slips = sum(share[level] for level in ("swapped", "jamo", "near", "near swapped"))
        return slips / (slips + share["full"]) < 1 / 3

    @property
    def births_divide(self) -> bool:
        """Whether different birth dates mean different people: not where one match in ten has another date."""
        share = {weight.level: weight.m for weight in self.weights["birth_date"]}
        return share["year"] + share["else"] < 1 / 10

    @property
    def rare_frequency(self) -> float:
        """Term frequency of a value that is not among `frequencies`."""
        return RARE / (self.population + PSEUDO_COUNT)


def digest(model: Model, value: str) -> str:
    """Under which `value` is found in `model.frequencies`; the SQL of `score` computes the same."""
    return hashlib.md5((model.salt + value).encode(), usedforsecurity=False).hexdigest()[:16]


def versioned(model: Model) -> Model:
    """The model under the version that its content has: equal models have one version."""
    unnamed = replace(model, version="")
    return replace(model, version=hashlib.blake2b(unnamed.to_json().encode(), digest_size=8).hexdigest())


def with_thresholds(model: Model, *, link: float | None = None, review: float | None = None) -> Model:
    """The same model with other thresholds (bits, prior included; None: as they are), hence another version.

    Raises ValueError unless both are finite and `link` is at least `review`.
    """
    link = model.link if link is None else float(link)
    review = model.review if review is None else float(review)
    if not (math.isfinite(link) and math.isfinite(review) and link >= review):
        raise ValueError("the thresholds must be finite, and the one for links no lower than the one for review")
    return versioned(replace(model, link=link, review=review))


def falling(model: Model) -> dict[str, float]:
    """Comparisons of which a trained weaker level outweighs a trained stronger one, and by how many bits at most."""
    found = {item.name: falls(item, model.weights[item.name]) for item in COMPARISONS}
    return {name: bits for name, bits in found.items() if bits > SAME_BITS}


def falls(comparison: Comparison, weights: tuple[Weight, ...]) -> float:
    """By how many bits a trained weaker level outweighs a trained stronger one, at most."""
    pairs = zip(comparison.levels, weights, strict=True)
    ranked = [(level.strength, weight.bits) for level, weight in pairs if weight.origin == "trained"]
    return max((low - high for strong, high in ranked for weak, low in ranked if weak < strong), default=0.0)


def _check_levels(model: Model) -> None:
    for comparison in COMPARISONS:
        named = tuple(weight.level for weight in model.weights.get(comparison.name, ()))
        if named != tuple(level.name for level in comparison.levels):
            raise ValueError(f"the model's levels of {comparison.name} are not those of this version")


def _packaged(name: str, *shares: tuple[float, float]) -> tuple[Weight, ...]:
    levels = next(comparison for comparison in COMPARISONS if comparison.name == name).levels
    return tuple(Weight(level.name, m, u) for level, (m, u) in zip(levels, shares, strict=True))


# Reasoned from person data in general. Non-matches: what two random people of a country have in common (a few dozen
# frequent surnames, some hundred frequent given names, 365 days in 60 years). Matches: usual rates of slips and moves.
DEFAULT: Final = Model(
    version="packaged-1",
    prior=1e-4,
    weights={
        "name": _packaged(
            "name",
            (0.65, 0.0008), (0.03, 0.00002), (0.03, 0.0001), (0.06, 0.004), (0.03, 0.03), (0.01, 0.002),
            (0.015, 0.0008), (0.05, 0.0006), (0.03, 0.0008), (0.01, 0.001), (0.02, 0.00005), (0.02, 0.008),
            (0.01, 0.006), (0.005, 0.001), (0.01, 0.05), (0.01, 0.004), (0.01, 0.89063),
        ),
        "birth_date": _packaged(
            "birth_date",
            (0.88, 0.00005), (0.06, 0.001), (0.03, 0.015), (0.01, 0.016), (0.02, 0.967),
        ),
        "email": _packaged("email", (0.72, 0.00005), (0.05, 0.00005), (0.05, 0.0003), (0.18, 0.9996)),
        "phone": _packaged("phone", (0.72, 0.00005), (0.03, 0.00002), (0.25, 0.9999)),
        "place": _packaged(
            "place",
            (0.42, 0.0001), (0.1, 0.00015), (0.06, 0.0001), (0.03, 0.0004), (0.12, 0.001),
            (0.14, 0.03), (0.04, 0.012), (0.03, 0.01), (0.06, 0.94625),
        ),
        "gender": _packaged("gender", (0.97, 0.5), (0.03, 0.5)),
    },
)  # fmt: skip
