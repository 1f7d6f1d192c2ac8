"""Faults at the doors: requests answered 503 at random, some of them after everything in them is durable."""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from django.db import OperationalError

from cdp.ingestion import actions, answers


class Trouble:
    """Counts the requests that failed `before` and `after` their messages were kept, and those that went `well`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, share: float = 0.2) -> None:
        self.met, self._share, self._chance, self._take = Counter[str](), share, Random(7), actions.take
        monkeypatch.setattr(actions, "take", self._troubled)
        # A library that is asked to wait does; a test need not.
        monkeypatch.setattr(answers, "RETRY_AFTER_SECONDS", 0)

    def _troubled(self, messages: Sequence[Any], arrival: Any) -> Any:
        # The first two requests fail, one in each way, so that every run meets both.
        fails = sum(self.met.values()) < 2 or self._chance.random() < self._share
        if fails and self.met["before"] <= self.met["after"]:
            self.met["before"] += 1
            raise OperationalError
        outcome = self._take(messages, arrival)
        self.met["after" if fails else "well"] += 1
        if fails:
            raise OperationalError
        return outcome
