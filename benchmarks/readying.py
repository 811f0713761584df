"""What it costs to make every adapter ready: memory, and how long the event loop stands still meanwhile.

The markets are the emulated venues' own rows, multiplied to the number that the real venue lists (roughly, in 2026), so
that documents and tables have a realistic size. Runs in a fresh process: memory is of a process, not of a function.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from backend import bootstrap
from backend.config import Settings
from backend.emulator.core import VenueCore
from backend.emulator.host import generated_books
from backend.emulator.registry import KINDS
from backend.emulator.wire import Request, Respond
from backend.integrations.exchanges.factory import hosts
from backend.ports.transport import HttpAnswer, HttpRequest
from benchmarks.figure import Figure

MARKETS_LISTED = {"binance": 3_300, "bybit": 650, "okx": 800, "kucoin": 1_300, "kraken": 1_100, "firi": 30}
LOOK_S = 0.001
STATM = Path("/proc/self/statm")


class _Cores:
    """A transport into emulated venues without a network; lists of markets come multiplied."""

    def __init__(self) -> None:
        self._venues = {host: venue for venue, names in hosts().items() for host in names}
        books = generated_books(1, tuple(hosts()))
        self._cores = {
            venue: VenueCore(KINDS[venue], keys=KINDS[venue].new_keys(bytes), books=books, rng=Random(1))
            for venue in hosts()
        }
        self._documents: dict[str, bytes] = {}
        self.bytes = 0

    async def send(self, request: HttpRequest) -> HttpAnswer:
        await asyncio.sleep(0)
        url = urlsplit(request.url)
        venue = self._venues[url.hostname or ""]
        effect = self._cores[venue].handle(Request(request.method, url.path, url.query), time.time())
        assert isinstance(effect, Respond)
        body = self._documents.get(request.url, effect.answer.body)
        self.bytes += len(body)
        return HttpAnswer(effect.answer.status, "", {"Content-Type": effect.answer.content_type}, body, 0.0)

    async def grow(self, venue: str, sent: HttpRequest) -> None:
        """Multiplies the answer to a request that was sent once already."""
        body = (await self.send(sent)).body
        self._documents[sent.url] = multiplied(body, MARKETS_LISTED.get(venue, 1_000))

    async def close(self) -> None:
        """Nothing is open."""


class _Noted:
    """Notes the requests that warming sends, so that their answers can be multiplied before the measured run."""

    def __init__(self, inner: _Cores) -> None:
        self._inner = inner
        self.requests: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpAnswer:
        self.requests.append(request)
        return await self._inner.send(request)

    async def close(self) -> None:
        """Nothing is open."""


def multiplied(body: bytes, count: int) -> bytes:
    """The document with each row that is about BTC under ``count`` other names, in whatever list or object it is."""
    document = json.loads(body)
    _grow(document, count)
    return json.dumps(document).encode()


def _grow(node: object, count: int) -> None:
    if isinstance(node, list) and node and isinstance(node[0], dict) and "BTC" in json.dumps(node[0]):
        text = json.dumps(node[0])
        node.extend(json.loads(_renamed(text, number)) for number in range(count - len(node)))
    elif isinstance(node, dict) and (name := next((key for key in node if key.startswith("XXBT")), None)):
        text = json.dumps(node[name])
        node.update({_renamed(name, n): json.loads(_renamed(text, n)) for n in range(count - len(node))})
    elif isinstance(node, dict):
        for inner in node.values():
            _grow(inner, count)


def _renamed(text: str, number: int) -> str:
    """Asset names are short and made of letters and digits everywhere."""
    for name in ("XXBT", "XBT", "BTC"):
        text = text.replace(name, f"C{number}")
    return text


class _Stalls:
    """The longest time that the event loop did not come back to a task that only sleeps."""

    def __init__(self) -> None:
        self.worst = 0.0

    async def watch(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(LOOK_S)
            self.worst = max(self.worst, time.perf_counter() - began - LOOK_S)


async def _ready() -> dict[str, float]:
    transport, venues = _Cores(), tuple(hosts())
    await _prepare(transport, venues)
    runtime = bootstrap.Runtime(Settings(), transport=transport)
    stalls, before = _Stalls(), transport.bytes
    watch = asyncio.create_task(stalls.watch())
    began = time.perf_counter()
    await asyncio.gather(*(runtime.adapter(venue).warm() for venue in venues))
    took = time.perf_counter() - began
    markets = [len(await runtime.adapter(venue).instruments()) for venue in venues]
    watch.cancel()
    await runtime.close()
    return {
        "stall_ms": stalls.worst * 1000,
        "seconds": took,
        "markets": sum(markets),
        "megabytes": (transport.bytes - before) / 1e6,
        "venues": len(venues),
    }


async def _prepare(transport: _Cores, venues: tuple[str, ...]) -> None:
    """Lets a first runtime warm on the small documents, and multiplies what it asked for."""
    for venue in venues:
        noted = _Noted(transport)
        runtime = bootstrap.Runtime(Settings(), transport=noted)
        await runtime.adapter(venue).warm()
        await runtime.close()
        for request in noted.requests:
            await transport.grow(venue, request)


async def _import_stall() -> float:
    """How long the loop stands still while the client libraries are imported in a thread, in milliseconds."""
    stalls = _Stalls()
    watch = asyncio.create_task(stalls.watch())
    runtime = bootstrap.Runtime(Settings(), transport=_Cores())
    await runtime.load(*hosts())
    watch.cancel()
    await runtime.close()
    return stalls.worst * 1000


def measure() -> list[Figure]:
    """One fresh process for all adapters."""
    done = subprocess.run([sys.executable, "-m", __name__], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    what = f"{told['venues']:.0f} adapters, {told['markets']:.0f} markets, {told['megabytes']:.1f} MB of answers"
    return [
        Figure("memory with all adapters ready", f"{told['rss_mb']:.0f} MB", "300 MB", what),
        Figure("longest stall while warming", f"{told['stall_ms']:.0f} ms", "50 ms", f"{told['seconds']:.2f} s in all"),
        Figure("longest stall while importing", f"{told['import_ms']:.0f} ms", "50 ms", "ccxt, in a thread"),
    ]


def _resident_mb() -> float:
    return int(STATM.read_text().split()[1]) * resource.getpagesize() / 1e6


if __name__ == "__main__":
    imported = asyncio.run(_import_stall())
    told_by_child = {**asyncio.run(_ready()), "import_ms": imported, "rss_mb": _resident_mb()}
    sys.stdout.write(json.dumps(told_by_child))
