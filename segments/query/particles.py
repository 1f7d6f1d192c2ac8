"""Korean particles (조사): their form depends on whether the word before ends in a consonant.

Hangul and digits are exact. After Latin letters and other scripts the reading is unknown, so both forms are written, as
Korean forms do: “Order Completed”을(를).
"""

from typing import Literal

Final = Literal["none", "consonant", "rieul", "unknown"]

FORMS: dict[str, dict[Final, str]] = {
    "은": {"consonant": "은", "rieul": "은", "none": "는", "unknown": "은(는)"},
    "이": {"consonant": "이", "rieul": "이", "none": "가", "unknown": "이(가)"},
    "을": {"consonant": "을", "rieul": "을", "none": "를", "unknown": "을(를)"},
    "으로": {"consonant": "으로", "rieul": "로", "none": "로", "unknown": "(으)로"},
}
DIGITS: dict[str, Final] = {
    "0": "consonant", "1": "rieul", "2": "none", "3": "consonant", "4": "none", "5": "none", "6": "consonant",
    "7": "rieul", "8": "rieul", "9": "none",
}  # fmt: skip
UNSPOKEN = "”’\"')]}"
FINALS = 28
RIEUL = 8


class Word(str):
    """A word of a sentence; `{word:이}` in a format writes it with the form of the particle that fits."""

    __slots__ = ()

    def __format__(self, particle: str) -> str:
        return str(self) + (FORMS[particle][final(self)] if particle else "")


def final(text: str) -> Final:
    """How the last spoken syllable of a text ends; closing quotes and brackets are not spoken."""
    last = text.rstrip(UNSPOKEN)[-1:]
    if "가" <= last <= "힣":
        index = (ord(last) - ord("가")) % FINALS
        return "none" if index == 0 else "rieul" if index == RIEUL else "consonant"
    return DIGITS.get(last, "unknown")
