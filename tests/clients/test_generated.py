"""A client that openapi-python-client makes of the committed document, calling the live server."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from django.conf import settings
from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType

from segments import actions
from tests.api.people import VIP, filled

pytestmark = pytest.mark.django_db(transaction=True)
DOCUMENT = Path(settings.BASE_DIR) / "docs" / "openapi.yaml"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The package, made without a warning: the generator leaves out what it does not understand."""
    folder = tmp_path_factory.mktemp("client")
    config = Config.from_sources(
        ConfigFile(post_hooks=[]), MetaType.NONE, DOCUMENT, "utf-8", overwrite=False, output_path=folder / "cdp_client"
    )
    assert [(one.header, one.detail) for one in generate(config=config)] == []
    sys.path.insert(0, str(folder))
    yield "cdp_client"
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == "cdp_client"]:
        del sys.modules[name]


@pytest.fixture
def client(made: str, url: str, key: str) -> Iterator[Any]:
    from cdp_client.api import segments  # type: ignore[import-not-found]
    from cdp_client.client import AuthenticatedClient  # type: ignore[import-not-found]

    with AuthenticatedClient(url, key, raise_on_unexpected_status=True) as opened:
        yield SimpleNamespace(of=opened, segments=segments)


def test_it_defines_counts_and_publishes(client: Any) -> None:
    from cdp_client.api.segments import create_segment, get_segment, publish_segment
    from cdp_client.models import Problem, SegmentBody

    filled(3)
    body = SegmentBody.from_dict({"key": "fresh", "name": "단골", "purpose": "marketing", "rule": VIP})
    made = create_segment.sync(client=client.of, body=body)
    assert (made.key, made.name, str(made.state), made.rule.to_dict()) == ("fresh", "단골", "draft", VIP)
    assert str(publish_segment.sync("fresh", client=client.of).state) == "published"
    actions.refresh_due()
    assert get_segment.sync("fresh", client=client.of).members == 3
    twice = create_segment.sync_detailed(client=client.of, body=body)
    assert twice.status_code >= 400 and isinstance(twice.parsed, Problem) and twice.parsed.status == twice.status_code


def test_it_reads_members_page_by_page_and_changes(client: Any) -> None:
    from cdp_client.api.segments import list_members, list_segment_changes

    _, ids = filled(5)
    audience = {"purpose": "marketing", "channel": "email", "limit": 2}
    found: list[UUID] = []
    cursor = ""
    while cursor is not None:
        page = list_members.sync("vip", client=client.of, cursor=cursor, **audience)
        found += [row.profile_id for row in page.results]
        cursor = parse_qs(urlsplit(page.next_).query)["cursor"][0] if page.next_ else None
    assert found == ids
    told = list_segment_changes.sync("vip", client=client.of, **audience | {"limit": 100})
    assert {row.profile_id for row in told.results} == set(ids) and not told.has_more
    assert list_segment_changes.sync("vip", client=client.of, since=told.next_since, **audience).results == []


def test_what_is_refused_is_a_problem(client: Any) -> None:
    from cdp_client.api.segments import list_members
    from cdp_client.models import Problem

    filled(1)
    refused = list_members.sync_detailed("vip", client=client.of)
    assert refused.status_code == 400 and isinstance(refused.parsed, Problem)
    assert refused.parsed.code == "audience_missing"
