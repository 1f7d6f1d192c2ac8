"""Words for the keys that tables hold, in the reader's language; an unknown key stands for itself."""

from collections.abc import Mapping
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import get_language, pgettext_lazy

from consent.types import KnownPurpose

GENDERS = {"m": pgettext_lazy("gender", "male"), "f": pgettext_lazy("gender", "female")}
# What happened to a profile.
HISTORY_KINDS = {
    "created": pgettext_lazy("profile", "created"),
    "merged": pgettext_lazy("profile", "merged"),
    "split": pgettext_lazy("profile", "split"),
    "erased": pgettext_lazy("profile", "erased"),
    "joined": pgettext_lazy("profile", "records joined"),
    "moved": pgettext_lazy("profile", "records moved"),
    "left": pgettext_lazy("profile", "records left"),
}
# What was done with a privacy request, by the action of its audit row.
REQUEST_STEPS = {
    "privacy_request.opened": pgettext_lazy("privacy request", "received"),
    "privacy_request.verified": pgettext_lazy("privacy request", "verified"),
    "privacy_request.approved": pgettext_lazy("privacy request", "approved"),
    "privacy_request.extended": pgettext_lazy("privacy request", "extended"),
    "privacy_request.refused": pgettext_lazy("privacy request", "refused"),
    "privacy_request.rectified": pgettext_lazy("privacy request", "a value was corrected"),
    "privacy_request.done": pgettext_lazy("privacy request", "done"),
}
# Why a contact point is not used.
POINT_REASONS = {"replaced": pgettext_lazy("why a contact point is not used", "replaced")}
# Why a value of the golden record won.
WHY = {
    "steward": pgettext_lazy("why a value won", "a steward said so"),
    "only": pgettext_lazy("why a value won", "the only one"),
    "recency": pgettext_lazy("why a value won", "the latest"),
    "source": pgettext_lazy("why a value won", "from the source trusted most"),
}


def label(words: Mapping[str, Any], key: str) -> str:
    """The word for `key`."""
    return str(words.get(key, key))


def in_words(attribute: str, value: str) -> str:
    """A value as people read it."""
    return label(GENDERS, value) if attribute == "gender" else value


def signed(bits: float) -> str:
    """Bits with one decimal and their sign, which what rounds to none has not."""
    rounded = round(bits, 1)
    sign = "+" if rounded > 0 else "−" if rounded < 0 else ""
    return sign + str(number_format(abs(rounded), decimal_pos=1))


def reads_korean() -> bool:
    """Whether the reader's language is Korean."""
    return (get_language() or "").startswith("ko")


def purpose_name(purpose: KnownPurpose) -> str:
    """A purpose's name in the reader's language."""
    return purpose.name_ko if reads_korean() else purpose.name_en
