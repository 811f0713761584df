"""A scripted network: answers or failures in order, and a record of every request."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from urllib.parse import urlsplit

from backend.ports.transport import HttpAnswer, HttpRequest, TransportError, TransportFault

Reply = HttpAnswer | TransportError


class ScriptedTransport:
    """Implements the Transport port. ``standing`` answers a path every time; anything else takes the next reply."""

    def __init__(self, *replies: Reply, standing: Mapping[str, Reply] | None = None) -> None:
        self.replies = deque(replies)
        self.standing = dict(standing or {})
        self.requests: list[HttpRequest] = []
        self.closed = False

    def then(self, *replies: Reply) -> None:
        """Puts more replies at the end of the script."""
        self.replies.extend(replies)

    async def send(self, request: HttpRequest) -> HttpAnswer:
        self.requests.append(request)
        path = urlsplit(request.url).path
        if path in self.standing:
            reply = self.standing[path]
        elif self.replies:
            reply = self.replies.popleft()
        else:
            raise AssertionError(f"no reply scripted for {request.method} {path}")
        if isinstance(reply, TransportError):
            raise reply
        return reply

    async def close(self) -> None:
        self.closed = True


def answer(body: object, status: int = 200, *, elapsed_s: float = 0.01, content_type: str = "text/html") -> HttpAnswer:
    """An answer: text and bytes as they are, anything else as JSON."""
    if isinstance(body, str | bytes):
        raw = body.encode() if isinstance(body, str) else body
    else:
        raw, content_type = json.dumps(body).encode(), "application/json"
    return HttpAnswer(status, "", {"Content-Type": content_type}, raw, elapsed_s)


def failure(fault: TransportFault, *, headers_written: bool) -> TransportError:
    """A request without a whole answer."""
    return TransportError(fault, "scripted", headers_written=headers_written)
