"""Korean addresses (region, district, road, postcode) and the three stores."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from cdp.demo.chance import Weighted, often, words

# Region, its short form, and its districts as "name postcode-prefix weight": where the customers of three stores live.
DISTRICTS = {
    ("서울특별시", "서울"): "강남구 061 9|서초구 066 7|송파구 056 8|마포구 040 6|용산구 043 3|성동구 047 4|"
    "관악구 088 5|동작구 070 4|영등포구 072 4|강서구 076 5|은평구 034 4|"
    "노원구 017 4|강동구 053 4|광진구 050 3|서대문구 037 3|"
    "양천구 079 4|구로구 083 3|중랑구 021 2|성북구 028 3|종로구 031 2",
    ("경기도", "경기"): "수원시 165 7|성남시 135 6|용인시 169 5|고양시 104 4|화성시 184 4|안양시 140 3|부천시 145 3|"
    "안산시 153 3|남양주시 122 2|과천시 138 1|오산시 181 2|평택시 179 2",
    ("인천광역시", "인천"): "연수구 219 2|남동구 215 2|부평구 213 2|서구 227 2",
    ("부산광역시", "부산"): "해운대구 480 2|부산진구 472 1|수영구 482 1",
    ("대구광역시", "대구"): "수성구 420 1|달서구 426 1",
    ("대전광역시", "대전"): "유성구 341 1|서구 352 1",
    ("광주광역시", "광주"): "북구 611 1|광산구 622 1",
    ("강원특별자치도", "강원"): "춘천시 242 1|원주시 263 1",
    ("제주특별자치도", "제주"): "제주시 631 1|서귀포시 635 1",
}
ROADS = words(
    "가람로 나래로 다솜로 라온길 마루로 바른길 새봄로 아름로 자람길 차오름로 큰숲로 터울길 "
    "푸른들로 하늘채로 한빛로 해오름길 달빛로 별내길 꽃메로 물빛로 소담길 온누리로 "
    "이음길 예그리나로 시나브로길 솔바람로 버들로 은행나무길 느티로 참샘로"
)


@dataclass(frozen=True, slots=True)
class Area:
    region: str
    short: str
    district: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Address:
    """A home: `flat` is (building, number) in a block of flats, else None."""

    area: Area
    road: str
    number: int
    flat: tuple[int, int] | None
    postcode: str

    def written(self, rng: Random) -> str:
        """Street line as one of several clerks would write it."""
        line = f"{self.road} {self.number}"
        if self.flat is None or often(rng, 0.1):
            return line
        building, number = self.flat
        return line + rng.choice((f", {building}동 {number}호", f" {building}-{number}", f" {building}동{number}"))


@dataclass(frozen=True, slots=True)
class Store:
    code: str
    name: str
    brand: str
    region: str


STORES = (
    Store("haru-gangnam", "하루 강남점", "haru", "서울특별시"),
    Store("haru-mapo", "하루 마포점", "haru", "서울특별시"),
    Store("onsae-suwon", "온새 수원점", "onsae", "경기도"),
)


def _areas() -> Weighted[Area]:
    rows = [(place, row.split()) for place, text in DISTRICTS.items() for row in text.split("|")]
    return Weighted((Area(*place, name, prefix), float(share)) for place, (name, prefix, share) in rows)


AREAS = _areas()


def draw_address(rng: Random) -> Address:
    """A home somewhere; each district has 60 postcodes of unequal size, some 2,900 in all."""
    area = AREAS.draw(rng)
    last = int(60 * rng.random() ** 1.3)
    flat = (rng.randrange(101, 119), rng.randrange(1, 26) * 100 + rng.randrange(1, 7)) if often(rng, 0.65) else None
    return Address(area, rng.choice(ROADS), rng.randrange(1, 240), flat, f"{area.prefix}{last:02d}")
