"""What is unpacked while it is read: a small file may not become an endless one."""

import io
from typing import IO, Any, BinaryIO, cast

from django.utils.translation import gettext as _

from cdp.ingestion.errors import TooMuch

# Rows of a shop pack to a tenth or a fiftieth of their size; what packs better than this was made to.
MOST_TIMES, ALWAYS = 200, 2**26
_PIECE = 2**16


def most(handle: BinaryIO) -> int:
    """How many bytes what is packed in there may have; the handle is back at the start then."""
    size = handle.seek(0, io.SEEK_END)
    handle.seek(0)
    return max(ALWAYS, MOST_TIMES * size)


def bounded(unpacking: IO[bytes], limit: int) -> BinaryIO:
    """The same bytes; `TooMuch` where there are more than `limit`."""
    return cast(BinaryIO, io.BufferedReader(cast(Any, _Bounded(unpacking, limit)), _PIECE))


def in_memory(unpacked: BinaryIO) -> BinaryIO:
    """For readers that go back and forth, which unpacks from the start each time; `TooMuch` for a large file."""
    content = unpacked.read(ALWAYS + 1)
    if len(content) > ALWAYS:
        raise TooMuch(_("A file of this kind is too large to be read packed: unpack it first."))
    return io.BytesIO(content)


class _Bounded(io.RawIOBase):
    """Counts what is unpacked, not what is said of it."""

    def __init__(self, unpacking: IO[bytes], limit: int) -> None:
        self._unpacking, self._limit = unpacking, limit

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._unpacking.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            while self.read(_PIECE):
                pass
        if whence != io.SEEK_SET:
            offset += self.tell()
        return self._unpacking.seek(min(offset, self._limit))

    def readinto(self, into: Any) -> int:
        piece = self._unpacking.read(len(into))
        if self.tell() > self._limit:
            raise TooMuch(_("The file unpacks to more than %(times)d times its size.") % {"times": MOST_TIMES})
        into[: len(piece)] = piece
        return len(piece)
