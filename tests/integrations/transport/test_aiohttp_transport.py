"""The transport against real loopback servers: each request at most once, and the truth about what left."""

from __future__ import annotations

import asyncio
import gc
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from backend.integrations.transport import aiohttp_transport
from backend.integrations.transport.aiohttp_transport import AiohttpTransport, rerouted
from backend.ports.transport import HttpAnswer, HttpRequest, TransportError, TransportFault

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
METHODS = ["GET", "POST", "PUT", "DELETE"]


class WallClock:
    """Real time."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(seconds)


Script = Callable[[asyncio.StreamWriter, int], Awaitable[None]]


@dataclass
class Server:
    """Raw bytes over loopback: what ``script`` writes for the n-th request, counted from 1 over all connections."""

    script: Script
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    serving: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task: asyncio.Task[None] | None = asyncio.current_task()
        assert task is not None
        self.serving.add(task)
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(ln[15:]) for ln in head.split(b"\r\n") if ln.lower().startswith(b"content-length:")), 0
                )
                self.bodies.append(await reader.readexactly(length))
                self.heads.append(head)
                await self.script(writer, len(self.heads))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client is gone, or the test is over
        finally:
            writer.close()


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[Server]:
    server = Server(script)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in server.serving:
            task.cancel()
        await asyncio.gather(*server.serving)


@asynccontextmanager
async def open_transport(**endpoints: str) -> AsyncIterator[AiohttpTransport]:
    transport = AiohttpTransport(clock=WallClock(), endpoints={k.replace("_", "."): v for k, v in endpoints.items()})
    try:
        yield transport
    finally:
        await transport.close()


def saying(raw: bytes) -> Script:
    async def script(writer: asyncio.StreamWriter, _: int) -> None:
        writer.write(raw)

    return script


def saying_then_closing(raw: bytes) -> Script:
    async def script(writer: asyncio.StreamWriter, _: int) -> None:
        writer.write(raw)
        await writer.drain()
        writer.close()

    return script


def request(url: str, method: str = "GET", body: bytes | None = None, timeout_s: float = 2.0) -> HttpRequest:
    return HttpRequest(method, url, {"X-Test": "1"}, body, timeout_s)


async def failed(transport: AiohttpTransport, sent: HttpRequest) -> TransportError:
    with pytest.raises(TransportError) as caught:
        await transport.send(sent)
    return caught.value


async def test_an_answer_comes_back_whole() -> None:
    """Status, reason, every value of a repeated header, body and the time it took."""
    raw = b"HTTP/1.1 418 Teapot\r\nRetry-After: 9\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 4\r\n\r\nbody"
    async with serving(saying(raw)) as server, open_transport() as transport:
        answer = await transport.send(request(f"{server.url}/a", "POST", b"x=1"))
    assert (answer.status, answer.reason, answer.body) == (418, "Teapot", b"body")
    assert (answer.headers["Retry-After"], answer.headers["X-A"]) == ("9", "1, 2")
    assert 0 < answer.elapsed_s < 2
    assert server.bodies == [b"x=1"]


async def test_an_endpoint_replaces_the_host_and_keeps_every_byte_of_the_rest() -> None:
    """The signature covers path and query: nothing may be encoded a second time or put in another order."""
    path = "/api/v3/order?b=%2F+%20%c3%b8&a=1:2&signature=AbC"
    async with serving(saying(OK)) as server, open_transport(api_example_com=server.url) as transport:
        await transport.send(request(f"https://api.example.com{path}", "DELETE"))
    assert server.heads[0].startswith(f"DELETE {path} HTTP/1.1\r\n".encode())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.com/x?y=%20#z", "http://127.0.0.1:1/x?y=%20#z"),
        ("https://a.com", "http://127.0.0.1:1"),
        ("https://a.com?q=1", "http://127.0.0.1:1?q=1"),
        ("https://b.com/x", "https://b.com/x"),
        ("https://sub.a.com/x", "https://sub.a.com/x"),
        ("https://a.com:444/x", "https://a.com:444/x"),
    ],
)
def test_only_the_named_host_is_rerouted(url: str, expected: str) -> None:
    """Exactly the named host, never one that looks like it."""
    assert rerouted(url, {"a.com": "http://127.0.0.1:1"}) == expected


@pytest.mark.parametrize("method", METHODS)
async def test_a_dropped_pooled_connection_sees_one_request(method: str) -> None:
    """aiohttp repeats GET, PUT and DELETE on a reused connection that died; here the second copy never exists."""

    async def script(writer: asyncio.StreamWriter, count: int) -> None:
        if count == 1:
            writer.write(OK)
        else:
            writer.close()

    async with serving(script) as server, open_transport() as transport:
        await transport.send(request(server.url))
        error = await failed(transport, request(server.url, method))
        assert server.connections == 1
        await asyncio.sleep(0.05)
        assert len(server.heads) == 2
    assert (error.fault, error.headers_written) == (TransportFault.RESET, True)


@pytest.mark.parametrize("method", METHODS)
async def test_a_reset_after_the_request_may_have_executed(method: str) -> None:
    """The server read the request and closed: ambiguous, and sent once."""

    async def script(writer: asyncio.StreamWriter, _: int) -> None:
        writer.transport.abort()

    async with serving(script) as server, open_transport() as transport:
        error = await failed(transport, request(server.url, method))
    assert (error.fault, error.headers_written, len(server.heads)) == (TransportFault.RESET, True, 1)


async def test_a_refused_connection_sent_nothing() -> None:
    """The one failure that lets an order move at once."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with open_transport() as transport:
        error = await failed(transport, request(f"http://127.0.0.1:{port}/", "POST", b"x"))
    assert (error.fault, error.headers_written) == (TransportFault.REFUSED, False)


async def test_an_unknown_name_sent_nothing() -> None:
    """A name that cannot exist (RFC 6761) resolves nowhere."""
    async with open_transport() as transport:
        error = await failed(transport, request("http://nowhere.invalid/", "POST", b"x"))
    assert (error.fault, error.headers_written) == (TransportFault.DNS, False)


async def test_a_failed_tls_handshake_sent_nothing() -> None:
    """A server that does not speak TLS never sees the request."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with open_transport() as transport:
        error = await failed(transport, request(f"https://127.0.0.1:{port}/", "POST", b"x"))
    listening.close()
    assert (error.fault, error.headers_written) == (TransportFault.TLS, False)


async def test_a_silent_server_is_a_timeout_that_may_have_executed() -> None:
    """No answer in time says nothing about the order."""

    async def script(_: asyncio.StreamWriter, __: int) -> None:
        await asyncio.sleep(5)

    async with serving(script) as server, open_transport() as transport:
        error = await failed(transport, request(server.url, "POST", b"x", timeout_s=0.1))
    assert (error.fault, error.headers_written, len(server.heads)) == (TransportFault.TIMEOUT, True, 1)


async def test_a_timeout_covers_the_last_byte_of_the_body() -> None:
    """A body that trickles in for ever is no answer."""
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
    async with serving(saying(raw)) as server, open_transport() as transport:
        error = await failed(transport, request(server.url, timeout_s=0.1))
    assert (error.fault, error.headers_written) == (TransportFault.TIMEOUT, True)


async def test_a_connection_that_is_never_accepted_is_a_timeout_without_a_byte() -> None:
    """A full queue of connections: the request stays here."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        async with open_transport() as transport:
            error = await failed(transport, request(f"http://127.0.0.1:{full.getsockname()[1]}", "POST", timeout_s=0.2))
        for one in waiting:
            one.close()
    assert (error.fault, error.headers_written) == (TransportFault.TIMEOUT, False)


BROKEN = {
    "cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
    "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "missing chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    "bad gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
    "not HTTP": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "bad length": b"HTTP/1.1 200 OK\r\nContent-Length: -7\r\n\r\n{}",
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN.keys())
async def test_an_answer_that_breaks_off_is_broken_not_a_refusal(raw: bytes) -> None:
    """ccxt raises a plain ExchangeError here, which looks like a no; the request had arrived."""
    async with serving(saying_then_closing(raw)) as server, open_transport() as transport:
        error = await failed(transport, request(server.url, "POST", b"x"))
    assert (error.fault, error.headers_written, len(server.heads)) == (TransportFault.BROKEN_ANSWER, True, 1)


async def test_a_body_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that never stops talking cannot fill the memory."""
    monkeypatch.setattr(aiohttp_transport, "BODY_BYTES_MAX", 10)
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b"x" * 11
    async with serving(saying(raw)) as server, open_transport() as transport:
        error = await failed(transport, request(server.url))
    assert error.fault is TransportFault.BROKEN_ANSWER


async def test_a_redirect_is_an_answer() -> None:
    """A followed redirect turns an order into a page that looks like success."""
    raw = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    async with serving(saying(raw)) as server, open_transport() as transport:
        answer = await transport.send(request(server.url, "POST", b"x"))
    assert (answer.status, len(server.heads)) == (302, 1)


async def test_cookies_and_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server or a shell says must not change the next request."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    raw = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\n{}"
    async with serving(saying(raw)) as server, open_transport() as transport:
        for _ in range(2):
            await transport.send(request(server.url))
    assert [head for head in server.heads if b"cookie" in head.lower()] == []


async def test_a_cancelled_caller_leaves_nothing_behind() -> None:
    """The connection of a cancelled request is closed, never given to the next one with an answer still to come."""
    arrived = asyncio.Event()

    async def script(writer: asyncio.StreamWriter, count: int) -> None:
        if count == 1:
            arrived.set()
            await asyncio.sleep(0.1)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
        else:
            writer.write(OK)

    async with serving(script) as server, open_transport() as transport:
        task = asyncio.create_task(transport.send(request(server.url, "POST", b"x")))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        answer = await transport.send(request(server.url))
    assert answer.body == b"{}"
    assert server.connections == 2


async def test_a_session_that_is_closed_meanwhile_sent_nothing() -> None:
    """Closing the program while a request is about to go is a failure that knows that no byte left."""
    async with open_transport() as transport:
        session = await transport._session()
        await session.close()
        error = await failed(transport, request("http://127.0.0.1:9/"))
    assert (error.fault, error.headers_written) == (TransportFault.RESET, False)


async def test_connections_are_kept_for_the_next_request() -> None:
    """An order should not pay for a handshake; a session for two first requests at once is still one."""
    async with serving(saying(OK)) as server, open_transport() as transport:
        await asyncio.gather(*(transport.send(request(server.url)) for _ in range(3)))
        first = server.connections
        await transport.send(request(server.url))
        assert server.connections == first
        assert repr(transport).endswith("sessions=1)")
    assert repr(transport).endswith("sessions=0)")


async def test_an_error_never_quotes_the_request() -> None:
    """Queries carry signatures, and error texts end in logs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with open_transport() as transport:
        error = await failed(transport, request(f"http://127.0.0.1:{port}/?signature=hidden"))
    assert "hidden" not in str(error)


def test_two_event_loops_one_after_the_other(capfd: pytest.CaptureFixture[str]) -> None:
    """Each ``asyncio.run`` gets its own session, closed when that loop ends, without anybody calling close."""
    transport = AiohttpTransport(clock=WallClock())

    async def once() -> HttpAnswer:
        async with serving(saying(OK)) as server:
            return await transport.send(request(server.url))

    assert [asyncio.run(once()).status for _ in range(2)] == [200, 200]
    assert repr(transport) == "AiohttpTransport(endpoints={}, sessions=0)"
    gc.collect()
    assert capfd.readouterr().err == ""
