"""`manage.py quickstart` refuses what cannot be meant, before it touches anything."""

import pytest
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("wrong", ["--people=0", "--people=-5", "--port=0", "--port=-1", "--port=65536", "--now=soon"])
def test_options_that_cannot_be_meant(wrong: str) -> None:
    with pytest.raises(CommandError, match=r"--people|--now"):
        call_command("quickstart", "--no-serve", wrong)
