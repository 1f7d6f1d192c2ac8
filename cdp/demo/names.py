"""Korean and foreign names and the ways in which one person's name is written: Hangul, romanised, short, mistyped."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from cdp.demo.chance import Weighted, often, ranked, words

# No table here shares an entry with one of the linkage's: what it finds it may not find by having been told.
# Share of the population in per cent, with spellings that people choose in their passports (of 김 the official one).
SURNAMES: dict[str, tuple[float, str]] = {
    "김": (21.5, "Gim Gim Gim Keem"), "이": (14.7, "Lee Lee Lee Yi Rhee"), "박": (8.4, "Park Park Bak"),
    "최": (4.7, "Choi Choi Choe"), "정": (4.3, "Jung Jeong Chung"), "강": (2.4, "Kang Gang"),
    "조": (2.1, "Cho Joh"), "윤": (2.1, "Yoon Yun"), "장": (2.0, "Jang Chang"), "임": (1.7, "Lim Yim"),
    "한": (1.5, "Hahn"), "오": (1.5, "Oh"), "서": (1.5, "Seo Suh"), "신": (1.5, "Shin"),
    "권": (1.4, "Kwon Gwon"), "황": (1.4, "Hwang"), "안": (1.4, "Ahn"), "송": (1.4, "Song"),
    "류": (1.3, "Ryu Yoo"), "전": (1.1, "Jeon Jun"), "홍": (1.1, "Hong"), "고": (0.9, "Ko Go"),
    "문": (0.9, "Moon"), "양": (0.9, "Yang"), "손": (0.9, "Son Sohn"), "배": (0.8, "Bae"),
    "백": (0.8, "Baek Paik"), "허": (0.65, "Heo Hur"), "남": (0.55, "Nahm"), "심": (0.55, "Shim"),
    "노": (0.5, "Noh Roh"), "하": (0.46, "Hah"), "곽": (0.4, "Kwak"), "성": (0.4, "Sung Seong"),
    "차": (0.4, "Cha"), "주": (0.4, "Joo Ju"), "우": (0.4, "Woo"), "구": (0.4, "Koo Gu"),
    "민": (0.35, "Min"), "나": (0.32, "Na"), "진": (0.3, "Jin Chin"), "지": (0.3, "Ji Chi"),
    "엄": (0.3, "Eom Um"), "채": (0.26, "Chae"), "원": (0.26, "Won"), "천": (0.24, "Cheon Chun"),
    "방": (0.2, "Bang"), "공": (0.2, "Kong Gong"), "현": (0.18, "Hyun"), "함": (0.16, "Ham"),
    "염": (0.14, "Yeom Yum"), "여": (0.12, "Yeo"), "추": (0.12, "Choo Chu"), "도": (0.11, "Do"),
    "소": (0.1, "So"), "석": (0.1, "Seok Suk"), "선": (0.08, "Seon"),
}  # fmt: skip
SURNAME = Weighted((surname, share) for surname, (share, _) in SURNAMES.items())

# First and last syllables of given names, the commonest first, by gender and generation (born before 1972, or later).
SYLLABLES = {
    ("m", "elder"): (
        "영정성상종동광재기명창병경용진태인승덕만대순원홍규길춘학봉택",
        "수호철식환석진용기규곤근길남만복섭열욱일준주찬태택필학헌홍권",
    ),
    ("m", "younger"): (
        "민지현준도서시예건우승재태동성주은윤진찬하정유한규선상영원이세연호인형경수기해다",
        "준우호현민훈서진빈원율혁욱환석규찬윤영성수재건범안언완인일중한헌형후휘겸결담람온",
    ),
    ("f", "elder"): (
        "영순정미옥경명춘금은숙복말인현혜선연희애양귀덕길화분점종향필",
        "숙자희순옥미란애례임영연선분남녀심금화덕이주경봉실월정매향엽",
    ),
    ("f", "younger"): (
        "서지민수하예은유소채윤가나다시아연현혜주보선승효희정경미세도재이원초라상영진태",
        "연윤은영아원빈현민진희린율경나서수선정주지림라람미별비솔슬안예온유이인채하해효흔",
    ),
}
GIVEN = {key: (ranked(first), ranked(last)) for key, (first, last) in SYLLABLES.items()}

FOREIGN_GIVEN = {
    "m": "Alistair Bertrand Cornelius Dmitri Emmanuel Fergus Gianluca Hideaki Ignacio Jarrod Kwame Leandro Matthias "
    "Nathaniel Octavio Rajesh Santiago Thaddeus Viktor Zhiwei",
    "f": "Adelaide Beatriz Clementine Delphine Evangeline Florentina Ginevra Hortense Isadora Jacqueline Katarzyna "
    "Lucinda Marguerite Nguyet Ottilie Philippa Rosalind Sakura Tatiana Xiaomei",
}
FOREIGN_SURNAMES = ranked(
    words(
        "Nguyen Wang Tanaka Tran Zhang Petrov Sharma Garcia Okafor Schneider Moreau Lindqvist Castellano Abernathy "
        "Whitlock Fairbanks Kowalski Yamamoto Haddad Pham"
    )
)
FOREIGN_SHORT = {
    "Alistair": "Ali", "Cornelius": "Corny", "Emmanuel": "Manny", "Ignacio": "Nacho", "Leandro": "Leo",
    "Matthias": "Matze", "Nathaniel": "Natty", "Octavio": "Tavi", "Santiago": "Santi", "Thaddeus": "Thad",
    "Adelaide": "Addie", "Beatriz": "Bea", "Clementine": "Clem", "Evangeline": "Evie", "Florentina": "Flo",
    "Isadora": "Izzy", "Jacqueline": "Jacqui", "Katarzyna": "Kasia", "Lucinda": "Lucy", "Marguerite": "Margo",
    "Philippa": "Pippa", "Rosalind": "Roz", "Tatiana": "Tania",
}  # fmt: skip
ADOPTED = {
    "m": words("Aiden Brandon Caleb Eugene Harvey Justin Ray"),
    "f": words("Chloe Erin Hazel Jenny Stella Yuna"),
}

ONSETS = "g kk n d tt r m b pp s ss _ j jj ch k t p h".replace("_", "").split(" ")
VOWELS = words("a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i")
CODAS = ["", "k", "k", "k", "n", "n", "n", "t", "l", "k", "m", "l", "l", "l", "p", "l", "m", "p", "p", "t", "t", "ng"]
CODAS += ["t", "t", "k", "t", "p", "t"]
POPULAR_VOWELS = {"eo": "u", "yeo": "you", "u": "oo", "i": "ee", "ui": "ee", "ae": "ai", "yu": "you"}
POPULAR_SYLLABLES = {"영": "young", "현": "hyun", "성": "sung", "정": "jung", "우": "woo", "원": "won", "경": "kyung",
                     "은": "eun", "준": "joon", "이": "yi", "철": "chul", "훈": "hoon", "승": "seung"}  # fmt: skip
VOWEL_SLIPS = {0: 2, 2: 0, 1: 5, 5: 1, 4: 6, 6: 4, 8: 12, 12: 8, 13: 17, 17: 13, 18: 13, 20: 19, 10: 11, 11: 10}
CODA_SLIPS = {0: 4, 4: 21, 21: 4, 16: 21, 8: 0, 1: 0, 17: 16}


@dataclass(frozen=True, slots=True)
class Name:
    """One person's name; `roman` is the spelling (surname, given) that they chose for themselves."""

    family: str
    given: str
    roman: tuple[str, str]
    gender: str
    foreign: bool = False

    @property
    def full(self) -> str:
        return f"{self.given} {self.family}" if self.foreign else f"{self.family}{self.given}"


def draw_name(rng: Random, gender: str, born: int, family: str | None = None, shared: str | None = None) -> Name:
    """A name for someone born that year; `family` is inherited, `shared` the syllable that siblings have in common."""
    if family is None and often(rng, 0.02):
        return _foreign_name(rng, gender)
    family = family or SURNAME.draw(rng)
    first, last = GIVEN[gender, "elder" if born < 1972 else "younger"]
    given = last.draw(rng) if shared is None and often(rng, 0.012) else (shared or first.draw(rng)) + last.draw(rng)
    return Name(family, given, (rng.choice(SURNAMES[family][1].split()), romanise(rng, given)), gender)


def _foreign_name(rng: Random, gender: str) -> Name:
    family, given = FOREIGN_SURNAMES.draw(rng), rng.choice(FOREIGN_GIVEN[gender].split())
    return Name(family, given, (family, given), gender, foreign=True)


def romanise(rng: Random, given: str) -> str:
    """A given name in Latin letters, official or popular by syllable; the parts are joined by a space."""
    return " ".join(_roman_syllable(rng, syllable) for syllable in given).title()


def _roman_syllable(rng: Random, syllable: str) -> str:
    if syllable in POPULAR_SYLLABLES and often(rng, 0.6):
        return POPULAR_SYLLABLES[syllable]
    onset, vowel, coda = jamo(syllable)
    sound = VOWELS[vowel]
    if sound in POPULAR_VOWELS and often(rng, 0.25):
        sound = POPULAR_VOWELS[sound]
    return ONSETS[onset] + sound + CODAS[coda]


def jamo(syllable: str) -> tuple[int, int, int]:
    """Onset, vowel and coda numbers of a Hangul syllable (Unicode 3.12, conjoining jamo arithmetic)."""
    number = ord(syllable) - 0xAC00
    return number // 588, number // 28 % 21, number % 28


def _compose(onset: int, vowel: int, coda: int) -> str:
    return chr(0xAC00 + onset * 588 + vowel * 28 + coda)


def romanised(rng: Random, name: Name) -> str:
    """The whole name in Latin letters, in one of the orders and joints that forms invite."""
    family, parts = name.roman[0], name.roman[1].split()
    joined, hyphen = "".join(parts).capitalize(), "-".join(parts).capitalize()
    return rng.choice(
        (
            f"{joined} {family}",
            f"{joined} {family}",
            f"{family} {hyphen}",
            f"{hyphen} {family}",
            f"{' '.join(parts)} {family}",
            f"{family} {joined}".upper(),
        )
    )


def nickname(rng: Random, name: Name) -> str:
    """What friends or an app profile say: a short form, an adopted English name, or initials."""
    if name.foreign:
        return f"{FOREIGN_SHORT.get(name.given, name.given[:4])} {name.family}"
    adopted = f"{rng.choice(ADOPTED[name.gender])} {name.roman[0]}"
    initials = "".join(part[0] for part in name.roman[1].split()) + f" {name.roman[0]}"
    return rng.choice((name.given, f"{name.family}{name.given[-1]}이", name.given[-1] * 2, adopted, initials.upper()))


def mistyped(rng: Random, text: str) -> str:
    """The text with one slip of the finger: a neighbouring jamo in Hangul, a swap or loss in Latin letters."""
    place = rng.randrange(len(text))
    if "가" <= text[place] <= "힣":
        return text[:place] + _slip(rng, text[place]) + text[place + 1 :]
    if place + 1 < len(text) and often(rng, 0.5):
        return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    return (text[:place] + text[place + 1 :]) or text


def _slip(rng: Random, syllable: str) -> str:
    onset, vowel, coda = jamo(syllable)
    if coda in CODA_SLIPS and often(rng, 0.4):
        return _compose(onset, vowel, CODA_SLIPS[coda])
    return _compose(onset, VOWEL_SLIPS.get(vowel, vowel), coda if vowel in VOWEL_SLIPS else CODA_SLIPS.get(coda, 0))
