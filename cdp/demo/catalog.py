"""What the two brands sell: haru clothes, onsae things for the home."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from cdp.demo.chance import Weighted, words

SHELVES = {
    "haru": "shoes:운동화 59000,구두 89000,샌들 39000,로퍼 69000|"
    "tops:셔츠 39000,니트 49000,티셔츠 19000,블라우스 45000|"
    "outer:코트 189000,패딩 229000,재킷 119000,가디건 59000|"
    "bottoms:청바지 59000,슬랙스 55000,치마 45000|"
    "bags:토트백 99000,백팩 79000,지갑 49000|kids:아동화 35000,아동복 29000",
    "onsae": "bedding:이불 129000,베개 35000,매트리스 490000|kitchen:냄비 69000,프라이팬 45000,그릇 29000,컵 12000|"
    "furniture:의자 149000,책상 259000,선반 89000|lighting:스탠드 59000,조명 79000|"
    "bath:수건 15000,욕실매트 19000|"
    "skincare:크림 42000,세럼 55000,비누 9000",
}
STYLES = words("봄빛 새벽 노을 산들 모래 구름 바다 숲")


@dataclass(frozen=True, slots=True)
class Product:
    """A product; `price` in won."""

    product_id: str
    name: str
    category: str
    price: int
    brand: str


def _products(brand: str, shelves: str) -> Weighted[Product]:
    rows: list[tuple[Product, float]] = []
    for shelf in shelves.split("|"):
        category, _, things = shelf.partition(":")
        for thing in things.split(","):
            rows += _styles(brand, category, *thing.split())
    return Weighted((row[0], row[1] / (number % 7 + 2)) for number, row in enumerate(rows))


def _styles(brand: str, category: str, thing: str, price: str) -> list[tuple[Product, float]]:
    """Every style of a thing; the dear ones sell less."""
    products: list[tuple[Product, float]] = []
    for number, style in enumerate(STYLES):
        amount = int(price) + 1000 * (number * 7 % 11 - 5)
        code = f"{brand[0].upper()}-{category[:3].upper()}-{thing}-{number + 1}"
        product = Product(code, f"{style} {thing}", category, max(amount, 5000), brand)
        products.append((product, 1e5 / (int(price) + 5e4)))
    return products


PRODUCTS = {brand: _products(brand, shelves) for brand, shelves in SHELVES.items()}
BASKET = Weighted(((1, 55.0), (2, 25.0), (3, 12.0), (4, 5.0), (6, 2.0), (9, 1.0)))


def draw_basket(rng: Random, brand: str) -> list[tuple[Product, int]]:
    """Products and quantities of one order."""
    return [(PRODUCTS[brand].draw(rng), 1 if rng.random() < 0.85 else 2) for _ in range(BASKET.draw(rng))]


def total(basket: list[tuple[Product, int]]) -> int:
    return sum(product.price * quantity for product, quantity in basket)
