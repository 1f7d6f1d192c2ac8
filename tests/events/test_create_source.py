"""`manage.py create_source` prints a key that works, or says what is wrong."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cdp.core.models import AuditEntry
from cdp.events import queries

pytestmark = pytest.mark.django_db


def test_it_prints_the_write_key_and_nothing_else() -> None:
    out = StringIO()
    call_command("create_source", "till", channel="pos", brand="haru", trust_rank=20, stdout=out)
    source = queries.source_by_write_key(out.getvalue().strip())
    assert source and (source.name, source.channel, source.brand, source.currency) == ("till", "pos", "haru", "KRW")
    assert AuditEntry.objects.filter(action="source.created", target=str(source.id)).exists()


@pytest.mark.parametrize(
    "wrong", [{"zone": "Mars"}, {"currency": "won"}, {"brand": "b" * 41}, {"trust_rank": 2**15}, {"trust_rank": -1}]
)
def test_it_refuses_what_cannot_be_meant(wrong: dict[str, Any]) -> None:
    with pytest.raises(CommandError):
        call_command("create_source", "till", channel="pos", **wrong)


@pytest.mark.parametrize("name", ["", "t" * 61, "a b", "../till", 'till"'])
def test_a_name_is_short_and_plain(name: str) -> None:
    with pytest.raises(CommandError):
        call_command("create_source", name, channel="pos", stdout=StringIO())


def test_a_name_is_given_once() -> None:
    call_command("create_source", "till", channel="pos", stdout=StringIO())
    with pytest.raises(CommandError):
        call_command("create_source", "till", channel="pos")
