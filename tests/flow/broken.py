"""The product's worker with a fault in it that quotes what it was given."""

from typing import Any

from celery.signals import worker_process_init

from cdp.celery import app

__all__ = ["app"]


@worker_process_init.connect
def _break(**_: Any) -> None:
    from identity import folding

    folding.fold = _quotes  # type: ignore[assignment]


def _quotes(_before: Any, events: Any) -> Any:
    raise ValueError(f"cannot fold {events}")
