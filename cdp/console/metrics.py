"""What Prometheus asks for. Each number is read from PostgreSQL or Redis, so every web process tells the same, the worker's
part too; no label holds anything but words of ours and names of sources. What cannot be read now is left out, and `cdp_up`
says so."""

import hmac
import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from ipaddress import ip_address

from django.conf import settings
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.cache import never_cache
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from cdp.core import heartbeat, queries, stages, touched
from cdp.core.types import now
from cdp.events import queries as events
from cdp.ingestion import queries as ingestion
from cdp.lake import queries as lake
from consent import queries as consent

logger = logging.getLogger(__name__)
# Counted no further, so that a scrape stays quick.
MOST_COUNTED = 100_000
# Stages behind that which takes events in, as `core.Touched` names them.
STAGES = ("fold", "links", "identity", "profiles", "consent", "segments")
EVENTS_STAGE = "identity"
# Younger transactions that write hold nobody up.
HOLDS_UP = 10.0
# What proxies add to what they hand on.
FORWARDED = ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP")
# A counter of `core.Counter`, or the beginning of some: its metric, and the label that tells it (or the rest of its kind)
# from others of the same metric.
KINDS = {
    "received": ("received", "", ""), "taken": ("taken", "", ""), "repeated": ("repeated", "", ""),
    "suppressed": ("refused", "by", "suppression"), "suppressed:": ("refused", "by", "suppression"),
    "unconsented": ("refused", "by", "consent"), "quarantined:": ("quarantined", "reason", ""),
    "quarantine:": ("replayed", "outcome", ""), "consent_": ("signals_refused", "reason", ""),
    "pull_failed": ("fetches_failed", "what", "place"), "file_": ("fetches_failed", "what", ""),
    "delivery_withheld": ("members_withheld", "", ""), "delivery_": ("deliveries", "outcome", ""),
    "run_failed": ("runs_failed", "", ""), "export_": ("exports", "outcome", ""),
}  # fmt: skip
OUTCOMES = {"deliveries": ("confirmed", "failed", "given_up"), "exports": ("complete", "broken_off")}
HELP = {
    "received": "Messages and rows that arrived.",
    "taken": "Events kept.",
    "repeated": "Events that were there before.",
    "refused": "What the suppression list or missing consent kept out.",
    "quarantined": "What did not fit, by reason.",
    "replayed": "What became of what was in quarantine.",
    "signals_refused": "Signals of consent that could not be taken.",
    "fetches_failed": "Places that could not be asked, and files put aside.",
    "members_withheld": "Members that consent kept back from destinations.",
    "deliveries": "Tries to deliver to destinations, by outcome.",
    "runs_failed": "Full runs of segments that failed.",
    "exports": "Exports of members, by outcome.",
    "counted": "Whatever else was counted.",
}


class _Installation(Collector):
    """The whole installation, read anew at each scrape."""

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("cdp_up", "Whether this part of the metrics could be read.", labels=["part"])
        for part, (read, faults) in PARTS.items():
            try:
                yield from list(read())
                up.add_metric([part], 1)
            except faults as error:
                logger.warning("Metrics of %s cannot be read: %s", part, type(error).__name__)
                up.add_metric([part], 0)
        yield up


# --- counters ---------------------------------------------------------------------------------------------------------


def _counters() -> Iterator[Metric]:
    names = events.source_names()
    families = {name: _family(name) for name in HELP}
    numbers = _noughts(names.values())
    for source, kind, number in queries.counted():
        metric, label = _metric(kind)
        name = names.get(source, "") if source else ""
        key = metric, (name, *filter(None, [label]))
        numbers[key] = numbers.get(key, 0) + number
    for (metric, labels), number in numbers.items():
        families[metric].add_metric(labels, number)
    yield from families.values()


def _noughts(sources: Iterable[str]) -> dict[tuple[str, tuple[str, ...]], int]:
    """What begins at 0, for Prometheus sees no increase in a number that was not there before."""
    of_sources = [(name, (source,)) for name in ("received", "taken", "repeated") for source in sources]
    of_all = [(name, ("", outcome)) for name, outcomes in OUTCOMES.items() for outcome in outcomes]
    return dict.fromkeys([*of_sources, *of_all, ("runs_failed", ("",)), ("members_withheld", ("",))], 0)


def _family(name: str) -> CounterMetricFamily:
    told = next((label for metric, label, _ in KINDS.values() if metric == name), "kind")
    return CounterMetricFamily(f"cdp_{name}", HELP[name], labels=["source", *filter(None, [told])])


def _metric(kind: str) -> tuple[str, str]:
    """(metric, label) of a counter."""
    for begins, (metric, label, value) in KINDS.items():
        if kind == begins or (begins[-1] in ":_" and kind.startswith(begins)):
            return metric, value or (kind.removeprefix(begins) if label else "")
    return "counted", kind


# --- what waits -------------------------------------------------------------------------------------------------------


def _stages() -> Iterator[Metric]:
    waiting = GaugeMetricFamily(
        "cdp_stage_waiting", f"How much waits for a stage, counted up to {MOST_COUNTED}.", labels=["stage"]
    )
    lag = GaugeMetricFamily("cdp_stage_lag_seconds", "For how long the first of it has waited.", labels=["stage"])
    for stage, number, since in _behind():
        waiting.add_metric([stage], number)
        lag.add_metric([stage], _age(since))
    behind = lake.state().lag or timedelta(0)
    lag.add_metric(["lake"], behind.total_seconds())
    yield from (waiting, lag)


def _behind() -> Iterator[tuple[str, int, datetime | None]]:
    yield "events", events.number_waiting(EVENTS_STAGE, MOST_COUNTED), events.oldest_waiting(EVENTS_STAGE)
    yield from touched.lag(STAGES, MOST_COUNTED)


def _put_aside() -> Iterator[Metric]:
    yield GaugeMetricFamily("cdp_set_aside", "Subjects that the pipeline set aside.", stages.set_aside())
    waiting = events.waiting_in_quarantine(MOST_COUNTED)
    yield GaugeMetricFamily("cdp_quarantine_waiting", f"What waits in quarantine, up to {MOST_COUNTED}.", waiting)
    failing = len(ingestion.failing_places())
    yield GaugeMetricFamily("cdp_places_failing", "Places that could not be fetched from the last time.", failing)
    yield GaugeMetricFamily("cdp_files_put_aside", "Files that could not be read.", ingestion.files_put_aside())
    overdue, _soon, _later = consent.open_by_urgency(timezone.localdate(), 0)
    yield GaugeMetricFamily("cdp_requests_overdue", "Privacy requests that are overdue.", overdue)


# --- servers ----------------------------------------------------------------------------------------------------------


def _sessions() -> Iterator[Metric]:
    found = queries.sessions()
    sessions = GaugeMetricFamily("cdp_database_sessions", "Sessions of the database, by state.", labels=["state"])
    for state, number in (("open", found.open), ("waiting", found.waiting), ("most", found.most)):
        sessions.add_metric([state], number)
    yield sessions
    pid, age = queries.blocking()
    held = pid if age is None or age >= HOLDS_UP else 0
    yield GaugeMetricFamily(
        "cdp_blocking_pid", "The PostgreSQL process that holds the pipeline back, 0 for none.", held
    )
    seconds = GaugeMetricFamily("cdp_blocking_seconds", "Since when; absent where its role's are not told.")
    if age is not None:
        seconds.add_metric([], age if held else 0.0)
    yield seconds


def _workers() -> Iterator[Metric]:
    waiting, taken = heartbeat.queue()
    tasks = GaugeMetricFamily("cdp_tasks", "Tasks that wait, and that workers have taken.", labels=["state"])
    tasks.add_metric(["waiting"], waiting)
    tasks.add_metric(["taken"], taken)
    yield tasks
    yield GaugeMetricFamily("cdp_workers", "Workers heard of within a minute.", heartbeat.workers())
    silence = GaugeMetricFamily(
        "cdp_silence_seconds", "Since beat last sent anything, and a worker last did what it sends.", labels=["who"]
    )
    for who, last in (("beat", heartbeat.beat()), ("workers", heartbeat.last())):
        if last:
            silence.add_metric([who], _age(last))
    yield silence
    answers = CounterMetricFamily(
        "cdp_answers", "Requests refused (429, 503, at the doors for SDKs all) or failed.", labels=["door", "status"]
    )
    for door, status, number in heartbeat.answers():
        answers.add_metric([door, status], number)
    yield answers


def _age(since: datetime | None) -> float:
    return max((now() - since).total_seconds(), 0.0) if since else 0.0


_DATABASE, _REDIS = (DatabaseError,), (RedisError, OSError)
PARTS: dict[str, tuple[Callable[[], Iterator[Metric]], tuple[type[Exception], ...]]] = {
    "counters": (_counters, _DATABASE),
    "stages": (_stages, _DATABASE),
    "aside": (_put_aside, _DATABASE),
    "database": (_sessions, _DATABASE),
    "redis": (_workers, _REDIS),
}


# --- the door ---------------------------------------------------------------------------------------------------------


@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """For whoever sends the token; without one, of a pilot, for this machine alone. Nobody else learns that there is such an
    address."""
    if not _may_read(request):
        raise Http404
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Installation())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, f"Bearer {settings.METRICS_TOKEN}".encode())
    # A proxy on this machine has this machine's address, whoever asks; and not every proxy says that it is one.
    through = not settings.EMBEDDED or settings.BEHIND_PROXY or any(name in request.headers for name in FORWARDED)
    return not through and _is_here(request.META.get("REMOTE_ADDR", ""))


def _is_here(address: str) -> bool:
    # By a Unix socket, as only a proxy of this machine asks, there is none.
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


metrics_urlpatterns = [path("metrics", metrics, name="metrics")]
