"""The stories planted among generated customers, each with the pages that are its evidence."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.urls import reverse
from django.utils.translation import gettext

from cdp.console.labels import reads_korean
from cdp.core import crypto
from cdp.core.models import User
from cdp.events import queries as events
from identity import queries as identity

# As what the sources of the demonstration name people.
KINDS = ("user", "customer")
# A few of many are evidence enough.
MOST_PROFILES = 3


@dataclass(frozen=True)
class Told:
    """A story in the reader's language; `pages`: (word, address)."""

    title: str
    find: str
    pages: list[tuple[str, str]]


def stories(user: User | AnonymousUser) -> list[Told]:
    """The stories whose evidence this account may open; none but beside quickstart."""
    if not settings.DEMO_STORIES or not user.has_perm("identity.view_profile"):
        return []
    try:
        planted = json.loads(Path(settings.DEMO_STORIES).read_text())
    except FileNotFoundError:  # not generated yet
        return []
    return [told for told in map(_told, planted) if told.pages]


def _told(story: dict[str, Any]) -> Told:
    language = "ko" if reads_korean() else "en"
    profiles = identity.profiles_of(_records(story["records"]))[:MOST_PROFILES]
    words = [gettext("Profile %(number)s") % {"number": number} for number in range(1, len(profiles) + 1)]
    addresses = [reverse("admin:identity_profile_change", args=[profile]) for profile in profiles]
    pages = list(zip(words, addresses, strict=True))
    if store := story["details"].get("store"):
        pages.append((gettext("Place"), reverse("admin:events_place_change", args=[store])))
    return Told(story["title"][language], story["find"][language], pages)


def _records(members: Iterable[dict[str, str]]) -> list[UUID]:
    known = [(events.source_by_name(member["source"]), member["external_id"]) for member in members]
    return [crypto.record_id(source.id, kind, name) for source, name in known if source for kind in KINDS]
