"""A review case for its page: both sides masked, what the model makes of them, and what a verdict would change."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError
from django.utils.translation import pgettext_lazy

from cdp import answers
from cdp.console.labels import in_words, label, purpose_name, signed
from cdp.core.errors import CdpError
from cdp.core.masking import mask
from consent import queries as consent
from consent.types import CONTACT_CHANNELS
from identity import queries
from identity.types import ATTRIBUTES, Case, Compared

logger = logging.getLogger(__name__)
PARTS_OF_NAME = {"family_name", "given_name"}
# A bar of so many bits fills its half.
WIDEST = 20.0
COMPARISONS = {
    **ATTRIBUTES,
    "name": pgettext_lazy("comparison", "Name"),
    "place": pgettext_lazy("comparison", "Place"),
    "prior": pgettext_lazy("comparison", "Before comparing"),
    "frequencies": pgettext_lazy("comparison", "How rare the values are"),
}
# The comparison that an attribute counts in, where it is not called so itself.
COMPARED_IN = {
    **dict.fromkeys(("full_name", "given_name", "family_name"), "name"),
    **dict.fromkeys(("address", "city", "region", "postcode"), "place"),
}
# Levels of values that are the same, however they are written.
WHOLE = ("full", "exact", "same")
# How two values compare.
LEVELS = {
    "full": pgettext_lazy("level", "alike in full"),
    "exact": pgettext_lazy("level", "alike"),
    "same": pgettext_lazy("level", "alike"),
    "swapped": pgettext_lazy("level", "surname and given name swapped"),
    "short form": pgettext_lazy("level", "a short form"),
    "part": pgettext_lazy("level", "the one part known is alike"),
    "part surname": pgettext_lazy("level", "the surname known is alike"),
    "part near": pgettext_lazy("level", "the one part known is nearly alike"),
    "jamo": pgettext_lazy("level", "a jamo apart"),
    "near": pgettext_lazy("level", "nearly alike"),
    "sound": pgettext_lazy("level", "sounds alike"),
    "initial": pgettext_lazy("level", "the initial is alike"),
    "near swapped": pgettext_lazy("level", "swapped and nearly alike"),
    "given": pgettext_lazy("level", "the given name is alike"),
    "given near": pgettext_lazy("level", "the given name is nearly alike"),
    "shared word": pgettext_lazy("level", "a word in common"),
    "surname": pgettext_lazy("level", "the surname is alike"),
    "surname near": pgettext_lazy("level", "the surname is nearly alike"),
    "one slip": pgettext_lazy("level", "one slip of the pen"),
    "two slips": pgettext_lazy("level", "two slips of the pen"),
    "year": pgettext_lazy("level", "the year is alike"),
    "local": pgettext_lazy("level", "the part before the @ is alike"),
    "address": pgettext_lazy("level", "the address is alike"),
    "street": pgettext_lazy("level", "street and house are alike"),
    "road": pgettext_lazy("level", "the road is alike"),
    "street name": pgettext_lazy("level", "the street is alike"),
    "postcode": pgettext_lazy("level", "the postcode is alike"),
    "city": pgettext_lazy("level", "the city is alike"),
    "district": pgettext_lazy("level", "the district is alike"),
    "else": pgettext_lazy("level", "unlike"),
    "missing": pgettext_lazy("level", "unknown"),
}


@dataclass(frozen=True)
class Line:
    """One attribute of both records; `agrees` is None where one of them does not know it, `near` what the model finds
    alike of two that are written differently."""

    name: str
    left: str
    right: str
    agrees: bool | None
    near: str


@dataclass(frozen=True)
class Weight:
    """One comparison as a bar: to the right for one person, to the left against it; lengths in percent of a half."""

    comparison: str
    name: str
    level: str
    bits: float
    rarity: str
    length: float

    @property
    def told(self) -> str:
        """The bits with their sign."""
        return signed(self.bits)


def lines(case: Any, told: Iterable[Weight], unmasked: bool) -> list[Line]:
    """What both records say, attribute by attribute; they are compared before masking. `told`: what the model says."""
    apart = {"", *(str(LEVELS[level]) for level in ("else", "missing"))}
    near = {one.comparison: one.level for one in told if one.level not in apart}
    opened = {record.id: record.folded.current() for record in queries.open_records([case.left, case.right])}
    left, right = (_with_full_name(opened.get(side, {})) for side in (case.left, case.right))
    said = {*left, *right} - (PARTS_OF_NAME if "full_name" in left.keys() & right.keys() else set())
    return [_line(name, left.get(name), right.get(name), near, unmasked) for name in ATTRIBUTES if name in said]


def _with_full_name(values: dict[str, str]) -> dict[str, str]:
    """A name said in parts put together, so that it stands beside one said as a whole."""
    family, given = values.get("family_name"), values.get("given_name")
    if "full_name" in values or not family or not given:
        return values
    return {**values, "full_name": f"{given} {family}" if family.isascii() else f"{family}{given}"}


def _line(name: str, left: str | None, right: str | None, near: Mapping[str, str], unmasked: bool) -> Line:
    level = near.get(COMPARED_IN.get(name, name), "")
    alike = level in {str(LEVELS[whole]) for whole in WHOLE}  # also where it is written in another way
    agrees = None if left is None or right is None else alike or left.casefold() == right.casefold()
    shown = [in_words(name, (value or "") if unmasked else mask(name, value or "")) for value in (left, right)]
    return Line(label(ATTRIBUTES, name), shown[0], shown[1], agrees, level)


def weights(case: Case) -> tuple[list[Weight], float | None]:
    """What each comparison adds to the weight of the records as they are now, and the whole of it; bits. Nothing of a
    case that is judged blind."""
    if case.blind:
        return [], None
    weighed = queries.weigh(case.left, case.right)
    if weighed.weight is None:
        return [], None
    return bars(weighed.waterfall[0].end, weighed.comparisons), weighed.weight


def bars(prior: float, comparisons: Iterable[Compared]) -> list[Weight]:
    """What two records had before they were compared, and what each comparison added."""
    told = [_weight(one.comparison, label(LEVELS, one.level), one.bits, one.frequency_bits) for one in comparisons]
    return [_weight("prior", "", prior, None), *told]


def _weight(comparison: str, level: str, bits: float, rarity: float | None) -> Weight:
    length = round(min(abs(bits) / WIDEST, 1) * 100, 1)
    rare = signed(rarity) if rarity and comparison != "frequencies" else ""
    return Weight(comparison, label(COMPARISONS, comparison), level, bits, rare, length)


@dataclass(frozen=True)
class Radius:
    """What the verdict that changes something would change, in words; `unknown` where it could not be computed now."""

    verdict: str
    parts: list[answers.Part]
    segments: list[tuple[str, bool, answers.Part]]
    consents: list[tuple[str, list[str], str, Any, Any, answers.Part]]
    unknown: bool = False


def radius(case: Case) -> Radius | None:
    """The blast radius of an open case; None where nothing is left to decide, and where it would tell what was decided
    so far."""
    if case.blind or case.state != "open" or None in case.profiles:
        return None
    verdict = "different" if case.together else "same"
    try:
        found = answers.blast_radius(case.id, verdict)
    except (CdpError, OperationalError) as error:
        logger.warning("A blast radius could not be computed (%s).", type(error).__name__)
        return Radius(verdict, [], [], [], unknown=True)
    told = [(shift.name, shift.entered, shift.part) for shift in found.segments]
    return Radius(verdict, found.parts, told, _consents(found.consents))


def _consents(shifts: Iterable[answers.ConsentShift]) -> list[tuple[str, list[str], str, Any, Any, answers.Part]]:
    """(purpose, contact channels, brand, state before, state after, part) in words; what changes alike stands together."""
    purposes = consent.purposes()
    nothing = pgettext_lazy("consent", "none")
    alike: dict[tuple[Any, ...], list[str]] = {}
    for shift in shifts:
        what = (shift.purpose, shift.brand, shift.was, shift.now, shift.part)
        alike.setdefault(what, []).append(label(CONTACT_CHANNELS, shift.channel))
    return [
        (
            purpose_name(purposes[purpose]),
            channels,
            brand,
            was.label if was else nothing,
            now.label if now else nothing,
            part,
        )
        for (purpose, brand, was, now, part), channels in alike.items()
    ]
