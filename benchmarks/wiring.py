"""How long an order takes from ``Router.submit`` to its first byte at the socket, stored on the way, stage by stage.

Beside it, in turn within one run: a bare fsync, and the same order by ccxt alone, with its limiter off and as shipped.
The emulated exchange runs in this process, so its own work is part of what the reads of book and balance take.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
from ccxt.async_support.binance import binance
from yarl import URL

from backend import bootstrap
from backend.config import Settings, VenueSettings
from backend.domain.orders import Credentials, Intent
from backend.emulator.host import Emulator
from backend.integrations.transport.aiohttp_transport import AiohttpTransport
from backend.lab.stopwatch import Stopwatch
from backend.ports.transport import HttpAnswer, HttpRequest
from benchmarks.committing import bare_commit, bare_table, fsynced
from benchmarks.figure import Figure
from benchmarks.timing import median

ROUNDS = 200
"""As many as one key may ask for within a minute: a round reads the balance, which is expensive at Binance."""
WARM_UP = 20
MARKETABLE = "90000"
FSYNC_MS, P50_MS, P99_MS = 0.2, 1.0, 3.0
"""The goal is stated for a disk with this fsync; on another one, the router's own part is told beside it."""

PLACE = "/api/v3/order"
STAGES = (
    ("checks before", "submit", "accept begins"),
    ("accept commit", "accept begins", "accept ends"),
    ("health", "accept ends", "verdict ends"),
    ("market and key", "verdict ends", "reads begin"),
    ("book and balance", "reads begin", "reads end"),
    ("decide", "reads end", "open_attempt begins"),
    ("open_attempt commit", "open_attempt begins", "open_attempt ends"),
    ("signing", "open_attempt ends", "handed over"),
    ("HTTP client", "handed over", "wire"),
)
"""Each from one mark to the next, so that they add up to the whole."""
READS = "book and balance"
ASKED = "health asked"


class _Marks:
    """When one order reached which point: seconds of the performance counter, by name."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}

    def now(self, name: str) -> None:
        self.at[name] = time.perf_counter()

    def tap(self, owner: object, name: str, begins: str | None, ends: str | None) -> None:
        """Has a method of this one object tell when it begins and ends; of several, the first and the last."""
        inner: Callable[..., Awaitable[object]] = getattr(owner, name)

        async def tapped(*values: object, **named: object) -> object:
            if begins is not None and begins not in self.at:
                self.now(begins)
            try:
                return await inner(*values, **named)
            finally:
                if ends is not None:
                    self.now(ends)

        setattr(owner, name, tapped)


class _Noted(SimpleNamespace):
    """What the transport notes its sent headers in, just before the first byte is given to the socket."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "headers" and value:
            self.marks.now("wire")


class _Traced(AiohttpTransport):
    """The router's own transport, which tells when a place was handed to it and when it gave the first byte away."""

    marks: _Marks

    async def send(self, request: HttpRequest) -> HttpAnswer:
        if _places(request.method, request.url):
            self.marks.now("handed over")
        return await super().send(request)

    async def _exchange(
        self, session: aiohttp.ClientSession, request: HttpRequest, sent: SimpleNamespace, started: float
    ) -> HttpAnswer:
        if _places(request.method, request.url):
            sent = _Noted(marks=self.marks)
        return await super()._exchange(session, request, sent, started)


def _places(method: str, url: object) -> bool:
    return method == "POST" and URL(str(url), encoded=True).path == PLACE


class _Redirected(aiohttp.ClientSession):
    """ccxt's session: sends its production addresses to the emulator, and tells when the first byte is given away."""

    def __init__(self, address: str, marks: _Marks) -> None:
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(self._told)
        super().__init__(trace_configs=[trace])
        object.__setattr__(self, "_target", (URL(address), marks))

    async def _told(self, _session: object, _context: object, params: aiohttp.TraceRequestHeadersSentParams) -> None:
        if _places(params.method, params.url):
            self._target[1].now("wire")  # type: ignore[attr-defined]

    async def _request(self, method: str, url: Any, **options: Any) -> aiohttp.ClientResponse:  # type: ignore[override]
        there = URL(str(url), encoded=True).with_scheme("http").with_host("127.0.0.1")
        return await super()._request(method, there.with_port(self._target[0].port), **options)  # type: ignore[attr-defined]


async def measure() -> list[Figure]:
    """In turn: a bare fsync, a bare call without a limiter, one as shipped, one routed order; ROUNDS times."""
    clock = bootstrap.system_clock()
    emulator = Emulator(seed=1, now=clock.now, sleep=clock.sleep, venues=("binance",))
    await emulator.start()
    try:
        # Beside the program, as in the other benchmark: the bare fsync is of the journal's own disk.
        with tempfile.TemporaryDirectory(prefix="quantum-trader-bench-", dir=Path.cwd()) as room:
            return await _measured(emulator, Path(room))
    finally:
        await emulator.stop()


def _bare(emulator: Emulator, session: aiohttp.ClientSession, *, limiter: bool) -> Any:
    keys = emulator.credentials["binance"]
    options = {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False}
    return binance(
        {
            "apiKey": keys["api_key"],
            "secret": keys["secret"],
            "session": session,
            "enableRateLimit": limiter,
            "options": options,
        }
    )


async def _measured(emulator: Emulator, room: Path) -> list[Figure]:
    keys, address, marks = emulator.credentials["binance"], emulator.addresses["binance"], _Marks()
    session = _Redirected(address, marks)
    free, shipped = (_bare(emulator, session, limiter=limiter) for limiter in (False, True))
    venue = VenueSettings(Credentials(keys["api_key"], keys["secret"]), endpoint=address)
    settings = Settings(journal_path=str(room / "journal.sqlite"), venues={"binance": venue})
    transport = bootstrap.http_transport(settings, bootstrap.system_clock())
    # The program's own transport with the program's own endpoints; only its marks are new.
    transport.__class__ = _Traced
    transport.marks = marks  # type: ignore[attr-defined]
    bounds = emulator.bounds("binance")
    rules = bootstrap.emulated_rules("binance", engine_s=bounds.engine_s, visibility_s=bounds.visibility_s)
    journal = bootstrap.open_journal(settings)
    runtime = bootstrap.Runtime(
        settings, telemetry=Stopwatch(), transport=transport, journal=journal, rules={"binance": rules}
    )
    _tap(marks, journal, runtime)
    fsyncs: list[float] = []
    commits: list[float] = []
    table = bare_table(room / "bare.sqlite")
    bare: dict[str, list[float]] = {"off": [], "shipped": []}
    routed: list[dict[str, float]] = []
    handle = os.open(room / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        await free.load_markets()
        await shipped.load_markets()
        router = await runtime.router()
        for number in range(ROUNDS + WARM_UP):
            fsyncs.append(fsynced(handle))
            commits.append(bare_commit(table))
            bare["off"].append(await _to_the_wire(marks, lambda: _ordered(free)))
            bare["shipped"].append(await _to_the_wire(marks, lambda: _ordered(shipped)))
            intent = Intent.create(id=f"wire-{number}", symbol="BTC/USDT", side="buy", quantity="0.001")
            await _to_the_wire(marks, lambda intent=intent: router.submit(intent))  # type: ignore[misc]
            routed.append(dict(marks.at))
    finally:
        os.close(handle)
        table.close()
        await runtime.close()
        await transport.close()
        await free.close()
        await shipped.close()
        await session.close()
    floors = [2 * commit + call for commit, call in zip(commits, bare["off"], strict=True)]
    return _figures(
        fsyncs[WARM_UP:], floors[WARM_UP:], {name: times[WARM_UP:] for name, times in bare.items()}, routed[WARM_UP:]
    )


def _tap(marks: _Marks, journal: object, runtime: bootstrap.Runtime) -> None:
    marks.tap(journal, "accept", "accept begins", "accept ends")
    marks.tap(journal, "open_attempt", "open_attempt begins", "open_attempt ends")
    marks.tap(runtime.health, "verdict", None, "verdict ends")
    marks.tap(runtime.health, "check", ASKED, None)
    adapter = runtime.adapter("binance")
    for name in ("order_book", "balances"):
        marks.tap(adapter, name, "reads begin", "reads end")


def _ordered(client: Any) -> Awaitable[object]:
    order: Awaitable[object] = client.create_order(
        "BTC/USDT", "limit", "buy", "0.001", MARKETABLE, {"timeInForce": "IOC"}
    )
    return order


async def _to_the_wire(marks: _Marks, work: Callable[[], Awaitable[object]]) -> float:
    """Seconds until the first byte; the call is waited for to its end."""
    marks.at.clear()
    marks.now("submit")
    await work()
    return marks.at["wire"] - marks.at["submit"]


def _figures(
    fsyncs: list[float], floors: list[float], bare: dict[str, list[float]], routed: list[dict[str, float]]
) -> list[Figure]:
    fsync = median(fsyncs)
    whole = [at["wire"] - at["submit"] for at in routed]
    parts = {name: [at[ends] - at[begins] for at in routed] for name, begins, ends in STAGES}
    own = [total - read for total, read in zip(whole, parts[READS], strict=True)]
    quiet = [seconds for seconds, at in zip(own, routed, strict=True) if ASKED not in at]
    goal = f"{P50_MS:g}, {P99_MS:g} ms"
    lines = [
        Figure("bare fsync", f"{fsync * 1000:.2f} ms", "", f"{_p99(fsyncs) * 1000:.2f} ms p99"),
        _line("submit to the wire", whole, fsync, f"goal: at a bare fsync of {FSYNC_MS:g} ms", goal),
        _line("  of which the router's own", own, fsync, "without book and balance"),
        _line("  own, health known", quiet, fsync, f"{len(quiet)} of {len(own)}; the others asked the venue first"),
    ]
    lines += [_line(f"  {name}", seconds, fsync) for name, seconds in parts.items()]
    lines.append(_line("two bare commits and bare ccxt", floors, fsync, "one row each: no durable order is sooner"))
    lines.append(_line("bare ccxt to the wire", bare["off"], fsync, "limiter off"))
    lines.append(_line("bare ccxt as shipped", bare["shipped"], fsync, "its limiter on"))
    return lines


def _line(name: str, seconds: list[float], fsync: float, note: str = "", goal: str = "") -> Figure:
    p50, p99 = median(seconds), _p99(seconds)
    multiples = f"{p50 / fsync:.1f} and {p99 / fsync:.1f} bare fsyncs"
    value = f"p50 {p50 * 1000:.2f} ms, p99 {p99 * 1000:.2f} ms"
    return Figure(name, value, goal, f"{multiples}; {note}" if note else multiples)


def _p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100, method="inclusive")[98]
