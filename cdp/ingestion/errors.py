"""Why something that arrived is not taken."""


class Flaw(Exception):
    """One event does not fit and goes to quarantine; `reason` is a short stable word, `field` one of the specification's."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason)
        self.reason, self.field = reason, field


class Refusal(Exception):
    """A whole request is refused with one of the contract's statuses."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


class Away(Exception):
    """A place that rows are fetched from cannot be asked now, or not as it is described; `why` is a short word or code."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why[:60]


class Gone(Exception):
    """The version of a file that was to be read is there no more."""


class TooMuch(ValueError):
    """A file would take more memory or time than any file needs; its text quotes nothing of the file."""
