"""Words for the keys that tables hold, in the reader's language; an unknown key stands for itself."""

from collections.abc import Mapping
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from consent.types import KnownPurpose

ATTRIBUTES = {
    "full_name": _("Full name"),
    "given_name": _("Given name"),
    "family_name": _("Family name"),
    "email": _("E-mail"),
    "phone": _("Phone"),
    "birth_date": _("Birth date"),
    "gender": _("Gender"),
    "address": _("Address"),
    "city": _("City"),
    "region": _("Region"),
    "postcode": _("Postcode"),
    "country": _("Country"),
}
GENDERS = {"m": pgettext_lazy("gender", "male"), "f": pgettext_lazy("gender", "female")}
RECORD_KINDS = {
    "user": pgettext_lazy("record kind", "signed-in user"),
    "customer": pgettext_lazy("record kind", "customer"),
    "anonymous": pgettext_lazy("record kind", "anonymous visitor"),
    "device": pgettext_lazy("record kind", "device"),
    "receipt": pgettext_lazy("record kind", "receipt"),
}
# Why a steward is asked: what the model is unsure of, what a constraint refused, what alone holds a profile together, or
# chance.
REVIEW_REASONS = {
    "gray zone": pgettext_lazy("why a case is open", "Likely, but not sure"),
    "given names": pgettext_lazy("why a case is open", "Different given names"),
    "birth dates": pgettext_lazy("why a case is open", "Different birth dates"),
    "gender": pgettext_lazy("why a case is open", "Different genders"),
    "identifiers": pgettext_lazy("why a case is open", "Too many identifiers"),
    "no name": pgettext_lazy("why a case is open", "Without a name, and as near to another person"),
    "bridge": pgettext_lazy("why a case is open", "A weak link alone holds the profile together"),
    "automatic merge": pgettext_lazy("why a case is open", "Drawn at random: merged automatically"),
    "near miss": pgettext_lazy("why a case is open", "Drawn at random: nearly merged"),
    "drawn": pgettext_lazy("why a case is open", "Drawn at random, to be judged unseen"),
    "recycled number": pgettext_lazy("why a case is open", "A number that came back under another name"),
}
# What tells the people of one household apart.
APART = {**REVIEW_REASONS, "cannot-link": pgettext_lazy("why people are kept apart", "Held apart by a steward")}
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
