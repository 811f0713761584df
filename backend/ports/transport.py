"""One HTTP exchange, with the one fact that decides about failover: did a byte of the request leave?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """``url`` is the venue's own, complete. ``timeout_s`` covers everything up to the last byte of the body."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    timeout_s: float


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole answer. ``elapsed_s`` runs from handing over the request to the last byte. Header names as received."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    elapsed_s: float


class TransportFault(StrEnum):
    REFUSED = "refused"
    DNS = "dns"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    BROKEN_ANSWER = "broken_answer"


class TransportError(Exception):
    """No whole answer. ``headers_written`` false: the connection failed before the first byte of the request."""

    def __init__(self, fault: TransportFault, detail: str, *, headers_written: bool) -> None:
        super().__init__(f"{fault.value}: {detail}")
        self.fault = fault
        self.detail = detail
        self.headers_written = headers_written


class Transport(Protocol):
    """Sends each request at most once: no retry, no redirect, no proxy, for any method."""

    async def send(self, request: HttpRequest) -> HttpAnswer:
        """Raises TransportError when there is no whole answer."""
        ...

    async def close(self) -> None: ...
