"""The Transport port over aiohttp: every request at most once, for every method.

aiohttp repeats GET, PUT and DELETE once on its own when a pooled connection turns out dead, follows redirects, keeps
cookies and can read proxies from the environment. All of that is off: a cancel that arrives twice answers "unknown
order", and a redirected order post becomes a page that looks like success.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping
from functools import cached_property
from types import SimpleNamespace

import aiohttp
import certifi
from yarl import URL

from backend.ports.clock import Clock
from backend.ports.transport import HttpAnswer, HttpRequest, TransportError, TransportFault

BODY_BYTES_MAX = 64 * 1024 * 1024
CONNECTIONS_MAX = 100
IDLE_CONNECTION_S = 30.0
NO_LIBRARY_TIMEOUTS = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)

_Keeper = AsyncGenerator[aiohttp.ClientSession, None]


class AiohttpTransport:
    """One session per running event loop, closed by ``close()`` or by the end of that loop.

    ``endpoints`` maps a venue's host to a base URL that replaces scheme, host and port of its requests; path and query
    stay as they are, byte for byte, because the signature covers them.
    """

    def __init__(self, *, clock: Clock, endpoints: Mapping[str, str] | None = None) -> None:
        self._clock = clock
        self._endpoints = {host: base.rstrip("/") for host, base in (endpoints or {}).items()}
        self._sessions: dict[asyncio.AbstractEventLoop, tuple[aiohttp.ClientSession, _Keeper]] = {}

    def __repr__(self) -> str:
        return f"AiohttpTransport(endpoints={self._endpoints!r}, sessions={len(self._sessions)})"

    async def send(self, request: HttpRequest) -> HttpAnswer:
        """Raises TransportError when there is no whole answer within ``request.timeout_s``."""
        session = await self._session()
        sent = SimpleNamespace(headers=False)
        started = self._clock.monotonic()
        try:
            async with self._clock.timeout(request.timeout_s):
                return await self._exchange(session, request, sent, started)
        except TimeoutError as error:
            detail = f"no whole answer within {request.timeout_s:g} s"
            raise TransportError(TransportFault.TIMEOUT, detail, headers_written=sent.headers) from error
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
            fault = _fault(error)
            raise TransportError(fault, _detail(error), headers_written=sent.headers) from error

    async def _exchange(
        self, session: aiohttp.ClientSession, request: HttpRequest, sent: SimpleNamespace, started: float
    ) -> HttpAnswer:
        url = URL(rerouted(request.url, self._endpoints), encoded=True)
        async with session.request(
            request.method,
            url,
            data=request.body,
            headers=request.headers,
            allow_redirects=False,
            timeout=NO_LIBRARY_TIMEOUTS,
            ssl=self._tls if url.scheme == "https" else True,
            trace_request_ctx=sent,
        ) as answer:
            body = await _whole_body(answer)
            return HttpAnswer(
                status=answer.status,
                reason=answer.reason or "",
                headers={name: ", ".join(answer.headers.getall(name)) for name in answer.headers},
                body=body,
                elapsed_s=self._clock.monotonic() - started,
            )

    async def close(self) -> None:
        """Closes the running loop's session. A second call does nothing."""
        kept = self._sessions.pop(asyncio.get_running_loop(), None)
        if kept is not None:
            # Not through the generator: the loop's shutdown may be closing that at this very moment.
            await kept[0].close()

    async def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if loop not in self._sessions:
            # A started async generator is closed by the loop's own shutdown (asyncio.run), inside that loop. Nothing
            # before its yield waits, so two first requests cannot make two sessions.
            keeper = self._kept_session(loop)
            self._sessions[loop] = (await anext(keeper), keeper)
        return self._sessions[loop][0]

    async def _kept_session(self, loop: asyncio.AbstractEventLoop) -> _Keeper:
        session = _new_session()
        try:
            yield session
        finally:
            if loop in self._sessions and self._sessions[loop][0] is session:
                del self._sessions[loop]
            await session.close()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """The machine's authorities and certifi's: a slim image may have none of its own."""
        context = ssl.create_default_context()
        context.load_verify_locations(certifi.where())
        return context


def _new_session() -> aiohttp.ClientSession:
    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(_note_headers)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=IDLE_CONNECTION_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        trace_configs=[trace],
        timeout=NO_LIBRARY_TIMEOUTS,
    )
    # No public switch exists for the silent second send; a test counts what a server sees.
    session._retry_connection = False
    return session


async def _note_headers(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: aiohttp.TraceRequestHeadersSentParams
) -> None:
    """Runs just before the first byte is given to the socket: from here on the request may have arrived."""
    context.trace_request_ctx.headers = True


async def _whole_body(answer: aiohttp.ClientResponse) -> bytes:
    """The body, refused above ``BODY_BYTES_MAX``. Once an answer began, a lost connection is a broken answer."""
    body = bytearray()
    try:
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > BODY_BYTES_MAX:
                raise aiohttp.ClientPayloadError(f"body of more than {BODY_BYTES_MAX} bytes")
    except (aiohttp.ClientConnectionError, OSError) as error:
        if isinstance(error, TimeoutError):
            raise
        raise aiohttp.ClientPayloadError(_detail(error)) from error
    return bytes(body)


def rerouted(url: str, endpoints: Mapping[str, str]) -> str:
    """``url`` with scheme, host and port replaced where its host has an endpoint; the rest unchanged."""
    scheme, separator, rest = url.partition("://")
    end = next((place for place, letter in enumerate(rest) if letter in "/?#"), len(rest))
    base = endpoints.get(rest[:end])
    return f"{scheme}{separator}{rest}" if base is None else f"{base}{rest[end:]}"


FAULTS: tuple[tuple[type[BaseException], TransportFault], ...] = (
    (aiohttp.ClientConnectorDNSError, TransportFault.DNS),
    (aiohttp.ClientSSLError, TransportFault.TLS),
    (aiohttp.ClientConnectorError, TransportFault.REFUSED),
    (aiohttp.InvalidURL, TransportFault.REFUSED),
    (aiohttp.ClientPayloadError, TransportFault.BROKEN_ANSWER),
    (aiohttp.ClientResponseError, TransportFault.BROKEN_ANSWER),
    (aiohttp.ClientConnectionError, TransportFault.RESET),
    (aiohttp.ClientError, TransportFault.BROKEN_ANSWER),
    (OSError, TransportFault.RESET),
    (ValueError, TransportFault.BROKEN_ANSWER),
    (RuntimeError, TransportFault.RESET),
)
"""The first that fits. ClientSSLError and ClientConnectorError are ClientConnectionErrors too: the order matters.
RuntimeError is what aiohttp says of a session that was closed meanwhile."""


def _fault(error: BaseException) -> TransportFault:
    return next(fault for kind, fault in FAULTS if isinstance(error, kind))


def _detail(error: BaseException) -> str:
    """The kind of error and the peer's own words; never the URL, which carries a signature."""
    reason = error.strerror if isinstance(error, OSError) else ""
    return f"{type(error).__name__}{f' ({reason})' if reason else ''}"
