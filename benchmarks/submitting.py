"""What the router adds to a bare ccxt call, on the same emulated exchange, in interleaved rounds of one run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
from ccxt.async_support.binance import binance
from yarl import URL

from backend import bootstrap
from backend.config import Settings, VenueSettings
from backend.domain.orders import Credentials, Intent
from backend.emulator.host import Emulator
from backend.lab.stopwatch import Stopwatch
from backend.ports.journal import Journal
from backend.ports.transport import HttpAnswer, HttpRequest, Transport
from benchmarks.figure import Figure
from benchmarks.timing import median, timed

ORDERS = 150
WARM_UP = 20
MARKETABLE = "90000"


class _Redirected(aiohttp.ClientSession):
    """Sends ccxt's production addresses to the emulator, for the bare client."""

    target: URL

    async def _request(self, method: str, url: Any, **options: Any) -> aiohttp.ClientResponse:  # type: ignore[override]
        there = URL(str(url), encoded=True)
        return await super()._request(
            method, there.with_scheme("http").with_host("127.0.0.1").with_port(self.target.port), **options
        )


class _Metered:
    """A transport that adds up where the time of the router's requests goes, by method and path."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.seconds: dict[str, list[float]] = {}

    async def send(self, request: HttpRequest) -> HttpAnswer:
        answer = await self._inner.send(request)
        path = URL(request.url, encoded=True).path
        self.seconds.setdefault(f"{request.method} {path}", []).append(answer.elapsed_s)
        return answer

    async def close(self) -> None:
        await self._inner.close()


class _MeteredJournal:
    """A journal that adds up how long its callers wait for a commit, by method."""

    def __init__(self, inner: Journal, seconds: dict[str, list[float]]) -> None:
        self._inner = inner
        self._seconds = seconds

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if not callable(method):
            return method

        async def waited(*values: object, **named: object) -> object:
            began = time.perf_counter()
            result = await method(*values, **named)
            self._seconds.setdefault(f"journal {name}", []).append(time.perf_counter() - began)
            return result

        return waited


async def measure() -> list[Figure]:
    """One bare order and one routed order in turn, ORDERS times."""
    clock = bootstrap.system_clock()
    emulator = Emulator(seed=1, now=clock.now, sleep=clock.sleep, venues=("binance",))
    await emulator.start()
    try:
        with tempfile.TemporaryDirectory(prefix="quantum-trader-bench-") as room:
            return await _measured(emulator, Path(room))
    finally:
        await emulator.stop()


async def _measured(emulator: Emulator, room: Path) -> list[Figure]:
    keys, address = emulator.credentials["binance"], emulator.addresses["binance"]
    _Redirected.target = URL(address)
    session = _Redirected()
    bare: Any = binance(
        {
            "apiKey": keys["api_key"],
            "secret": keys["secret"],
            "session": session,
            "enableRateLimit": False,
            "options": {
                "fetchMarkets": {"types": ["spot"]},
                "fetchCurrencies": False,
                "fetchMargins": False,
            },
        }
    )
    venue = VenueSettings(Credentials(keys["api_key"], keys["secret"]), endpoint=address)
    settings = Settings(journal_path=str(room / "journal.sqlite"), venues={"binance": venue})
    metered = _Metered(bootstrap.http_transport(settings, bootstrap.system_clock()))
    stopwatch = Stopwatch()
    bounds = emulator.bounds("binance")
    rules = bootstrap.emulated_rules("binance", engine_s=bounds.engine_s, visibility_s=bounds.visibility_s)
    journal: Any = _MeteredJournal(bootstrap.open_journal(settings), metered.seconds)
    runtime = bootstrap.Runtime(
        settings, telemetry=stopwatch, transport=metered, journal=journal, rules={"binance": rules}
    )
    try:
        await bare.load_markets()
        router = await runtime.router()
        bare_s: list[float] = []
        routed_s: list[float] = []
        for number in range(ORDERS + WARM_UP):

            async def one_bare() -> object:
                return await bare.create_order("BTC/USDT", "limit", "buy", "0.001", MARKETABLE, {"timeInForce": "IOC"})

            intent = Intent.create(id=f"bench-{number}", symbol="BTC/USDT", side="buy", quantity="0.001")
            bare_s.append(await timed(one_bare))
            routed_s.append(await timed(lambda intent=intent: router.submit(intent)))  # type: ignore[misc]
        return _figures(bare_s[WARM_UP:], routed_s[WARM_UP:], metered.seconds)
    finally:
        await runtime.close()
        await metered.close()
        await bare.close()
        await session.close()


def _figures(bare: list[float], routed: list[float], requests: Mapping[str, list[float]]) -> list[Figure]:
    ratios = [ours / theirs for ours, theirs in zip(routed, bare, strict=True)]
    lines = [
        Figure("bare ccxt create_order", f"{median(bare) * 1000:.2f} ms", "", "limit IOC, limiter off"),
        Figure("router.submit", f"{median(routed) * 1000:.2f} ms", "", "health known, one order at a time"),
        Figure("router.submit / bare call", f"{median(ratios):.2f}", "", f"median of {len(ratios)} pairs"),
    ]
    spent = 0.0
    for name, seconds in sorted(requests.items(), key=lambda item: -sum(item[1])):
        if len(seconds) < len(routed):
            continue
        share = sum(seconds) / (len(routed) + WARM_UP)
        spent += share
        note = f"{len(seconds)} times, {median(seconds) * 1000:.2f} ms each"
        lines.append(Figure(f"  of it {name}", f"{share * 1000:.2f} ms", "", note))
    rest = sum(routed) / len(routed) - spent
    lines.append(
        Figure(
            "  of it the rest",
            f"{rest * 1000:.2f} ms",
            "",
            "decisions, signing, event loop; book and balance overlap",
        )
    )
    return lines
