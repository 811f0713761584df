"""How many orders per second one emulated venue takes over HTTP, beside a bare aiohttp server that answers a constant.

Both are processes of their own; this process only sends signed requests that were made before, over a few kept-alive
connections. Rounds alternate between the two, so that what else runs on the machine disturbs both.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from benchmarks.figure import Figure
from benchmarks.timing import median

ORDERS = 4_000
WARM_UP = 1_000
ROUNDS = 5
CONNECTIONS = 8
GOAL = 2_000
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "
PRICES = {"BUY": "90000", "SELL": "30000"}  # far enough to trade at once
EMULATOR = [sys.executable, "-m", "backend", "emulator", "--ports", "0", "--venues", "binance", "--json"]
BARE = """
import asyncio, json, sys
from aiohttp import web

async def answer(request):
    await request.read()
    return web.Response(body=b"x" * 700, content_type="application/json")

async def main():
    app = web.Application()
    app.router.add_post("/api/v3/order", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"port": runner.addresses[0][1]}), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


class Round(NamedTuple):
    """Seconds of the clock, and seconds that the server's process used a processor."""

    wall_s: float
    cpu_s: float


class _Sender(asyncio.Protocol):
    """One connection: sends the next request when the last one is answered in full."""

    def __init__(self, requests: deque[bytes], finished: asyncio.Future[None]) -> None:
        self._requests = requests
        self._finished = finished
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(HEAD_END)
        if not found:
            return
        at = head.lower().index(LENGTH) + len(LENGTH)
        if len(body) < int(head[at:].split(b"\r\n", 1)[0]):
            return
        if not head.startswith(b"HTTP/1.1 200 "):
            self._fail(f"refused: {self._buffer[:300]!r}")
            return
        self._buffer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection was lost: {exc}")

    def _next(self) -> None:
        assert self._transport is not None
        if self._requests:
            self._transport.write(self._requests.popleft())
        elif not self._finished.done():
            self._finished.set_result(None)

    def _fail(self, why: str) -> None:
        if not self._finished.done():
            self._finished.set_exception(RuntimeError(why))


class Server:
    """A process that serves orders on a port."""

    def __init__(self, process: subprocess.Popen[str], port: int, keys: Mapping[str, str]) -> None:
        self._process = process
        self._port = port
        self._keys = keys
        self._made = 0

    async def round(self, count: int) -> Round:
        """Send so many orders as fast as they are answered."""
        requests = deque(self._request() for _ in range(count))
        loop = asyncio.get_running_loop()
        finished = [loop.create_future() for _ in range(CONNECTIONS)]
        cpu, began = self._cpu_s(), time.perf_counter()
        connected = [
            await loop.create_connection(lambda done=done: _Sender(requests, done), "127.0.0.1", self._port)  # type: ignore[misc]
            for done in finished
        ]
        await asyncio.gather(*finished)
        measured = Round(time.perf_counter() - began, self._cpu_s() - cpu)
        for transport, _ in connected:
            transport.close()
        return measured

    def _request(self) -> bytes:
        """A signed IOC order that trades at once; buys and sells in turn, so that no balance runs out."""
        self._made += 1
        side = "BUY" if self._made % 2 else "SELL"
        fields = {
            "timestamp": str(int(time.time() * 1000)),
            "symbol": "BTCUSDT",
            "side": side,
            "newClientOrderId": f"bench-{self._made}",
            "newOrderRespType": "FULL",
            "type": "LIMIT",
            "quantity": "0.00100",
            "price": PRICES[side],
            "timeInForce": "IOC",
            "recvWindow": "60000",
        }
        text = urlencode(fields)
        text += "&signature=" + hmac.new(self._keys["secret"].encode(), text.encode(), hashlib.sha256).hexdigest()
        head = (
            f"POST /api/v3/order HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nX-MBX-APIKEY: {self._keys['api_key']}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\n"
            f"User-Agent: bench\r\nContent-Length: {len(text)}\r\n\r\n"
        )
        return (head + text).encode()

    def _cpu_s(self) -> float:
        """What the process has used of a processor; zero where the system does not tell."""
        stat = Path(f"/proc/{self._process.pid}/stat")
        if not stat.exists():
            return 0.0
        fields = stat.read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _running(*command: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, object]]]:
    """A server's process, and the JSON of its first line."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


async def measure() -> list[Figure]:
    """ROUNDS rounds of ORDERS orders at each server in turn; medians."""
    with _running(*EMULATOR) as (emulating, started), _running(sys.executable, "-c", BARE) as (answering, there):
        venue = started["venues"]["binance"]  # type: ignore[index]
        emulated = Server(emulating, int(venue["address"].rpartition(":")[2]), venue["keys"])
        bare = Server(answering, int(str(there["port"])), venue["keys"])
        rounds: dict[Server, list[Round]] = {emulated: [], bare: []}
        for server in rounds:
            await server.round(WARM_UP)
        for _ in range(ROUNDS):
            for server, measured in rounds.items():
                measured.append(await server.round(ORDERS))
    return _figures(rounds[emulated], rounds[bare])


def _figures(emulated: list[Round], bare: list[Round]) -> list[Figure]:
    rates = [ORDERS / one.wall_s for one in emulated]
    constant = [ORDERS / one.wall_s for one in bare]
    note = f"{CONNECTIONS} connections, signed IOC orders, median of {ROUNDS} rounds of {ORDERS}"
    ratios = [ours / theirs for ours, theirs in zip(rates, constant, strict=True)]
    lines = [
        Figure("emulated venue over HTTP", f"{median(rates):.0f} orders/s", f"{GOAL} orders/s", note),
        Figure("bare aiohttp server", f"{median(constant):.0f} answers/s", "", "a constant, same load"),
        Figure("emulated venue / bare server", f"{median(ratios):.2f}", "", "rates of neighbouring rounds"),
    ]
    if all(one.cpu_s for one in emulated):
        per_order = median([one.cpu_s / ORDERS for one in emulated])
        lines.append(
            Figure("  processor per order", f"{per_order * 1e6:.0f} us", "", f"{1 / per_order:.0f} per second")
        )
    return lines
