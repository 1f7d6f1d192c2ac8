"""The register of processing (GDPR Art. 30; PIPA Art. 30), made of what is configured and of what the ledger names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _

from cdp.core.models import ServiceKey
from cdp.core.types import now
from cdp.events.models import Source
from cdp.events.types import DataClass
from consent.models import ConsentRecord, ContactChannel, Notice, Purpose, Regime, RetentionRule
from consent.types import CONTACT_CHANNELS


@dataclass(frozen=True)
class Recipient:
    """Who is given data: a third party that consents name, a processor or recipient to whom segments are sent, each with its
    country, or a tool with a service key of its own."""

    name: str
    kind: str
    country: str


@dataclass(frozen=True)
class Retention:
    """For how many days what is kept; an empty source or data class is every one."""

    what: str
    source: str
    data_class: str
    days: int


@dataclass(frozen=True)
class Activity:
    """What one purpose does with whose data, on which basis, from where, to whom, and for how long."""

    purpose: str
    name_ko: str
    name_en: str
    basis: str
    regime: str
    required: bool
    data_classes: list[str]
    sources: list[str]
    contact_channels: list[str]
    recipients: list[Recipient]
    retention: list[Retention]
    notices: list[str]


@dataclass(frozen=True)
class Register:
    """All of it, as of a moment."""

    controller: dict[str, Any]
    as_of: datetime
    activities: list[Activity]


def register(sent_to: Mapping[str, Iterable[Recipient]]) -> Register:
    """The register as of now; nobody's data is in it. `sent_to`: to whom segments are sent, by purpose."""
    purposes = Purpose.objects.order_by("key")
    activities = [_activity(purpose, sent_to.get(purpose.key, ())) for purpose in purposes]
    return Register(dict(settings.CONTROLLER), now(), activities)


def _activity(purpose: Purpose, sent_to: Iterable[Recipient]) -> Activity:
    named = Source.objects.filter(required_purpose__in=("", purpose.key), enabled=True, built_in=False)
    notices = Notice.objects.filter(purpose=purpose).order_by("version", "language")
    return Activity(
        purpose=purpose.key,
        name_ko=purpose.name_ko,
        name_en=purpose.name_en,
        basis=purpose.basis,
        regime=purpose.regime_id or "",
        required=purpose.required,
        data_classes=sorted(purpose.data_classes),
        sources=list(named.order_by("name").values_list("name", flat=True)),
        contact_channels=list(ContactChannel.objects.order_by("key").values_list("key", flat=True)),
        recipients=[*sent_to, *_third_parties(purpose), *_tools(purpose)],
        retention=[_retention(rule) for rule in _rules(purpose)],
        notices=[f"{notice.version} ({notice.language})" for notice in notices],
    )


def in_words(activity: Activity) -> dict[str, Any]:
    """What an activity tells by keys, in the reader's language."""
    return {
        "name": str(Purpose.objects.get(pk=activity.purpose)),
        "basis": Purpose.Basis(activity.basis).label,
        "regime": str(Regime.objects.get(pk=activity.regime)) if activity.regime else "",
        "data_classes": [DataClass(one).label for one in activity.data_classes],
        "contact_channels": [CONTACT_CHANNELS.get(one, one) for one in activity.contact_channels],
        "retention": [_retention_words(rule) for rule in activity.retention],
    }


def _retention_words(rule: Retention) -> str:
    words = [RetentionRule.What(rule.what).label, rule.data_class and DataClass(rule.data_class).label, rule.source]
    days = _("%(days)s days") % {"days": rule.days}
    return f"{' · '.join(filter(None, map(str, words)))}: {days}"


def _third_parties(purpose: Purpose) -> Iterable[Recipient]:
    named = ConsentRecord.objects.filter(purpose=purpose, recipient__gt="").order_by("recipient", "country")
    for name, country in named.values_list("recipient", "country").distinct():
        yield Recipient(name, "third party", country or settings.CONTROLLER["country"])


def _tools(purpose: Purpose) -> Iterable[Recipient]:
    """Tools whose service keys open something now, for this purpose or for any."""
    open_now = Q(expires_at=None) | Q(expires_at__gt=now())
    keys = ServiceKey.objects.filter(open_now, revoked_at=None, purpose__in=("", purpose.key))
    for name in sorted(set(keys.values_list("name", flat=True))):
        yield Recipient(name, "tool", settings.CONTROLLER["country"])


def _rules(purpose: Purpose) -> Iterable[RetentionRule]:
    rules = RetentionRule.objects.filter(Q(purpose=None) | Q(purpose=purpose), enabled=True)
    return rules.select_related("source").order_by("what", "data_class", "days")


def _retention(rule: RetentionRule) -> Retention:
    return Retention(rule.what, rule.source.name if rule.source else "", rule.data_class, rule.days)
