"""The keys of this deployment: `keys status`, `keys add`, `keys rotate`, `keys retire`, `keys check`.

A new root or index key takes four steps: `keys add` prints the keyring with the new key; give it to every process and
restart them; `keys rotate --root` (or `--index`) while the system runs; then `keys retire`, and the old key may leave
the keyring."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdp.core import custody, keyring, reindex, rotation
from cdp.core.errors import CdpError
from cdp.core.progress import Progress
from cdp.core.types import Actor

ACTOR = Actor.system("keys")


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        asked = parser.add_subparsers(dest="asked", required=True)
        asked.add_parser("status", help="every key, and what uses it")
        add = asked.add_parser("add", help="print the keyring with one more key, which is active from now on")
        add.add_argument("ring", choices=["root", "index"])
        add.add_argument("--kms", default="", metavar="ARN", help="a root key of AWS KMS")
        rotate = asked.add_parser("rotate", help="put what is old under the newest key, while the system runs")
        rotate.add_argument(
            "--root", action="store_true", help="only wrap key-encryption keys under the active root key"
        )
        rotate.add_argument("--index", action="store_true", help="only index every value by the active index key")
        retire = asked.add_parser("retire", help="let go of a key that nothing uses any more")
        retire.add_argument("ring", choices=["root", "kek", "index"])
        retire.add_argument("key", help="its id, as `keys status` shows it")
        check = asked.add_parser("check", help="whether the keyring, or a backup of it, opens what is stored")
        check.add_argument("--backup", type=Path, metavar="FILE", help="a copy of the keyring")
        check.add_argument("--every", action="store_true", help="try every data key rather than some of each")

    def handle(self, *, asked: str, **options: Any) -> None:
        try:
            getattr(self, f"_{asked}")(**options)
        except (CdpError, keyring.KeyringError) as error:
            raise CommandError(str(error)) from None

    def _status(self, **_: Any) -> None:
        found = custody.status()
        self._table(
            "Root keys", [(r.id, r.kind, _active(r.active), f"{r.keks:,} key-encryption keys") for r in found.roots]
        )
        self._table(
            "Key-encryption keys",
            [
                (str(k.id), f"root {k.root}", "writes" if k.writes else "", f"{k.data_keys:,} data keys")
                for k in found.keks
            ],
        )
        self._table("Index keys", [(i.id, i.state or "not used", f"{i.rows:,} rows") for i in found.index])

    def _table(self, title: str, rows: list[tuple[str, ...]]) -> None:
        self.stdout.write(title)
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            self.stdout.write(
                f"  {'  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))}".rstrip()
            )

    def _add(self, ring: str, kms: str, **_: Any) -> None:
        if kms and ring != "root":
            raise CommandError("Only root keys may stay in AWS KMS: values are indexed thousands at a time.")
        text = settings.KEYRING or settings.KEYRING_FILE.read_text()
        added, key = keyring.with_new_key(text, ring, kms)
        self.stdout.write(added)
        self.stderr.write(
            f"The keyring above has the {ring} key {key}. Give it to every process, restart them, then run "
            f"`keys rotate --{ring}`; keep a copy apart from the database's backups."
        )

    def _rotate(self, root: bool, index: bool, **_: Any) -> None:
        if root or not index:
            count = rotation.rewrap_keks(ACTOR)
            self.stdout.write(f"{count:,} key-encryption keys wrapped under the active root key")
        if not root and not index:
            self._renew_data_keys()
        if index:
            self._reindex()

    def _renew_data_keys(self) -> None:
        done = 0
        with Progress("Wrapping data keys") as progress:
            for done in rotation.renew_data_keys(ACTOR):
                progress.say(f"{done:,}")
        self.stdout.write(f"{done:,} data keys wrapped under a new key-encryption key")

    def _reindex(self) -> None:
        done: dict[str, int] = {}
        with Progress("Indexing") as progress:
            reindex.run(ACTOR, _telling(progress, done))
        self.stdout.write(f"{done.get('filling', 0):,} records indexed by the active index key")

    def _retire(self, ring: str, key: str, **_: Any) -> None:
        if ring == "kek":
            custody.retire_kek(ACTOR, _uuid(key))
            self.stdout.write(f"Key-encryption key {key} is deleted.")
            return
        {"root": custody.retire_root, "index": custody.retire_index_key}[ring](ACTOR, key)
        self.stdout.write(
            f"Nothing uses the {ring} key {key}: take it out of the keyring, and keep old backups' keyrings."
        )

    def _check(self, backup: Path | None, every: bool, **_: Any) -> None:
        found = list(custody.problems(_ring(backup), every=every))
        for problem in found:
            self.stderr.write(problem)
        if found:
            sys.exit(1)
        self.stdout.write("The keyring opens what is stored.")


def _ring(backup: Path | None) -> keyring.Keyring:
    if backup is None:
        return keyring.keys()
    try:
        return keyring.parse(backup.read_text())
    except OSError as error:
        raise CommandError(f"The backup cannot be read: {error.strerror}.") from None


def _telling(progress: Progress, done: dict[str, int]) -> Callable[[str, int], None]:
    def report(step: str, number: int) -> None:
        done[step] = number
        progress.say(f"{step}, {number:,} records")

    return report


def _active(active: bool) -> str:
    return "active" if active else ""


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise CommandError(f"{text} is no id of a key-encryption key: see `keys status`.") from None
