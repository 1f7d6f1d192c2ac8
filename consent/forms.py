"""Consent forms: what a person is asked, in the texts in force, and each answer as a record of its own.

Required and optional questions stand apart and nothing is ticked. "Agree to all" is one record for each purpose, as if each
had been answered alone. Refusing an optional purpose keeps nobody from the service.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core import crypto
from cdp.core.actions import audit
from cdp.core.errors import Refused
from cdp.core.types import Actor
from consent.actions import record_consents
from consent.models import ConsentRecord, ContactChannel, Notice, Purpose
from consent.types import NewConsent

GRANTED = ConsentRecord.State.GRANTED


@dataclass(frozen=True)
class Question:
    """One purpose as a person is asked about it. `ticked` is never true: nothing is ticked for anybody."""

    purpose: str
    name: str
    basis: str
    version: str
    text: str
    sha256: str
    ticked: bool = False


@dataclass(frozen=True)
class Form:
    """What is asked together, in one language."""

    language: str
    required: list[Question]
    optional: list[Question]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What one person answered: purpose → state; written once for each `key`.

    `versions` are those of the texts that were shown (purpose → version; the one in force where absent). `channels` narrows
    a purpose to contact channels (none: all). `guardian` and `proof` as in `NewConsent`.
    """

    key: UUID
    record: UUID
    states: Mapping[str, str]
    language: str
    given_at: datetime
    method: str
    recorded_by: str
    versions: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, Collection[str]] = field(default_factory=dict)
    brand: str = ""
    source: UUID | None = None
    recipient: str = ""
    country: str = ""
    expires_at: datetime | None = None
    proof: Any = None
    guardian: str = ""


@dataclass(frozen=True)
class Answered:
    """How many records were written, and whether the service may be given: not where a required purpose was refused."""

    written: int
    may_serve: bool


def to_all(purposes: Collection[str], state: str = GRANTED) -> dict[str, str]:
    """The answers of whoever agrees to all at once: one for each purpose that was asked."""
    return dict.fromkeys(purposes, state)


@transaction.atomic
def publish(actor: Actor, purpose: str, version: str, texts: Mapping[str, str]) -> list[Notice]:
    """A new version of a purpose's notice, in every language of the deployment at once.

    Raises `Refused`: `unknown_purpose`, `language_missing`, `version_taken` (a text that people agreed to stays).
    """
    if not Purpose.objects.filter(pk=purpose).exists():
        raise Refused("unknown_purpose", _("There is no such purpose."))
    if {code for code, _name in settings.LANGUAGES} != {code for code, text in texts.items() if text.strip()}:
        raise Refused("language_missing", _("A notice is published in every language at once."))
    if Notice.objects.filter(purpose=purpose, version=version).exists():
        raise Refused("version_taken", _("This version was published: a new text is a new version."))
    made = [
        Notice(purpose_id=purpose, version=version, language=language, text=text) for language, text in texts.items()
    ]
    Notice.objects.bulk_create(made)
    audit(actor, "notice.published", target=f"{purpose} {version}"[:100], purpose=purpose)
    return made


def form(purposes: Collection[str], language: str) -> Form:
    """The questions about these purposes, in the texts in force. Raises `Refused`: `unknown_purpose`, `no_notice`."""
    known = {row.key: row for row in Purpose.objects.filter(key__in=purposes)}
    shown = notices(purposes, language)
    if missing := sorted(set(purposes) - known.keys()):
        raise Refused("unknown_purpose", _("There is no such purpose: %(key)s.") % {"key": missing[0]})
    if missing := sorted(set(purposes) - shown.keys()):
        raise Refused(
            "no_notice", _("No notice of this purpose is published in this language: %(key)s.") % {"key": missing[0]}
        )
    asked = [(known[key].required, _question(known[key], shown[key])) for key in dict.fromkeys(purposes)]
    return Form(
        language, [one for required, one in asked if required], [one for required, one in asked if not required]
    )


def notices(purposes: Collection[str], language: str) -> dict[str, Notice]:
    """The notice in force of each purpose, in one language."""
    listed = Notice.objects.filter(purpose__in=purposes, language=language)
    return {row.purpose_id: row for row in listed.order_by("purpose", "-published_at", "-id").distinct("purpose")}


def _question(purpose: Purpose, notice: Notice) -> Question:
    name = purpose.name_ko if notice.language == "ko" else purpose.name_en
    return Question(purpose.key, name, purpose.basis, notice.version, notice.text, notice.sha256)


@transaction.atomic
def answer(answers: Answers) -> Answered:
    """Write one record for each purpose (and contact channel) that was answered.

    Raises `Refused`: `unknown_purpose`, `unknown_contact_channel`, `unknown_state`, `no_notice` (what was agreed to must be
    a text we have), `no_evidence` (of a guardian's consent).
    """
    versions = _versions(answers)
    if answers.guardian and not answers.proof:
        raise Refused("no_evidence", _("A guardian's consent needs evidence."))
    subject = crypto.subjects([answers.record])[answers.record]
    audit(Actor(answers.recorded_by), "consent.answered", subject=subject, states=dict(answers.states))
    written = record_consents(
        _line(answers, purpose, state, versions[purpose], channel)
        for purpose, state in answers.states.items()
        for channel in answers.channels.get(purpose) or (None,)
    )
    return Answered(written, may_serve=not _refused_required(answers.states))


def _versions(answers: Answers) -> dict[str, str]:
    known = set(Purpose.objects.filter(key__in=answers.states).values_list("key", flat=True))
    if answers.states.keys() - known or answers.channels.keys() - answers.states.keys():
        raise Refused("unknown_purpose", _("There is no such purpose, or it was not asked."))
    named = {channel for channels in answers.channels.values() for channel in channels}
    if ContactChannel.objects.filter(key__in=named).count() < len(named):
        raise Refused("unknown_contact_channel", _("There is no such contact channel."))
    if not set(answers.states.values()) <= set(ConsentRecord.State.values):
        raise Refused("unknown_state", _("An answer is granted, refused or withdrawn."))
    return {purpose: _version(answers, purpose, current) for purpose, current in _in_force(answers).items()}


def _in_force(answers: Answers) -> dict[str, str]:
    current = notices(answers.states.keys(), answers.language)
    return {purpose: current[purpose].version if purpose in current else "" for purpose in answers.states}


def _version(answers: Answers, purpose: str, current: str) -> str:
    """The version that was shown; a withdrawal needs none, for it is as easy as can be."""
    shown = answers.versions.get(purpose, current)
    listed = Notice.objects.filter(purpose=purpose, version=shown, language=answers.language)
    if answers.states[purpose] == GRANTED and not listed.exists():
        raise Refused("no_notice", _("No such notice of this purpose is published: %(key)s.") % {"key": purpose})
    return shown


def _line(answers: Answers, purpose: str, state: str, version: str, channel: str | None) -> NewConsent:
    return NewConsent(
        key=uuid5(answers.key, f"{purpose}\x1f{channel or ''}"), record=answers.record, purpose=purpose, channel=channel,
        brand=answers.brand, state=state, given_at=answers.given_at, method=answers.method, source=answers.source,
        proof=answers.proof, notice_version=version, notice_language=answers.language if version else "",
        expires_at=answers.expires_at, recipient=answers.recipient, country=answers.country,
        recorded_by=answers.recorded_by, guardian=answers.guardian,
    )  # fmt: skip


def _refused_required(states: Mapping[str, str]) -> bool:
    no = [purpose for purpose, state in states.items() if state != GRANTED]
    return Purpose.objects.filter(key__in=no, required=True).exists()
