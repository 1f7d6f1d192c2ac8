"""A receiver of webhooks on this machine, which answers as it is told and keeps what it was sent."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver(ThreadingHTTPServer):
    """`answers` are statuses, or functions of the handler, used up one a request; then 204."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[Any] = []
        self.taken: list[tuple[dict[str, str], bytes]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?room=1"

    @property
    def said(self) -> list[dict[str, Any]]:
        """The bodies, in order."""
        return [json.loads(body) for _, body in self.taken]

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """(profile, change, reason) of all messages, in order."""
        lines = [line for body in self.said for line in body["data"].get("changes", ())]
        return [(line["profile_id"], line["change"], line["reason"]) for line in lines]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
        answer = self.server.answers.pop(0) if self.server.answers else 204
        if callable(answer):
            answer(self)
            return
        self.send_response(answer)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    server = Receiver()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def verified(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """Whether one of the signatures is by this secret: the standard's own words, written apart from the product."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.split("_", 1)[1])
    right = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(one == f"v1,{right}" for one in headers["webhook-signature"].split(" "))
