"""The sources of the retailer: two brands on the web, in the app, in three stores, and the desks that serve both."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from cdp.demo.chance import Weighted


@dataclass(frozen=True, slots=True)
class Source:
    """A source as `create_source` wants it; a lower `trust_rank` is trusted more, an empty brand means all."""

    name: str
    channel: str
    brand: str
    trust_rank: int
    zone: str = "Asia/Seoul"
    currency: str = "KRW"
    party: str = "first"

    def row(self) -> dict[str, object]:
        return asdict(self)


SOURCES = {
    source.name: source
    for source in (
        Source("haru-web", "web", "haru", 30),
        Source("haru-app", "app", "haru", 25),
        Source("onsae-web", "web", "onsae", 30),
        Source("haru-pos", "pos", "haru", 20),
        Source("onsae-pos", "pos", "onsae", 20),
        Source("call-center", "call_center", "", 40),
        Source("loan-desk", "crm", "", 10),
        Source("survey", "survey", "", 60),
        Source("email-test", "email", "", 50),
    )
}
ONLINE = ("haru-web", "haru-app", "onsae-web")
STORES_TILLS = ("haru-pos", "onsae-pos")


@dataclass(frozen=True, slots=True)
class Form:
    """What a source asks for: the share of its records that hold each field, and how names are written there."""

    prefix: str
    name: float
    phone: float
    email: float
    birth: float
    address: float
    gender: float
    roman: float = 0.0
    nick: float = 0.0
    typo: float = 0.04


FORMS = {
    "haru-web": Form("hw", 0.96, 0.55, 0.97, 0.38, 0.72, 0.40, roman=0.07, nick=0.035, typo=0.02),
    "haru-app": Form("ha", 0.94, 0.62, 0.55, 0.46, 0.58, 0.45, roman=0.07, nick=0.06, typo=0.02),
    "onsae-web": Form("ow", 0.96, 0.50, 0.97, 0.36, 0.74, 0.30, roman=0.07, nick=0.03, typo=0.02),
    "haru-pos": Form("HM", 0.97, 0.82, 0.25, 0.58, 0.68, 0.60, roman=0.02, typo=0.06),
    "onsae-pos": Form("OM", 0.97, 0.80, 0.20, 0.54, 0.66, 0.50, roman=0.02, typo=0.06),
    "call-center": Form("CC", 0.96, 0.85, 0.20, 0.32, 0.68, 0.30, roman=0.02, typo=0.08),
    "loan-desk": Form("LN", 1.00, 0.95, 0.60, 0.92, 0.95, 0.90, roman=0.0, typo=0.01),
    "survey": Form("SV", 0.90, 0.30, 0.85, 0.55, 0.40, 0.60, roman=0.06, nick=0.02, typo=0.03),
    "email-test": Form("EM", 0.96, 0.20, 1.00, 0.34, 0.50, 0.30, roman=0.08, nick=0.02, typo=0.02),
}
PRESENCE = Weighted(
    (
        ("haru-web", 45.0),
        ("haru-app", 36.0),
        ("onsae-web", 26.0),
        ("haru-pos", 52.0),
        ("onsae-pos", 30.0),
        ("call-center", 28.0),
        ("loan-desk", 4.0),
        ("survey", 11.0),
        ("email-test", 18.0),
    )
)
RECORDS_OF_A_PERSON = Weighted(((1, 13.0), (2, 31.0), (3, 30.0), (4, 16.0), (5, 7.0), (6, 3.0)))
SECOND_RECORD = {"haru-pos": 0.06, "onsae-pos": 0.05, "call-center": 0.06, "haru-web": 0.012, "onsae-web": 0.012}
