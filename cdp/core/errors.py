"""Errors that callers are meant to meet; each message says what to do and holds no personal value."""


class CdpError(Exception):
    """The base of the product's own errors."""


class NotReadable(CdpError):
    """A sealed value cannot be opened: tampered, moved, in the clear, or its key is unknown or destroyed."""


class NoKey(NotReadable):
    """A key above the records' own is unknown or cannot be used: nothing under it can be opened, whoever's it is."""


class Refused(CdpError):
    """The product refuses an action; `code` is stable, the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Unavailable(CdpError):
    """Something needed cannot be reached now; the caller may retry."""
