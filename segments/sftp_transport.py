"""paramiko's transport without its two ways of waiting for an answer that came already, or comes no more."""

import threading

import paramiko
from paramiko.auth_handler import AuthOnlyHandler


class Handler(AuthOnlyHandler):  # type: ignore[misc]
    """It makes the event that it waits for after it has asked: what was answered before would be waited for in vain."""

    def wait_for_response(self, event: threading.Event) -> list[str]:
        """The kinds of authentication that are left to do; raises what paramiko does."""
        if self.authenticated or self.username is None:
            event.set()
        found: list[str] = super().wait_for_response(event)
        return found


class Transport(paramiko.ServiceRequestingTransport):  # type: ignore[misc]
    """It waits to be told that it may log in without looking whether the host is still there."""

    _accepted = False

    @property
    def _service_userauth_accepted(self) -> bool:
        return self._accepted or not self.active

    @_service_userauth_accepted.setter
    def _service_userauth_accepted(self, accepted: bool) -> None:
        self._accepted = accepted

    def get_auth_handler(self) -> Handler:
        """Of each connection, once it may log in."""
        return Handler(self)
