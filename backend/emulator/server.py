"""The network side of one emulated venue: a loopback port on which the core's effects really happen.

Time is the emulated clock that is handed in: effects wait with ``sleep``. A refused port is a closed port.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

from aiohttp import web

from backend.emulator.core import VenueCore
from backend.emulator.faults import Fault, FaultKind
from backend.emulator.wire import Answer, Effect, Hang, Pause, Request, Reset, Respond

HOST = "127.0.0.1"
BODY_MAX = 65_536
IN_FLIGHT_MAX = 1_000
BACKLOG = 128
STOP_PATIENCE_S = 0.01
SHORTEST_SLEEP_S = 0.001
HANG_LOOK_S = 1.0
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time: closing sends RST

Now = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


class VenueServer:
    """One port for one core. The port stays the same when it was closed by a fault and opens again."""

    def __init__(self, core: VenueCore, *, now: Now, sleep: Sleep) -> None:
        self.core = core
        self._now = now
        self._sleep = sleep
        self._web = web.Server(self._handle, access_log=None)
        self._listener: asyncio.Server | None = None
        self._reserved: socket.socket | None = None  # bound without listening: the port refuses and stays ours
        self._opening = False
        self._port = 0
        self._in_flight: set[asyncio.Task[object] | None] = set()
        self._running = False
        self._timers: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """Where the venue is, also while it refuses connections."""
        return f"http://{HOST}:{self._port}"

    async def start(self, port: int) -> None:
        """Listen on loopback; port 0 takes any free one."""
        self._running = True
        self._port = port
        await self._listen()

    async def stop(self) -> None:
        """Close the port, drop connections, end whatever waits."""
        self._running = False
        self._close()
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None
        waiting = [task for task in (*self._timers, *self._in_flight) if task is not None]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await self._web.shutdown(STOP_PATIENCE_S)

    def inject(self, fault: Fault) -> str:
        """Pin a fault up; a refusal that begins now closes the port before this returns.

        Open connections are dropped with it: nothing that is sent on them later reaches the core. A client in the same
        event loop notices that its pooled connection is gone on the loop's next turn.
        """
        now = self._now()
        fault_id = self.core.inject(fault, now)
        self._apply()
        if fault.kind is FaultKind.REFUSE:
            begins = now + fault.start
            for at in (begins, None if fault.length is None else begins + fault.length):
                if at is not None and at > now:
                    self._spawn(self._apply_at(at))
        return fault_id

    def clear(self, fault_id: str | None = None) -> None:
        """Take one fault down, or all. A closed port opens on the next turns of the event loop."""
        self.core.clear(self._now(), fault_id)
        self._apply()

    def _apply(self) -> None:
        """Make the port as the faults want it."""
        if not self._running:
            return
        if self.core.refusing(self._now()):
            self._close()
        elif self._listener is None and not self._opening:
            self._opening = True
            self._spawn(self._listen())

    async def _apply_at(self, at: float) -> None:
        await self._sleep_until(at)
        self._apply()

    def _spawn(self, work: Awaitable[None]) -> None:
        timer = asyncio.ensure_future(work)
        self._timers.add(timer)
        timer.add_done_callback(self._timers.discard)

    async def _listen(self) -> None:
        self._opening = True
        try:
            bound, self._reserved = self._reserved or _bind(self._port), None
            self._port = bound.getsockname()[1]
            self._listener = await _serve(self._web, bound)
        finally:
            self._opening = False
        if not self._running or self.core.refusing(self._now()):  # things changed meanwhile
            self._close()

    def _close(self) -> None:
        """Refuse new connections and drop the open ones at once."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            self._reserved = _bind(self._port) if self._running else None
        for connection in list(self._web.connections):
            _abort(connection.transport)

    async def _handle(self, http: web.BaseRequest) -> web.StreamResponse:
        if len(self._in_flight) >= IN_FLIGHT_MAX:
            return web.Response(status=503)
        task = asyncio.current_task()
        self._in_flight.add(task)
        try:
            request = await _read(http)
            return web.Response(status=413) if request is None else await self._perform(http, request)
        finally:
            self._in_flight.discard(task)

    async def _perform(self, http: web.BaseRequest, request: Request) -> web.StreamResponse:
        """Wait out the pauses and do what the core says. A client that went away does not stop its request."""
        effect: Effect = self.core.handle(request, self._now())
        while isinstance(effect, Pause):
            await self._sleep_until(effect.at)
            effect = effect.then(self._now())
        match effect:
            case Respond(at, answer):
                await self._sleep_until(at)
                return await _send(http, answer)
            case Hang(at):
                while http.transport is not None and (left := at - self._now()) > 0:
                    await self._sleep(min(left, HANG_LOOK_S))  # a client that went away need not be waited for
            case Reset(at):
                await self._sleep_until(at)
        _abort(http.transport)
        return web.Response()

    async def _sleep_until(self, at: float) -> None:
        while (left := at - self._now()) > 0:
            await self._sleep(max(left, SHORTEST_SLEEP_S))


def _bind(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setblocking(False)
    try:
        bound.bind((HOST, port))
    except OSError:
        bound.close()
        raise
    return bound


async def _serve(factory: web.Server, bound: socket.socket) -> asyncio.Server:
    try:
        return await asyncio.get_running_loop().create_server(factory, sock=bound, backlog=BACKLOG)
    except asyncio.CancelledError:
        bound.close()
        raise


async def _read(http: web.BaseRequest) -> Request | None:
    """The request as plain values; None if its body is too large."""
    body = bytearray()
    async for chunk in http.content.iter_any():
        body += chunk
        if len(body) > BODY_MAX:
            return None
    path, _, query = http.raw_path.partition("?")
    headers = {name.lower(): value for name, value in http.headers.items()}
    return Request(http.method, path, query, headers, bytes(body))


async def _send(http: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    headers = dict(answer.headers)
    if answer.body:
        headers["Content-Type"] = answer.content_type
    if not answer.missing:
        return web.Response(status=answer.status, body=answer.body, headers=headers)
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = len(answer.body) + answer.missing
    await response.prepare(http)
    await response.write(answer.body)
    if http.transport is not None:
        http.transport.close()  # what was written still leaves
    return response


def _abort(transport: asyncio.BaseTransport | None) -> None:
    """Reset the connection instead of closing it politely."""
    if not isinstance(transport, asyncio.Transport):
        return
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    transport.abort()
