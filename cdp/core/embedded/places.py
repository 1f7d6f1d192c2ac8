"""Where the embedded servers keep their files, and which system user they run as."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.platform != "win32":
    import pwd

logger = logging.getLogger(__name__)

SYSTEM_USER = "pgserver"
SHARED_STORES = Path("/var/lib/cdp")


class EmbeddedUnavailable(RuntimeError):
    """The embedded servers cannot run here; the message says in one sentence what to set instead."""


@dataclass(frozen=True)
class Account:
    """The system user that the servers run as; `switched` where it is not the present one."""

    uid: int
    gid: int
    switched: bool

    def popen_options(self) -> dict[str, Any]:
        """Keyword arguments that make `subprocess` run a command as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switched else {}

    def own(self, path: Path) -> None:
        """Give `path` to this user."""
        if self.switched:
            os.chown(path, self.uid, self.gid)

    def reaches(self, path: Path) -> bool:
        """Whether this user may read and execute (a folder: list and enter) `path`."""
        test = ["/bin/sh", "-c", 'test -r "$1" && test -x "$1"', "sh", str(path)]
        return subprocess.run(test, cwd="/", check=False, **self.popen_options()).returncode == 0


def home() -> Path:
    """The folder of all local state: `$CDP_HOME` (relative to the project), else `.cdp` beside manage.py."""
    project = Path(__file__).resolve().parents[3]
    return (project / Path(os.environ.get("CDP_HOME") or ".cdp").expanduser()).resolve()


def runtime_folder(folder: Path) -> Path:
    """The short folder of the sockets that belong to the home `folder`.

    `/tmp`, whatever TMPDIR says: every process of one home must compute the same name, and the path of a Unix
    socket holds at most 104 bytes on some systems.
    """
    temporary = Path("/tmp")  # noqa: S108 - the folder inside is closed to others, and refused where somebody made it
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return temporary / f"cdp-{_home_uid(folder)}-{digest}"


def _home_uid(folder: Path) -> int:
    """The user whose home `folder` is: root may work in the home of an ordinary user and shares its servers."""
    if sys.platform == "win32":
        return 0
    if os.geteuid() == 0 and folder.exists():
        return folder.stat().st_uid
    return os.geteuid()


def require_unix() -> None:
    """Raise EmbeddedUnavailable where there are no Unix sockets and file locks."""
    if sys.platform == "win32":
        raise EmbeddedUnavailable(
            "The embedded servers need Unix sockets; on Windows set DATABASE_URL and REDIS_URL to servers of your own."
        )


def account(folder: Path) -> Account:
    """The user for the servers of `folder`: ourselves; as root, which PostgreSQL refuses, the owner of the home
    or else the system user that the PostgreSQL wheel also uses."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switched=False)
    if (owner := _home_uid(folder)) != 0:
        return Account(owner, folder.stat().st_gid, switched=True)
    entry = _system_user()
    return Account(entry.pw_uid, entry.pw_gid, switched=True)


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        _add_system_user()
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise EmbeddedUnavailable(
            f"PostgreSQL refuses to run as root and the system user {SYSTEM_USER} could not be added: "
            "run as an ordinary user, or set DATABASE_URL and REDIS_URL to servers of your own."
        ) from None


def _add_system_user() -> None:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/bin/false", SYSTEM_USER]
    try:
        subprocess.run(command, check=False, capture_output=True)
    except OSError:
        logger.debug("useradd is not installed")


def prepare_home(folder: Path, account: Account) -> None:
    """Make the home, closed to all others; a switched account may pass through it but not list it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = folder.stat().st_uid
    if account.switched and owner == 0:
        os.chown(folder, 0, account.gid)
        folder.chmod(0o710)
    elif owner == os.geteuid():
        folder.chmod(0o700)


def prepare_runtime_folder(path: Path, account: Account) -> None:
    """Make the folder of the sockets; refuse one that somebody else has put there.

    Whoever may enter this folder may connect as any role, so its mode is the servers' authentication.
    """
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), account.uid}:
            raise EmbeddedUnavailable(f"{path} belongs to another user; remove it, or set DATABASE_URL.") from None
    path.chmod(0o700)
    account.own(path)


def store(folder: Path, account: Account) -> Path:
    """The folder of the servers' data: the home, or where the account cannot reach that, one it can.

    The choice is kept as the link `store` in the home, made before its target, so that a crash loses nothing.
    """
    link = folder / "store"
    if not link.is_symlink():
        if not account.switched or _passes(account, folder):
            return folder
        link.symlink_to(SHARED_STORES / secrets.token_hex(8))
        logger.warning("%s is closed to the user %s: data is kept in %s.", folder, SYSTEM_USER, link.readlink())
    return _made_store(link.readlink(), account)


def _passes(account: Account, folder: Path) -> bool:
    """Whether the account can enter (not list) `folder`."""
    command = ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)]
    return subprocess.run(command, cwd="/", check=False, capture_output=True, **account.popen_options()).returncode == 0


def _made_store(target: Path, account: Account) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.parent.chmod(0o711)
    target.mkdir(mode=0o700, exist_ok=True)
    account.own(target)
    return target


def made_folder(path: Path, account: Account) -> Path:
    """`path`, a folder that only the account may enter."""
    path.mkdir(mode=0o700, exist_ok=True)
    account.own(path)
    return path


def program(package: str, relative: str, store: Path, account: Account, setting: str) -> Path:
    """The path of a wheel's executable, one that the account can run.

    A virtual environment under /root cannot be read by the system user; then the programs are copied to the store.

    Raises:
        EmbeddedUnavailable: the wheel or its binary is missing on this platform; names `setting`.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedUnavailable(_missing(package, setting))
    site = Path(spec.submodule_search_locations[0]).parent
    found = site / package / relative
    if not os.access(found, os.X_OK):
        raise EmbeddedUnavailable(_missing(package, setting))
    return found if account.reaches(found) else _copied(site, package, relative, store)


def _missing(package: str, setting: str) -> str:
    return f"The wheel {package} carries no server for this platform: set {setting} to a server of your own."


def _copied(site: Path, package: str, relative: str, store: Path) -> Path:
    """Copy the wheel's tree (and the libraries beside it, which it finds by a relative path) into the store."""
    tree = Path(package) / Path(relative).parts[0]
    version = hashlib.sha256(f"{site}{(site / package / relative).stat().st_mtime_ns}".encode()).hexdigest()[:12]
    final = store / "programs" / f"{Path(relative).parts[0]}-{version}-{package}"
    if not final.exists():
        final.parent.mkdir(mode=0o755, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=final.parent))
        shutil.copytree(site / tree, partial / tree)
        if (site / f"{package}.libs").exists():
            shutil.copytree(site / f"{package}.libs", partial / f"{package}.libs")
        _open_to_all(partial)
        partial.rename(final)
    return final / package / relative


def _open_to_all(tree: Path) -> None:
    """Make a tree of programs readable and executable; they are public, and the store itself is closed."""
    tree.chmod(0o755)
    for path in tree.rglob("*"):
        path.chmod(0o755)
