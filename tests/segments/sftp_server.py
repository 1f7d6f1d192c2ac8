"""A real SFTP server of another make (asyncssh), in a thread of the test's process, over a folder."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh


@dataclass
class Server:
    """Whose keys it lets in, under which fingerprint it is known, and what goes wrong there."""

    folder: Path
    port: int = 0
    fingerprint: str = ""
    known: set[str] = field(default_factory=set)
    logins: list[str] = field(default_factory=list)
    old: bool = False  # knows no rename that replaces
    full: bool = False
    hangs_up: bool = False  # when it is told a key

    def address(self, folder: str = "/in", fingerprint: str = "") -> str:
        return f"sftp://cdp@127.0.0.1:{self.port}{folder}#{fingerprint or self.fingerprint}"

    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    (folder / "in").mkdir()
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = Server(folder, fingerprint=key.get_fingerprint())
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        listening = asyncio.run_coroutine_threadsafe(_listen(server, key), loop).result()
        server.port = listening.get_port()
        yield server
        asyncio.run_coroutine_threadsafe(_close(listening), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _listen(server: Server, key: Any) -> Any:
    class Door(asyncssh.SSHServer):
        def connection_made(self, conn: Any) -> None:
            self.connection = conn

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, key: Any) -> bool:
            line = key.export_public_key().decode().strip()
            server.logins.append(line)
            if server.hangs_up:
                self.connection.abort()
            return username == "cdp" and line in server.known

    class Files(asyncssh.SFTPServer):
        def __init__(self, chan: Any) -> None:
            super().__init__(chan, chroot=str(server.folder).encode())

        def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
            if server.old:
                raise asyncssh.SFTPOpUnsupported("no such thing here")
            super().posix_rename(oldpath, newpath)

        def write(self, file_obj: object, offset: int, data: bytes) -> int:
            if server.full:
                raise asyncssh.SFTPNoSpaceOnFilesystem("full")
            return super().write(file_obj, offset, data)  # type: ignore[no-any-return]

    return await asyncssh.listen("127.0.0.1", 0, server_host_keys=[key], server_factory=Door, sftp_factory=Files)


async def _close(listening: Any) -> None:
    listening.close()
    await listening.wait_closed()
