"""Log lines without anybody's values: of an exception its type and places, of a request its outcome.

What an exception says, and the address of a request, may quote what somebody sent; types and lines of code never do.
"""

import copy
import logging
import sys
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import msgspec
from django.core.exceptions import ImproperlyConfigured

from cdp.core.errors import CdpError
from cdp.core.keyring import KeyringError

# What these say is written by us, for whoever runs the product.
_OUR_WORDS = (CdpError, ImproperlyConfigured, KeyringError)
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
_ADDRESS = "(address)"
# What the lines are about: the id of the request that set it off, and the name of the task that runs.
request_id: ContextVar[str] = ContextVar("request_id", default="")
task_name: ContextVar[str] = ContextVar("task_name", default="")


class Formatter(logging.Formatter):
    """As `logging.Formatter`, for the loggers of libraries too, which know nothing of personal values."""

    def format(self, record: logging.LogRecord) -> str:
        shown = copy.copy(record)
        shown.exc_text = shown.stack_info = None
        shown.args = _harmless(record)
        shown.request = request_id.get() or "-"
        return super().format(shown)

    def formatException(self, ei: ExcInfo) -> str:
        return shape(ei[1]) if ei[1] is not None else ""


class JsonFormatter(Formatter):
    """The same as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        shown = copy.copy(record)
        shown.args = _harmless(record)
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname, "logger": record.name, "message": shown.getMessage(),
            "request": request_id.get(), "task": task_name.get(),
            "error": self.formatException(record.exc_info) if record.exc_info else "",
        }  # fmt: skip
        told = {name: value for name, value in line.items() if value} | getattr(record, "fields", {})
        return msgspec.json.encode(told).decode()


def shape(error: BaseException) -> str:
    """The types of an exception and its causes, each with where it came from, innermost first."""
    frames = " < ".join(
        f"{f.filename}:{f.lineno} {f.name}" for f in reversed(traceback.extract_tb(error.__traceback__))
    )
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return f"{type(error).__name__} at {frames}" + (f"\nfrom {shape(cause)}" if cause else "")


def tell_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """`sys.excepthook` of commands: what ended one, for a terminal or a log that keeps what commands say."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    sys.stderr.write(f"{shape(error)}\n" + (f"{error}\n" if isinstance(error, _OUR_WORDS) else ""))


def _harmless(record: logging.LogRecord) -> Any:
    """The arguments of a line, less those by which Celery quotes an exception and Django an address."""
    args = record.args
    if isinstance(args, Mapping):
        error = record.exc_info[1] if record.exc_info else None
        quoted = {"exc": type(error).__name__, "traceback": ""} if error and "exc" in args else {}
        return {**args, **quoted}
    if record.name.startswith("django.") and isinstance(args, tuple):
        return tuple(_ADDRESS if isinstance(arg, str) and arg.startswith("/") else arg for arg in args)
    return args
