"""Web shops and the app: the messages that an analytics SDK sends, from the first anonymous page to the refund."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cdp.demo.catalog import PRODUCTS, Product, draw_basket, total
from cdp.demo.chance import Weighted, often, uuid_text
from cdp.demo.channels import SOURCES
from cdp.demo.outbox import Outbox, Purchase, utc_text
from cdp.demo.records import Record

Fields = dict[str, object]
Basket = list[tuple[Product, int]]
MODELS = Weighted(
    (
        (("Samsung", "SM-S921N", "android", "Android", "14"), 6.0),
        (("Samsung", "SM-A546S", "android", "Android", "13"), 3.0),
        (("Apple", "iPhone15,2", "ios", "iOS", "17.5"), 5.0),
        (("Apple", "iPhone17,1", "ios", "iOS", "18.1"), 3.0),
    )
)
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36",
)
CAMPAIGNS = ("newsletter email", "search cpc", "brand cpc", "blog referral", "video display")


@dataclass(frozen=True, slots=True)
class Device:
    """A browser or an installed app, with the anonymous id and the context that it sends."""

    anonymous_id: str
    context: Fields


class Shopfront:
    """Sends what the customers of the web shops and the app do; the caller decides when they do it."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox, self.rng, self.now = outbox, outbox.rng, outbox.now
        self.devices: dict[int, list[Device]] = {}
        self.shared: dict[tuple[str, str], Device] = {}

    def device(self, record: Record) -> Device:
        """The device a customer holds today: one or two of their own, or the one the family shares."""
        if id(record) not in self.devices:
            count = 1 + often(self.rng, 0.3)
            self.devices[id(record)] = [self._family_device(record)] + [self.new_device(record.source)] * (count - 1)
        return self.rng.choice(self.devices[id(record)])

    def _family_device(self, record: Record) -> Device:
        family = record.person.family_phone
        if family is None or not often(self.rng, 0.15):
            return self.new_device(record.source)
        return self.shared.setdefault((record.source, family), self.new_device(record.source))

    def new_device(self, source: str) -> Device:
        common: Fields = {"locale": "ko-KR", "timezone": "Asia/Seoul"}
        return Device(uuid_text(self.rng), common | (self._app() if source.endswith("app") else self._browser()))

    def _app(self) -> Fields:
        maker, model, kind, system, version = MODELS.draw(self.rng)
        return {
            "library": {"name": f"analytics-{'kotlin' if kind == 'android' else 'swift'}", "version": "1.19.2"},
            "app": {"name": "haru", "version": f"5.{self.rng.randrange(9)}.0"},
            "device": {"id": uuid_text(self.rng), "type": kind, "manufacturer": maker, "model": model},
            "os": {"name": system, "version": version},
        }

    def _browser(self) -> Fields:
        library, address = {"name": "analytics.js", "version": "next-1.84.3"}, f"203.0.113.{self.rng.randrange(1, 255)}"
        return {"library": library, "userAgent": self.rng.choice(BROWSERS), "ip": address}

    def message(
        self,
        source: str,
        kind: str,
        device: Device,
        when: datetime,
        user: str | None,
        body: Fields,
        extra: Fields | None = None,
    ) -> None:
        """One message in the shape of the SDKs; `user` is the account that is logged in, `extra` more context."""
        head: Fields = {"type": kind, "messageId": uuid_text(self.rng), "anonymousId": device.anonymous_id}
        login: Fields = {"userId": user} if user else {}
        tail: Fields = {"timestamp": utc_text(when), "integrations": {}}
        context: Fields = {"context": device.context | self._page(source) | (extra or {})}
        self.outbox.send(source, when, head | login | body | context | tail)

    def _page(self, source: str) -> Fields:
        if source.endswith("app"):
            return {}
        path = self.rng.choice(("/", "/best", "/new", "/event", "/cart"))
        return {"page": {"path": path, "url": f"https://{source.split('-')[0]}.example{path}"}}

    def track(self, record: Record, device: Device, when: datetime, event: str, properties: Fields) -> None:
        body: Fields = {"event": event, "properties": properties}
        self.message(record.source, "track", device, when, record.external_id, body)

    def look_around(self, source: str, device: Device, when: datetime, user: str | None = None) -> datetime:
        """A page or screen and perhaps a product; returns when the visitor moves on."""
        kind = "screen" if source.endswith("app") else "page"
        body: Fields = {"name": "Home", "properties": {"name": "Home"}}
        self.message(source, kind, device, when, user, body, self._campaign())
        when = self.later(when)
        product = PRODUCTS[SOURCES[source].brand].draw(self.rng)
        body = {"event": "Product Viewed", "properties": product_fields(product)}
        self.message(source, "track", device, when, user, body)
        return self.later(when)

    def _campaign(self) -> Fields:
        if not often(self.rng, 0.25):
            return {}
        name, medium = self.rng.choice(CAMPAIGNS).split()
        return {"campaign": {"name": name, "source": name, "medium": medium}}

    def later(self, when: datetime) -> datetime:
        return min(when + timedelta(seconds=self.rng.randrange(4, 240)), self.now)

    def sign_up(self, record: Record) -> None:
        """Perhaps anonymous visits first; then the account, its traits at once or completed later, its consents."""
        device, start = self.device(record), self.outbox.calendar.start
        if often(self.rng, 0.4):
            before = record.created - timedelta(days=self.rng.uniform(0.1, 20))
            self.look_around(record.source, device, max(start, before))
        self.identify(record, device, record.created, complete=record.updated == record.created)
        if record.updated != record.created:
            self.identify(record, self.device(record), record.updated)
        if record.consent_at is not None and record.consent_at > record.updated:
            self._change_consent(record, record.consent_at)

    def identify(self, record: Record, device: Device, when: datetime, complete: bool = True) -> None:
        traits = traits_of(record)
        if not complete:
            traits = {key: value for key, value in traits.items() if key not in ("address", "birthday", "gender")}
        granted = {purpose: True for purpose, state in record.consents.items() if state}
        first = bool(granted) and when == record.created
        consent: Fields = {"consent": {"categoryPreferences": granted}} if first else {}
        self.message(record.source, "identify", device, when, record.external_id, {"traits": traits}, consent)

    def _change_consent(self, record: Record, when: datetime) -> None:
        choices = {purpose: state == "granted" for purpose, state in record.consents.items()}
        body: Fields = {"event": "Segment Consent Preference Updated", "properties": {}}
        consent: Fields = {"consent": {"categoryPreferences": choices}}
        self.message(record.source, "track", self.device(record), when, record.external_id, body, consent)

    def browse(self, record: Record, when: datetime) -> None:
        """A visit without an order: logged out, looking, or with a basket that is left behind."""
        device = self.device(record)
        user = record.external_id if often(self.rng, 0.7) else None
        when = self.look_around(record.source, device, when, user)
        if user and often(self.rng, 0.3):
            self.fill_basket(record, device, when, draw_basket(self.rng, SOURCES[record.source].brand))

    def fill_basket(self, record: Record, device: Device, when: datetime, basket: Basket) -> datetime:
        for product, quantity in basket[:2]:
            self.track(record, device, when, "Product Added", product_fields(product) | {"quantity": quantity})
            when = self.later(when)
        if often(self.rng, 0.6):
            checkout: Fields = {"value": total(basket), "currency": "KRW", "products": lines(basket)}
            self.track(record, device, when, "Checkout Started", checkout)
            when = self.later(when)
        return when

    def order(self, record: Record, when: datetime) -> Purchase:
        """A visit that ends in an order; a few are sent back."""
        brand, device = SOURCES[record.source].brand, self.device(record)
        basket = draw_basket(self.rng, brand)
        if often(self.rng, 0.35):
            when = self.look_around(record.source, device, when, record.external_id)
        when = self.fill_basket(record, device, when, basket)
        number = self.outbox.number(f"{brand[0].upper()}O")
        self.track(record, device, when, "Order Completed", order_fields(self, number, basket))
        if often(self.rng, 0.05):
            self._refund(record, number, basket, when + timedelta(days=self.rng.uniform(1, 12)))
        return Purchase(when, record.person, record, number, total(basket))

    def _refund(self, record: Record, number: str, basket: Basket, when: datetime) -> None:
        """The whole order or its first line comes back."""
        returned = basket if often(self.rng, 0.5) else basket[:1]
        fields: Fields = {"order_id": number, "total": total(returned), "revenue": total(returned), "currency": "KRW"}
        if when < self.now:
            self.track(record, self.device(record), when, "Order Refunded", fields | {"products": lines(returned)})


def product_fields(product: Product) -> Fields:
    fields: Fields = {"product_id": product.product_id, "name": product.name, "category": product.category}
    return fields | {"price": product.price}


def lines(basket: Basket) -> list[Fields]:
    return [product_fields(product) | {"quantity": quantity} for product, quantity in basket]


def order_fields(shop: Shopfront, number: str, basket: Basket) -> Fields:
    """Properties of Order Completed; `category` is that of the first line."""
    fields: Fields = {"order_id": number, "revenue": total(basket), "currency": "KRW"}
    fields["category"] = basket[0][0].category
    coupon: Fields = {"coupon": "WELCOME10"} if often(shop.rng, 0.12) else {}
    return fields | coupon | {"products": lines(basket)}


def traits_of(record: Record) -> Fields:
    """The traits of an identify call: the record's values under the names that the Segment Spec reserves."""
    values, name = record.values, record.person.name
    traits: Fields = {key: values[key] for key in ("email", "phone", "gender", "loyalty_id") if values.get(key)}
    if values.get("birth_date"):
        traits["birthday"] = values["birth_date"]
    if values["full_name"] == name.full and record.source == "haru-app":
        traits |= {"firstName": name.given, "lastName": name.family}
    elif values["full_name"]:
        traits["name"] = values["full_name"]
    if values.get("postcode"):
        traits["address"] = {"street": values["address"], "city": values["city"], "state": values["region"],
                             "postalCode": values["postcode"], "country": values["country"]}  # fmt: skip
    return traits
