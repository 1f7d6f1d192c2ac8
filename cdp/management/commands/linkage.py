"""Train, look at, compare and promote linkage models; what a model would change is always tried first."""

from collections.abc import Callable, Iterable
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.table import Table

from cdp import pipeline
from cdp.core.errors import Refused
from cdp.core.progress import Progress
from cdp.core.types import Actor
from identity import registry, trial
from identity.models import LinkageModel

ACTOR = Actor.system("linkage")
# Columns where there is no terminal to ask.
WIDTH = 120
# Bars of the histogram are at most so wide.
WIDEST = 40


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        tasks = parser.add_subparsers(dest="task", required=True)
        train = tasks.add_parser("train", help="train a draft on all records, and say what it would change")
        show = tasks.add_parser("show", help="all models, or one: weights, prior, thresholds")
        show.add_argument("model", nargs="?", metavar="VERSION|live")
        compare = tasks.add_parser("compare", help="weights side by side, and what the second would change now")
        compare.add_argument("one", metavar="VERSION|live")
        compare.add_argument("other", metavar="VERSION|live")
        for parsed in (train, compare):
            parsed.add_argument("--link", type=float, metavar="BITS", help="link pairs from this weight on")
            parsed.add_argument("--review", type=float, metavar="BITS", help="ask about pairs from this weight on")
        promote = tasks.add_parser("promote", help="put a model to use, and run it over all records")
        promote.add_argument("model", metavar="VERSION")
        promote.add_argument("--without-trial", action="store_true", help="even if nobody has seen what it changes")

    def handle(self, *, task: str, **options: Any) -> None:
        try:
            TASKS[task](self._console(), options)
        except (Refused, ValueError) as error:
            raise CommandError(str(error)) from None

    def _console(self) -> Console:
        return Console(file=cast(IO[str], self.stdout), width=None if self.stdout.isatty() else WIDTH)


def _train(console: Console, options: dict[str, Any]) -> None:
    with Progress("Training") as progress:
        row, found = trial.train_and_try(progress.say, link=options["link"], review=options["review"])
    _describe(console, row)
    _tried(console, row, found)


def _show(console: Console, options: dict[str, Any]) -> None:
    if options["model"]:
        _describe(console, registry.find(options["model"]))
    else:
        _list(console)


def _compare(console: Console, options: dict[str, Any]) -> None:
    one, other = registry.find(options["one"]), registry.find(options["other"])
    thresholds = {name: options[name] for name in ("link", "review") if options[name] is not None}
    other = registry.redrawn(other, **thresholds) if thresholds else other
    _side_by_side(console, one, other)
    with Progress("Trying") as progress:
        found = trial.trial(other, progress.say)
    _tried(console, other, found)


def _promote(console: Console, options: dict[str, Any]) -> None:
    row, without = registry.find(options["model"]), options["without_trial"]
    registry.check(row, without_trial=without)
    with Progress("Promoting") as progress:
        run = pipeline.resolve(progress.say, promote=lambda: registry.promote(ACTOR, row.pk, without_trial=without))
    counts = run.counts
    console.print(
        f"{row.version} is in use: {counts['merged']:,} profiles merged, {counts['created']:,} created, "
        f"{counts['split']:,} split; {counts['links']:,} links over {counts['records']:,} records",
        highlight=False,
    )


TASKS: dict[str, Callable[[Console, dict[str, Any]], None]] = {
    "train": _train,
    "show": _show,
    "compare": _compare,
    "promote": _promote,
}


# --- a model in print -------------------------------------------------------------------------------------------------


def _list(console: Console) -> None:
    rows = [
        (row.version, row.state, f"{row.created_at:%Y-%m-%d %H:%M}", row.report.get("population", "–"), _verdict(row))
        for row in LinkageModel.objects.order_by("-created_at")
    ]
    _print(console, "Linkage models", ("version", "state", "made", "records", "trial"), rows)


def _verdict(row: LinkageModel) -> str:
    tried = row.report.get("trial")
    return f"{tried['merged']:,} merge, {tried['split']:,} split ({tried['at'][:16]})" if tried else "none"


def _describe(console: Console, row: LinkageModel) -> None:
    model = registry.opened(row)
    told = registry.described(model) | row.report
    recall = told.get("recall")
    reckoned = f"reckoned from rules that find {recall:.1%} of the matches" if recall else "the packaged one"
    stopped = ", ".join(f"{rule}: {keys:,}" for rule, keys in told["stop_keys"].items())
    console.print(f"\n{row.version} · {row.state}", style="bold", highlight=False)
    facts = (
        ("made", f"{row.created_at:%Y-%m-%d %H:%M}" + (f" from {told['made_from']}" if told.get("made_from") else "")),
        ("prior", f"one pair in {1 / model.prior:,.0f}, {reckoned}"),
        ("thresholds", f"link from {model.link:g} bits, review from {model.review:g}"),
        ("population", f"{model.population:,} records"),
        ("stop keys", stopped or "none"),
    )
    for name, fact in facts:
        console.print(f"  {name:<12}{fact}", highlight=False)
    rows = [
        (name, weight.level, f"{weight.m:.4g}", f"{weight.u:.4g}", f"{weight.bits:+.2f}", weight.origin)
        for name, weights in model.weights.items()
        for weight in weights
    ]
    _print(console, "Weights", ("comparison", "level", "m", "u", "bits", "origin"), rows)


def _side_by_side(console: Console, one: LinkageModel, other: LinkageModel) -> None:
    left, right = registry.opened(one), registry.opened(other)
    rows = [("", name, f"{getattr(left, name):g}", f"{getattr(right, name):g}", "") for name in THRESHOLDS]
    rows += [
        (name, old.level, f"{old.bits:+.2f}", f"{new.bits:+.2f}", f"{new.bits - old.bits:+.2f}")
        for name in left.weights
        for old, new in zip(left.weights[name], right.weights[name], strict=True)
    ]
    _print(console, "Weights in bits", ("comparison", "level", one.version, other.version, "difference"), rows)


THRESHOLDS = ("prior", "link", "review")


def _tried(console: Console, row: LinkageModel, found: trial.Trial) -> None:
    facts = (
        ("profiles that would merge into another", found.merged),
        ("parts that would split off", found.split),
        ("parts that would move to another profile", found.moved),
        ("profiles that would be new", found.created),
        (f"unchanged of {found.profiles:,} profiles", found.unchanged),
        ("links", found.links),
        ("review cases that would open", found.opened),
        ("records of the largest profile, now", found.largest_before),
        ("records of the largest profile, then", found.largest_after),
    )
    _print(console, f"What {row.version} would change", ("", "number"), facts)
    _histogram(console, found.histogram)
    _examples(console, found.examples)
    if row.state != LinkageModel.State.LIVE:
        console.print(
            f"\nNothing was changed. To put it to use: manage.py linkage promote {row.version}", highlight=False
        )


def _histogram(console: Console, histogram: dict[int, int]) -> None:
    most = max(histogram.values(), default=1)
    rows = [(bits, pairs, "█" * max(1, round(WIDEST * pairs / most))) for bits, pairs in histogram.items()]
    _print(console, "Pairs by weight", ("bits", "pairs", ""), rows)


def _examples(console: Console, examples: Iterable[trial.Example]) -> None:
    for example in examples:
        where = f"{example.profile} → {example.other}" if example.other else f"{example.profile}"
        before = "" if example.before is None else f", {example.before:+.1f} now"
        refused = f", refused: {example.refused}" if example.refused else ""
        said = ", ".join(f"{c.comparison} {c.level} {c.bits:+.1f}" for c in example.comparisons if c.bits)
        console.print(f"\n{WORDS[example.kind]} {where}", highlight=False)
        console.print(f"  records {example.left} and {example.right}", highlight=False)
        console.print(f"  weight {example.weight:+.1f}{before}{refused}: {said}", highlight=False)


WORDS = {"merged": "would merge", "split": "would split", "moved": "would move a part of"}


def _print(console: Console, title: str, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    table = Table(title=title, title_justify="left", title_style="bold")
    listed = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    for index, name in enumerate(columns):
        numbers = all(_is_number(row[index]) for row in listed)
        table.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in listed:
        table.add_row(*row)
    console.print()
    console.print(table)


def _is_number(text: str) -> bool:
    return not text.strip("+-0123456789.,e–")
