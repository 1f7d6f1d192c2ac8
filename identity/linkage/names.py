"""Personal names: parsing, jamo, coarse phonetic keys and whether two given names can be one person's.

No list of surnames or of given names is needed for Korean: Hangul names carry their structure in their length,
romanised ones in their syllables. The only tables are the compound surnames, the phonology and English short forms.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

from anyascii import anyascii
from rapidfuzz.distance import JaroWinkler, Levenshtein

_words = str.split
# Two-syllable surnames of the Korean census (Statistics Korea); every other Hangul surname is one syllable.
COMPOUND_SURNAMES: Final = frozenset(_words("남궁 황보 제갈 사공 선우 서문 독고 동방 망절 어금 장곡 강전 소봉"))
HONORIFICS: Final = ("고객님", "회원님", "고객", "회원", "님", "씨")
TITLES: Final = frozenset(_words("mr mrs ms miss dr prof sir jr sr ii iii iv phd md"))
PARTICLES: Final = frozenset(_words("van von der den de la le da di del du dos bin al el st"))

# Common English short forms, one line a name; a short form may belong to several names.
_SHORT_FORMS: Final = """
robert rob bob bobby robbie bert|william will bill billy willie liam|richard rick dick ricky rich
james jim jimmy jamie|john jack johnny jon|jonathan jon jonny|joseph joe joey|thomas tom tommy
charles charlie chuck chas|edward ed eddie ted ned|michael mike mick mickey mikey|matthew matt matty
christopher chris kit topher|nicholas nick nicky|anthony tony|andrew andy drew|alexander alex sandy xander
benjamin ben benny|daniel dan danny|david dave davey|donald don donny|frederick fred freddie freddy
george georgie|gerald gerry jerry|gregory greg|henry harry hank|jeffrey jeff|geoffrey geoff|kenneth ken kenny
lawrence larry laurie|leonard len lenny|patrick pat paddy|peter pete|philip phil|ronald ron ronnie
samuel sam sammy|stephen steve stevie|steven steve stevie|timothy tim timmy|vincent vince vinny
walter walt wally|zachary zach zack|theodore ted theo teddy|joshua josh|jacob jake
elizabeth liz beth betty eliza lizzie libby lisa|margaret maggie meg peggy marge
katherine kate kathy katie kat kitty|catherine cathy cate kate katie cat|mary molly polly mollie
patricia pat patty tricia trish|jennifer jen jenna|susan sue susie suzy|barbara barb babs|deborah deb debbie
rebecca becky becca|victoria vicky tori vic|christina chris tina|christine chris tina chrissy
dorothy dot dottie dolly|eleanor ellie nell nora|frances fran fanny|abigail abby gail
alexandra alex sandra lexi|amanda mandy|charlotte lottie charlie|emily em emmy|isabella bella
jessica jess jessie|josephine jo josie|judith judy|madeline maddie|natalie nat|olivia liv livvy|pamela pam
samantha sam|sandra sandy|stephanie steph|theresa terry tess|valerie val|veronica ronnie|virginia ginny
caroline carrie|cynthia cindy|gabrielle gabby|georgina georgie gina|harriet hattie|joanna jo|kimberly kim
lillian lily|matilda tilly
"""


def _short_form_index() -> dict[str, frozenset[str]]:
    index: dict[str, set[str]] = {}
    for group in re.split(r"[|\n]", _SHORT_FORMS.strip()):
        formal, *short = group.split()
        for name in (formal, *short):
            index.setdefault(name, set()).add(formal)
    return {name: frozenset(formals) for name, formals in index.items()}


SHORT_FORMS: Final = _short_form_index()

_INITIALS: Final = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS: Final = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS: Final[list[str]] = ["", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"]
# Sound classes that all usual romanisations of a jamo share (Revised, McCune-Reischauer, and spellings people choose).
_CLASS_INITIAL: Final = _words("K K N T T L M P P S S _ C C C K T P H")
_CLASS_VOWEL: Final = _words("A E A E U E U E U WA E E U U U E WI U U I I")
_CLASS_FINAL: Final = _words("_ K K K N N N T L K M P L L P L M P P T T N T T K T P T")

_ROMAN_SYLLABLE: Final = (
    r"(?:kk|tt|pp|ss|jj|ch|sh|kh|ph|th|rh|[gkndtrlmbpsjhyw])?"
    r"(?:y?(?:ae|ai|ay|ah|a)|y?(?:eoh?|eui|eu|ey|ee|eh|e)|(?:oe|oi|oo|ou|oh|o)|w?(?:a|ae|e|ee|eo|i|o|oo)"
    r"|y(?:oung?|oo|ou|o|u|eo)|u[ieh]?|i)(?:ng|ck|[knltmpgbdrsh])?"
)
# Sounds (`surname_key`) of Korean surnames, the commonest first; they tell which end of a romanised name it is.
_SURNAME_SOUNDS: Final = _words(
    "KIM I PAK CE CUN KAN CU UN CAN IM HAN U SU SIN KUN HWAN AN SUN HUN KU MUN PE PEK HU NAM SIM HA"
)
_KOREAN_ROMAN: Final = re.compile(rf"(?:{_ROMAN_SYLLABLE}){{1,3}}")
_ONE_SYLLABLE: Final = re.compile(_ROMAN_SYLLABLE)
_LATIN: Final = re.compile(r"[a-z]+")
# What stands over and under letters of Latin, Greek and Cyrillic, which people leave out; and all marks.
_ACCENTS: Final = frozenset(map(chr, range(0x0300, 0x0370)))
_MARKS: Final = frozenset(("Mn", "Mc"))

# Letters and their sound class; the first that matches counts.
_SOUNDS: Final = [
    (re.compile(pattern), sound)
    for sound, pattern in [
        ("K", r"ck"),
        ("C", r"ch|ts|tch|sch|jj|[jz]"),
        ("S", r"sh|ss"),
        ("P", r"ph|pp|[bpfv]"),
        ("T", r"th|tt|[dt]"),
        ("K", r"kh|kk|gh|ng(?=[gk])|[gkqc]"),
        ("L", r"rh|ll|[rl]"),
        ("WA", r"wa|oa"),
        ("E", r"e(?=eu)|oe|oi|oy|ae|ai|ay(?![aeiou])|wae|we(?!o)|ue|ey(?![aeiou])|e(?![euo])"),
        ("WI", r"wi"),
        ("I", r"eui|ui|ee|ea|ie|i"),
        ("U", r"eo|eu|oo|ou|wo|u|o"),
        ("A", r"a"),
        ("S", r"s|x"),
        ("N", r"n"),
        ("M", r"m"),
        ("H", r"h"),
        ("E", r"e"),
    ]
]


class Name(NamedTuple):
    """A parsed personal name; every text is casefolded, without spaces inside parts."""

    script: str  # "h" Hangul, "l" Latin, "o" other
    surname: str | None
    given: str | None

    @property
    def full(self) -> str:
        """Surname and given name in one fixed order, whatever order they were written in."""
        return f"{self.surname or ''} {self.given or ''}".strip()


def is_hangul(text: str) -> bool:
    """True when every character is a composed Hangul syllable."""
    return bool(text) and all("가" <= char <= "힣" for char in text)


@lru_cache(maxsize=65536)
def jamo(text: str) -> str:
    """Letters of composed Hangul by Unicode arithmetic (The Unicode Standard, 3.12); other characters stay."""
    return "".join(_letters(char) for char in text)


def _letters(char: str) -> str:
    if not "가" <= char <= "힣":
        return char
    index = ord(char) - 0xAC00
    return _INITIALS[index // 588] + _VOWELS[index % 588 // 28] + _FINALS[index % 28]


@lru_cache(maxsize=65536)
def sound_key(text: str) -> str:
    """Coarse sound of one name part, equal for Hangul and its usual romanisations; for blocking and weak evidence.

    Chulsoo, Cheolsu, Chul-su and 철수 share a key. Different names may share one as well. Other scripts sound as their
    usual spelling in Latin letters does.
    """
    raw = "".join(_hangul_sound(char) for char in text) if is_hangul(text) else _latin_sound(_in_latin(text))
    return re.sub(r"(.)\1+", r"\1", raw.replace("NK", "N"))


def _in_latin(text: str) -> str:
    return text if text.isascii() else anyascii(text[:100]).lower()


def surname_key(text: str) -> str:
    """`sound_key` of a surname, where initial ㄹ, ㄴ and silence fall together (이 Lee Rhee, 임 Lim, 류 Yoo), and r is
    silent (박 Park)."""
    key = sound_key(text)
    if not is_hangul(text):
        key = re.sub(r"(?<=[AEIU])L(?=[KNTPMS]|$)", "", key) if len(text) < 6 else key
    key = re.sub(r"^[LN](?=[IU])", "", key)
    return re.sub(r"^L", "N", key)


def _hangul_sound(char: str) -> str:
    index = ord(char) - 0xAC00
    parts = _CLASS_INITIAL[index // 588], _CLASS_VOWEL[index % 588 // 28], _CLASS_FINAL[index % 28]
    return "".join(parts).replace("_", "")


def _latin_sound(text: str) -> str:
    out, at = [], 0
    text = re.sub(r"(?<=[aeou])h(?=[^aeiouyw]|$)", "", re.sub(r"[^a-z]", "", text))
    text = re.sub(r"ng(?![aeiouyw])", "n", text)
    text = re.sub(r"ng$", "n", text)
    while at < len(text):
        sound, width = _sound_at(text, at)
        out.append(sound)
        at += width
    return "".join(out)


def _sound_at(text: str, at: int) -> tuple[str, int]:
    for pattern, sound in _SOUNDS:
        if found := pattern.match(text, at):
            return sound, found.end() - at
    return "", 1


@lru_cache(maxsize=65536)
def parse(full: str | None, given: str | None, family: str | None) -> Name | None:
    """Parse names already normalised to NFC and casefolded; parts win over the full name. None when nothing is left."""
    if given and family:
        return _from_parts(given, family)
    text = full or " ".join(part for part in (given, family) if part)
    tokens = _tokens(text)
    if not tokens:
        return None
    if all(is_hangul(token) for token in tokens):
        return _hangul_name(tokens, full_name=bool(full) or len("".join(tokens)) == 3)
    if full is None:
        return _one_part(tokens, given_only=family is None)
    return _ordered(tokens, comma=full.find(",") > 0)


def _from_parts(given: str, family: str) -> Name | None:
    firsts, lasts = _tokens(given), _tokens(family)
    if not firsts or not lasts:
        tokens = firsts or lasts
        return _one_part(tokens, given_only=bool(firsts)) if tokens else None
    surname = "".join(lasts)
    joined = "".join(firsts)
    if is_hangul(joined) and joined.startswith(surname) and len(joined) > len(surname) + 1:
        joined = joined.removeprefix(surname)
    if is_hangul(joined):
        return Name("h", surname, joined)
    name = joined if _is_korean([*lasts, *firsts]) else firsts[0]
    return Name(_script(surname + joined), surname, name)


def _one_part(tokens: list[str], *, given_only: bool) -> Name:
    part = "".join(tokens) if _is_korean(tokens) else tokens[0 if given_only else -1]
    surname, given = (None, part) if given_only else (part, None)
    return Name(_script(part), surname, given)


def _hangul_name(tokens: list[str], *, full_name: bool) -> Name:
    if len(tokens) == 2 and len(tokens[1]) == 1 < len(tokens[0]):
        tokens = tokens[::-1]
    text = "".join(tokens)
    if not full_name or len(text) < 2 or (len(tokens) == 1 and len(text) > 5):
        return Name("h", None, text)
    cut = 2 if text[:2] in COMPOUND_SURNAMES and len(text) > 2 else 1
    return Name("h", text[:cut], text[cut:])


def _ordered(tokens: list[str], *, comma: bool) -> Name:
    script = _script("".join(tokens))
    if len(tokens) == 1:
        return Name(script, None, tokens[0])
    if _is_korean(tokens):
        surname, given = _korean_order(tokens, comma=comma)
    else:
        surname, given = _western_order(tokens, comma=comma)
    return Name(script, surname, given)


def _korean_order(tokens: list[str], *, comma: bool) -> tuple[str, str]:
    """The surname is the one syllable at an end, the commoner one if both are: Minjun Kim, Kim Min Jun."""
    if comma or _surname_rank(tokens[0]) < _surname_rank(tokens[-1]):
        return tokens[0], "".join(tokens[1:])
    return tokens[-1], "".join(tokens[:-1])


def _surname_rank(token: str) -> int:
    if not _ONE_SYLLABLE.fullmatch(token):
        return 100
    key = surname_key(token)
    return _SURNAME_SOUNDS.index(key) if key in _SURNAME_SOUNDS else 99


def _western_order(tokens: list[str], *, comma: bool) -> tuple[str, str]:
    if comma:
        return tokens[0], tokens[1]
    start = len(tokens) - 1
    while start > 1 and tokens[start - 1] in PARTICLES:
        start -= 1
    return "".join(tokens[start:]), tokens[0]


def _is_korean(tokens: list[str]) -> bool:
    """Romanised Korean as far as syllables tell: nearly all surnames have one, and it stands first or last."""
    if not all(is_hangul(token) or _KOREAN_ROMAN.fullmatch(token) for token in tokens):
        return False
    return len(tokens) == 1 or any(is_hangul(end) or _ONE_SYLLABLE.fullmatch(end) for end in (tokens[0], tokens[-1]))


def _script(text: str) -> str:
    if any("가" <= char <= "힣" for char in text):
        return "h"
    return "l" if _LATIN.fullmatch(text) else "o"


def _tokens(text: str) -> list[str]:
    if not text.isascii():
        text = _plain_letters(text)
    text = re.sub(r"['’`\-‐-―.]+", lambda mark: " " if mark.group() == "." else "", text)
    tokens = [token for token in _words(_letters_only(text)) if token not in TITLES]
    if tokens and is_hangul(tokens[-1]):
        tokens[-1] = _without_honorific(tokens[-1], alone=len(tokens) == 1)
    return [token for token in tokens if token][:6]


def _letters_only(text: str) -> str:
    """With a space for everything that is neither a letter nor a mark on one: to `re`, vowel signs are no letters."""
    if text.isascii():
        return re.sub(r"[\W\d_]+", " ", text)
    return "".join(char if char.isalpha() or unicodedata.category(char) in _MARKS else " " for char in text)


def _without_honorific(token: str, *, alone: bool) -> str:
    for suffix in HONORIFICS:
        if token.endswith(suffix) and len(token) - len(suffix) >= (3 if alone else 0):
            return token.removesuffix(suffix)
    return token


def _plain_letters(text: str) -> str:
    """Latin letters without accents and strokes; Hangul stays composed, vowel signs of other scripts stay letters."""
    plain = "".join(_plain_letter(char) for char in unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", plain)


@lru_cache(maxsize=4096)
def _plain_letter(char: str) -> str:
    if char.isascii() or char.isalpha():
        return anyascii(char).lower() if unicodedata.name(char, "").startswith("LATIN") else char
    return "" if char in _ACCENTS else char


def short_forms(given: str) -> frozenset[str]:
    """Formal English names that `given` may stand for, itself when unknown."""
    return SHORT_FORMS.get(given, frozenset((given,)))


@lru_cache(maxsize=262144)
def compatible(left: str | None, right: str | None, *, both_common: bool = False) -> bool | None:
    """Can these two given names be one person's? None: cannot tell. Symmetric.

    A spelling that differs by one letter is one name misspelt, unless both spellings are common names of the data
    (`both_common`): 서연 and 서현 are two sisters more often than a slip of the pen.
    """
    if not left or not right:
        return None
    if left == right:
        return True
    hangul = is_hangul(left) + is_hangul(right)
    if hangul == 2:
        return _compatible_hangul(left, right, both_common=both_common)
    if hangul == 1:
        return _compatible_scripts(left, right)
    if left.isascii() != right.isascii():
        return _compatible_latin(_in_latin(left), _in_latin(right)) or None
    return _compatible_latin(left, right)


def _compatible_hangul(left: str, right: str, *, both_common: bool) -> bool:
    if _clipped(left, right) or _clipped(right, left):
        return True
    if both_common:
        return False
    return Levenshtein.distance(jamo(left), jamo(right), score_cutoff=2) <= 1 + (min(len(left), len(right)) > 2)


def _clipped(short: str, full: str) -> bool:
    """What friends call someone: the last syllable alone or with 이 (규식: 식, 식이)."""
    return len(full) >= 2 and short in (full[-1], full[-1] + "이")


def _compatible_scripts(left: str, right: str) -> bool | None:
    latin = right if is_hangul(left) else left
    if len(latin) == 1 or not _KOREAN_ROMAN.fullmatch(latin):
        return None
    return _keys_near(sound_key(left), sound_key(right))


def _compatible_latin(left: str, right: str) -> bool:
    short, long = sorted((left, right), key=len)
    if long.startswith(short) or short_forms(left) & short_forms(right):
        return True
    if JaroWinkler.similarity(left, right) >= 0.8:
        return True
    return len(short) > 3 and _keys_near(sound_key(left), sound_key(right))


def _keys_near(left: str, right: str) -> bool:
    return Levenshtein.distance(left, right, score_cutoff=1) <= (1 if min(len(left), len(right)) >= 5 else 0)
