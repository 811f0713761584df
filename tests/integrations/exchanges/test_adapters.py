"""What every adapter keeps: health without keys, markets once, late imports, and a place only through a router."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal

import pytest

from backend.config.model import Timeouts
from backend.domain.errors import ConfigurationError, UnknownExchange, VenueCallFailed
from backend.domain.health import VenueMode
from backend.domain.lifecycle import IntentState
from backend.domain.orders import Credentials, Intent, TimeInForce
from backend.domain.outcomes import ProvenNotExecuted
from backend.domain.records import ExecutionResult
from backend.domain.rules import Fact, Verification
from backend.integrations.exchanges.factory import RULES, hosts, rules_of
from backend.policies.routing_tables import EXCHANGES
from backend.ports.transport import HttpAnswer, HttpRequest, TransportFault
from tests.fakes.transport import Reply, ScriptedTransport, answer, failure
from tests.integrations.exchanges.support import (
    BINANCE_MARKET,
    FIRI_MARKET,
    KRAKEN_ASSETS,
    KRAKEN_PAIR,
    KUCOIN_MARKET,
    SYMBOLS,
    make_bench,
    warm_bench,
)

VENUES = tuple(RULES)
TIMES = {
    "binance": answer({"serverTime": 1700000000250}, elapsed_s=0.123),
    "kucoin": answer({"code": "200000", "data": 1700000000250}, elapsed_s=0.123),
    "kraken": answer({"error": [], "result": {"unixtime": 1700000000, "rfc1123": "Tue"}}, elapsed_s=0.123),
    "firi": answer({"time": 1700000000}, elapsed_s=0.123),
    "bybit": answer(
        {"retCode": 0, "result": {"timeSecond": "1700000000", "timeNano": "1700000000250000000"}}, elapsed_s=0.123
    ),
    "okx": answer({"code": "0", "msg": "", "data": [{"ts": "1700000000250"}]}, elapsed_s=0.123),
}
MILLISECONDS = ("binance", "bybit", "okx", "kucoin")
STATUS_PATHS = {"binance": "/sapi/v1/system/status", "kraken": "/0/public/SystemStatus"}
STATUS_PATHS |= {"bybit": "/v5/system/status", "okx": "/api/v5/system/status", "kucoin": "/api/v1/status"}


async def reading(venue: str, time: Reply, status: Reply | None = None) -> tuple[float, float, VenueMode]:
    bench = make_bench(venue, time, credentials=Credentials())
    if status is not None:
        bench.transport.standing = {STATUS_PATHS[venue]: status}
    health = await bench.adapter.health()
    return health.latency_s, health.server_time, health.mode


def kucoin_status(status: str) -> Reply:
    return answer({"code": "200000", "data": {"status": status, "msg": ""}})


def kraken_status(status: str) -> Reply:
    return answer({"error": [], "result": {"status": status, "timestamp": "2024-07-22T16:34:44Z"}})


@pytest.mark.parametrize(
    ("venue", "status", "mode"),
    [
        ("binance", answer({"status": 0, "msg": "normal"}), VenueMode.ONLINE),
        ("binance", answer({"status": 1, "msg": "system_maintenance"}), VenueMode.MAINTENANCE),
        ("binance", answer({"status": 2}), VenueMode.UNKNOWN),
        ("kucoin", kucoin_status("open"), VenueMode.ONLINE),
        ("kucoin", kucoin_status("cancelonly"), VenueMode.CANCEL_ONLY),
        ("kucoin", kucoin_status("close"), VenueMode.MAINTENANCE),
        ("kucoin", kucoin_status("something new"), VenueMode.UNKNOWN),
        ("kraken", kraken_status("online"), VenueMode.ONLINE),
        ("kraken", kraken_status("post_only"), VenueMode.POST_ONLY),
        ("kraken", kraken_status("cancel_only"), VenueMode.CANCEL_ONLY),
        ("kraken", kraken_status("maintenance"), VenueMode.MAINTENANCE),
        ("kraken", kraken_status("something new"), VenueMode.UNKNOWN),
    ],
)
async def test_the_mode_is_what_the_venue_says(venue: str, status: Reply, mode: VenueMode) -> None:
    """Each documented word has its mode; a new word is unknown, not online."""
    assert (await reading(venue, TIMES[venue], status))[2] is mode


@pytest.mark.parametrize("venue", VENUES)
async def test_health_needs_no_keys_and_no_markets(venue: str) -> None:
    """Latency is the time call's own; the clock is the venue's, in seconds (Firi answers in seconds already)."""
    latency, server_time, mode = await reading(venue, TIMES[venue], answer({}) if venue in STATUS_PATHS else None)
    assert (latency, mode) == (0.123, VenueMode.UNKNOWN)
    assert server_time == (1700000000.25 if venue in MILLISECONDS else 1700000000.0)


@pytest.mark.parametrize("venue", STATUS_PATHS)
@pytest.mark.parametrize(
    "status",
    [
        answer("<html>", 200),
        answer("", 500),
        answer({"error": ["EService:Busy"]}),
        failure(TransportFault.RESET, headers_written=True),
    ],
)
async def test_a_silent_status_endpoint_only_costs_the_mode(venue: str, status: Reply) -> None:
    """The status page advises; it never makes a venue look dead."""
    assert (await reading(venue, TIMES[venue], status))[2] is VenueMode.UNKNOWN


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize(
    "time",
    [
        answer("", 200),
        answer("<html>"),
        answer("{}"),
        answer("[]"),
        answer({"time": None}),
        answer({"serverTime": "soon"}),
        answer({"code": "200000", "data": None}),
        answer({"error": [], "result": {}}),
        answer({"error": ["EService:Unavailable"]}),
        answer("", 503),
        answer("", 429),
    ],
)
async def test_a_time_that_is_none_is_no_health(venue: str, time: Reply) -> None:
    """A 200 alone says nothing: a maintenance page has one too."""
    with pytest.raises(VenueCallFailed) as caught:
        await reading(venue, time, answer({}) if venue in STATUS_PATHS else None)
    assert not caught.value.not_sent


async def test_health_is_over_when_the_time_is_known_to_fail() -> None:
    """A status call that hangs neither delays the bad news nor stays behind."""

    class Hanging(ScriptedTransport):
        async def send(self, request: HttpRequest) -> HttpAnswer:
            if request.url.endswith("/system/status"):
                await asyncio.Event().wait()
            return await super().send(request)

    bench = make_bench("binance")
    bench.adapter._ccxt._transport = Hanging(failure(TransportFault.REFUSED, headers_written=False))
    with pytest.raises(VenueCallFailed) as caught:
        async with asyncio.timeout(1):
            await bench.adapter.health()
    assert caught.value.not_sent
    await asyncio.sleep(0)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


@pytest.mark.parametrize("venue", VENUES)
async def test_markets_are_loaded_once(venue: str) -> None:
    """Two first callers share one load, and later calls do nothing."""
    bench = make_bench(venue)
    await asyncio.gather(bench.adapter.warm(), bench.adapter.warm())
    requests = len(bench.transport.requests)
    assert requests == (2 if venue == "kraken" else 1)
    assert set(await bench.adapter.instruments()) == {SYMBOLS[venue]}
    assert len(bench.transport.requests) == requests


async def test_a_failed_load_can_be_repeated() -> None:
    """A venue that was down at the start can be used later."""
    bench = make_bench("firi")
    good = bench.transport.standing["/v2/markets"]
    bench.transport.standing["/v2/markets"] = answer("", 503)
    with pytest.raises(VenueCallFailed):
        await bench.adapter.warm()
    bench.transport.standing["/v2/markets"] = good
    await bench.adapter.warm()
    assert set(await bench.adapter.instruments()) == {"BTC/NOK"}


async def test_binance_filters_become_steps() -> None:
    """Steps are exact; what does not trade now, or not by limit order, is listed but not active."""
    bench = make_bench("binance")
    unpriced = {**BINANCE_MARKET, "symbol": "NOSTEP", "baseAsset": "NOSTEP", "filters": []}
    halted = {**BINANCE_MARKET, "symbol": "HALTED", "baseAsset": "HALTED", "status": "CANCEL_ONLY"}
    market_only = {**BINANCE_MARKET, "symbol": "MKT", "baseAsset": "MKT", "orderTypes": ["MARKET"]}
    bench.transport.standing["/api/v3/exchangeInfo"] = answer(
        {"symbols": [BINANCE_MARKET, unpriced, halted, market_only]}
    )
    listed = await bench.adapter.instruments()
    btc = listed["BTC/USDT"]
    assert (str(btc.price_tick), str(btc.quantity_step), btc.min_notional) == ("0.01", "0.00001", Decimal(5))
    assert {symbol: one.active for symbol, one in listed.items()} == {
        "BTC/USDT": True,
        "HALTED/USDT": False,
        "MKT/USDT": False,
    }


async def test_kucoin_symbols_become_instruments() -> None:
    """Fees follow the market's class and coefficient; a namesake of another asset is told apart; no step, no market."""
    bench = make_bench("kucoin")
    listed = [
        KUCOIN_MARKET,
        {
            **KUCOIN_MARKET,
            "symbol": "DEAR-USDT",
            "baseCurrency": "DEAR",
            "feeCategory": 3,
            "takerFeeCoefficient": "0.5",
        },
        {**KUCOIN_MARKET, "symbol": "BIFI-USDT", "baseCurrency": "BIFI", "enableTrading": False, "minFunds": None},
        {**KUCOIN_MARKET, "symbol": "NOSTEP-USDT", "baseCurrency": "NOSTEP", "priceIncrement": None},
    ]
    bench.transport.standing["/api/v2/symbols"] = answer({"code": "200000", "data": listed})
    markets = await bench.adapter.instruments()
    assert set(markets) == {"BTC/USDT", "DEAR/USDT", "BIFIF/USDT"}
    btc, dear, bifi = markets["BTC/USDT"], markets["DEAR/USDT"], markets["BIFIF/USDT"]
    assert (btc.native_id, str(btc.price_tick), btc.quantity_step) == ("BTC-USDT", "0.1", Decimal("1E-8"))
    assert (btc.min_quantity, btc.max_quantity, btc.min_notional) == (Decimal("1E-5"), Decimal(10**10), Decimal("0.1"))
    assert (btc.taker_fee, dear.taker_fee, dear.maker_fee) == (Decimal("0.001"), Decimal("0.0015"), Decimal("0.003"))
    assert (btc.active, bifi.active, bifi.min_notional) == (True, False, Decimal(0))


async def test_kraken_pairs_become_instruments() -> None:
    """Names are the common ones, fees are fractions, dark pools and unknown assets are left out."""
    bench = make_bench("kraken")
    pairs = {
        "XXBTZUSD": KRAKEN_PAIR,
        "XXBTZUSD.d": {**KRAKEN_PAIR, "altname": "XBTUSD.d"},
        "NEWUSD": {**KRAKEN_PAIR, "altname": "NEWUSD", "base": "NEW"},
        "XDGUSD": {**KRAKEN_PAIR, "altname": "XDGUSD", "base": "XXDG", "status": "post_only", "tick_size": None},
    }
    assets = {**KRAKEN_ASSETS, "XXDG": {"altname": "XDG"}}
    bench.transport.standing["/0/public/Assets"] = answer({"error": [], "result": assets})
    bench.transport.standing["/0/public/AssetPairs"] = answer({"error": [], "result": pairs})
    listed = await bench.adapter.instruments()
    assert set(listed) == {"BTC/USD", "DOGE/USD"}
    btc, doge = listed["BTC/USD"], listed["DOGE/USD"]
    assert (btc.native_id, btc.price_tick, btc.quantity_step) == ("XXBTZUSD", Decimal("0.1"), Decimal("1E-8"))
    assert (btc.taker_fee, btc.maker_fee) == (Decimal("0.004"), Decimal("0.0025"))
    assert (doge.active, doge.price_tick) == (False, Decimal("0.1"))


async def test_firi_instruments_come_from_our_own_table() -> None:
    """The venue publishes no steps; only Bitcoin's minimum is known, and that not surely."""
    bench = make_bench("firi")
    bench.transport.standing["/v2/markets"] = answer([FIRI_MARKET, {"id": "USDCDKK"}])
    listed = await bench.adapter.instruments()
    assert set(listed) == {"BTC/NOK", "USDC/DKK"}
    assert listed["BTC/NOK"].min_quantity == Decimal("0.0001")
    assert {one.price_tick for one in listed.values()} == {Decimal("0.01")}


@pytest.mark.parametrize("venue", VENUES)
async def test_place_order_goes_through_the_router(venue: str) -> None:
    """The public method never sends by itself: without a router nothing would journal the order."""

    class Runner:
        async def run_on_venue(self, venue: str, intent: Intent) -> ExecutionResult:
            quantity = intent.quantity
            return ExecutionResult(f"{venue}:{intent.id}", IntentState.DONE, None, quantity, quantity, Decimal(0))

    intent = Intent.create(id="a", symbol=SYMBOLS[venue], side="buy", quantity="1")
    assert (await make_bench(venue, runner=Runner()).adapter.place_order(intent)).intent_id == f"{venue}:a"
    bench = make_bench(venue)
    with pytest.raises(ConfigurationError, match="open_router"):
        await bench.adapter.place_order(intent)
    await bench.adapter.close()
    assert bench.transport.requests == []


@pytest.mark.parametrize("venue", VENUES)
async def test_an_emulated_venue_has_rules_of_its_own(venue: str) -> None:
    """The rules given are the ones told and kept; the venue's own stay what they are."""
    earliest = Fact(4.0, Verification.RUN, "2026-11-23", "emulator")
    bench = make_bench(venue, rules=replace(RULES[venue], deadline_min_s=earliest))
    await bench.adapter.warm()
    assert bench.adapter.rules.deadline_min_s is earliest
    bench.clock.at += 1.5
    outcome = await bench.place()
    assert isinstance(outcome, ProvenNotExecuted)
    assert bench.sent == []
    assert rules_of(venue).deadline_min_s.value < 4.0


@pytest.mark.parametrize("venue", VENUES)
async def test_timeouts_are_the_configured_ones(venue: str) -> None:
    """Each kind of call has its own, in the request itself."""
    timeouts = Timeouts(health_s=1.0, read_s=2.0, cancel_s=3.0, place_s=4.0)
    bench = make_bench(venue, timeouts=timeouts)
    await bench.adapter.warm()
    bench.transport.then(answer("", 500), answer("", 500), answer("", 500))
    assert {request.timeout_s for request in bench.transport.requests} == {2.0}
    with pytest.raises(VenueCallFailed):
        await bench.adapter.health()
    assert bench.sent[0].timeout_s == 1.0
    bench.transport.replies.clear()
    await bench.place(answer("", 500))
    assert bench.sent[-1].timeout_s == 4.0


async def test_a_read_waits_for_our_own_rate_no_longer_than_it_may_take() -> None:
    """A full bucket is our doing: the call fails as not sent, and the venue is not blamed."""
    bench = make_bench("firi", timeouts=Timeouts(read_s=0.05))
    await bench.adapter.warm()
    # One call went for the markets, and one is kept for look-ups.
    for _ in range(bench.adapter.rules.read_rate.value.requests - 2):
        bench.transport.then(answer([]))
        await bench.adapter.balances()
    with pytest.raises(VenueCallFailed, match="our own rate limit") as caught:
        await bench.adapter.balances()
    assert caught.value.not_sent
    assert repr(bench.adapter) == "FiriAdapter(markets=1)"


async def test_an_adapter_serves_one_event_loop_after_another() -> None:
    """Locks and limiters belong to a loop; an adapter outlives it."""
    bench = await warm_bench("kraken", *(answer({"error": [], "result": {}}) for _ in range(2)))
    await bench.adapter.balances()
    await asyncio.to_thread(lambda: asyncio.run(bench.adapter.balances()))
    assert len(bench.sent) == 2


def test_every_exchange_has_an_adapter() -> None:
    """The exchanges are one list in one place; anything else is refused by name."""
    assert VENUES == EXCHANGES
    with pytest.raises(UnknownExchange, match="mtgox"):
        rules_of("mtgox")
    assert hosts() == {
        "binance": ("api.binance.com",),
        "bybit": ("api.bybit.com",),
        "okx": ("www.okx.com",),
        "kucoin": ("api.kucoin.com",),
        "kraken": ("api.kraken.com",),
        "firi": ("api.firi.com",),
    }


def test_the_factory_loads_nothing_heavy() -> None:
    """ccxt takes a second and a hundred megabytes: only who trades pays for it."""
    code = (
        "import sys; from backend.integrations.exchanges.factory import hosts; hosts();"
        "print(sorted({'ccxt', 'aiohttp'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("venue", VENUES)
def test_rules_are_dated_and_sourced(venue: str) -> None:
    """No fact without how, when and where from; nothing claims to have been seen at a live venue."""
    rules = RULES[venue]
    facts = [value for name in rules.__slots__ if isinstance(value := getattr(rules, name), Fact)]
    assert len(facts) >= 15
    for fact in facts:
        assert fact.how is not Verification.RUN
        assert fact.date.count("-") == 2
        assert fact.source
    assert (TimeInForce.IOC in rules.time_in_force.value) == (venue != "firi")
    assert replace(rules, venue="copy").venue == "copy"
