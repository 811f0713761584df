"""The network side: what the cores say really happens on the wire."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from backend.emulator.faults import Fault, FaultError, FaultKind
from backend.emulator.host import Emulator
from backend.emulator.registry import KINDS
from backend.emulator.run import RunOptions, run
from backend.emulator.scenario import read_scenario
from backend.emulator.server import BODY_MAX
from backend.emulator.wire import Endpoint
from tests.emulator.kit import T0, VENUES, WrittenBooks
from tests.emulator.web import started

TIMES = {"binance": "/api/v3/time", "kraken": "/0/public/Time", "firi": "/time", "kucoin": "/api/v1/timestamp"}
TIMES |= {"bybit": "/v5/market/time", "okx": "/api/v5/public/time"}
PATIENCE = 500  # looks, ten milliseconds apart
ORDER = {"market": "BTCNOK", "type": "bid", "price": "100.00", "amount": "0.5"}


async def place(emulator: Emulator, session: aiohttp.ClientSession, amount: str = "0.5") -> int:
    """Order at the venue whose orders need no signature; returns the HTTP status."""
    headers = {"firi-access-key": emulator.credentials["firi"]["api_key"]}
    body = {**ORDER, "amount": amount}
    async with session.post(emulator.addresses["firi"] + "/v2/orders", json=body, headers=headers) as response:
        await response.read()
        return response.status


@pytest.mark.parametrize("venue", VENUES)
async def test_a_refusing_port_refuses_pooled_connections_too(venue: str) -> None:
    """After a refusal began, a client with a warm connection gets connection refused, and later the same port again."""
    async with started() as emulator, aiohttp.ClientSession() as session:
        url = emulator.addresses[venue] + TIMES[venue]
        async with session.get(url) as response:
            assert response.status == 200
        fault_id = emulator.inject(venue, Fault(FaultKind.REFUSE))
        await asyncio.sleep(0)
        for _ in range(2):
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get(url)
        emulator.clear(venue, fault_id)
        await asyncio.sleep(0.01)
        async with session.get(url) as response:
            assert response.status == 200


async def test_a_refusal_begins_and_ends_by_itself() -> None:
    """A refusal with a start and a length closes and opens the port at these times."""
    async with started() as emulator, aiohttp.ClientSession() as session:
        url = emulator.addresses["firi"] + "/time"
        began = time.monotonic()
        emulator.inject("firi", Fault(FaultKind.REFUSE, start=0.1, length=0.2))

        async def answers() -> bool:
            try:
                async with session.get(url) as response:
                    return response.status == 200
            except aiohttp.ClientConnectionError:
                return False

        async def until(wanted: bool) -> float:
            for _ in range(PATIENCE):
                if await answers() is wanted:
                    return time.monotonic() - began
                await asyncio.sleep(0.01)
            raise AssertionError(wanted)

        assert await until(False) >= 0.09
        assert await until(True) >= 0.29


async def test_an_order_on_its_way_to_a_closed_port_never_arrives() -> None:
    """A request on a connection that was dropped does not reach the venue."""
    async with started() as emulator, aiohttp.ClientSession() as session:
        assert await place(emulator, session) == 201
        emulator.inject("firi", Fault(FaultKind.REFUSE))
        with pytest.raises(aiohttp.ClientConnectionError):
            await place(emulator, session)
        assert len(emulator.ledger("firi").orders) == 1


@pytest.mark.parametrize(("when", "orders"), [("before", 0), ("after", 1)])
async def test_a_reset_drops_the_connection_without_an_answer(when: str, orders: int) -> None:
    """The client learns nothing, whether or not the order took effect."""
    async with started() as emulator, aiohttp.ClientSession() as session:
        emulator.inject("firi", Fault(FaultKind.RESET, params={"when": when}))
        with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)) as dropped:
            await place(emulator, session)
        assert not isinstance(dropped.value, aiohttp.ClientConnectorError)
        assert len(emulator.ledger("firi").orders) == orders


async def test_a_hanging_venue_lets_the_client_wait_and_gives_up_at_last() -> None:
    """A client with patience sees the connection dropped, one without sees its own timeout."""
    async with started() as emulator, aiohttp.ClientSession() as session:
        emulator.inject("firi", Fault(FaultKind.HANG, params={"max_s": 0.2}))
        url = emulator.addresses["firi"] + "/time"
        with pytest.raises(TimeoutError):
            await session.get(url, timeout=aiohttp.ClientTimeout(total=0.05))
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url)


async def test_an_order_outlives_the_client_that_sent_it() -> None:
    """A slow venue executes an order although the client has given up waiting."""
    async with started() as emulator, aiohttp.ClientSession() as session:
        emulator.inject("firi", Fault(FaultKind.LATENCY, params={"seconds": 0.15}))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await place(emulator, session)
        assert emulator.ledger("firi").orders == ()
        for _ in range(PATIENCE):
            if emulator.ledger("firi").trades:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("the order was lost with its client")


async def test_a_body_can_be_cut_off() -> None:
    """Promised bytes that never come are a payload error to the client."""
    async with started() as emulator, aiohttp.ClientSession() as session:
        emulator.inject("firi", Fault(FaultKind.BODY, params={"status": 201, "body": '{"id":1', "missing": 9}))
        with pytest.raises(aiohttp.ClientPayloadError):
            await place(emulator, session)


async def test_any_status_and_page_can_be_answered() -> None:
    """Status, type, headers and body of an answer are as the fault says."""
    async with started() as emulator, aiohttp.ClientSession() as session:
        params = {"status": 200, "body": "<html></html>", "content_type": "text/html", "headers": {"X-Edge": "1"}}
        emulator.inject("firi", Fault(FaultKind.BODY, params=params))
        async with session.get(emulator.addresses["firi"] + "/time") as response:
            assert (response.content_type, response.headers["X-Edge"]) == ("text/html", "1")
            assert await response.text() == "<html></html>"


async def test_a_body_that_is_too_large_is_not_read() -> None:
    """The venue takes bodies up to a bound."""
    async with (
        started() as emulator,
        aiohttp.ClientSession() as session,
        session.post(emulator.addresses["firi"] + "/v2/orders", data=b"x" * (BODY_MAX + 1)) as response,
    ):
        assert response.status == 413


async def test_time_is_the_clock_that_was_handed_in() -> None:
    """Under a clock that runs five times as fast, a delay of a second takes a fifth of one."""
    start = time.monotonic()

    def now() -> float:
        return T0 + (time.monotonic() - start) * 5

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / 5)

    emulator = Emulator(seed=1, now=now, sleep=sleep, books=WrittenBooks(), venues=["firi"])
    await emulator.start()
    try:
        emulator.inject("firi", Fault(FaultKind.LATENCY, params={"seconds": 1.0, "stage": "answer"}))
        asked = time.monotonic()
        async with aiohttp.ClientSession() as session, session.get(emulator.addresses["firi"] + "/time") as response:
            assert 0 <= (await response.json())["time"] - T0 < 5
        assert 0.19 < time.monotonic() - asked < 1
    finally:
        await emulator.stop()


async def test_stopping_ends_what_is_still_under_way() -> None:
    """A request that waits inside the venue, its client long gone, ends with the emulator and never takes effect."""
    async with started() as emulator, aiohttp.ClientSession() as session:
        emulator.inject("firi", Fault(FaultKind.LATENCY, params={"seconds": 60}))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await place(emulator, session)
        before = asyncio.all_tasks()
        await emulator.stop()
        assert len(asyncio.all_tasks()) < len(before)
        assert emulator.ledger("firi").orders == ()


async def test_a_venue_must_exist() -> None:
    """Names are checked when the emulator is made and when it is spoken to."""
    with pytest.raises(ValueError, match="no such emulated venue: nowhere"):
        Emulator(seed=1, now=time.time, sleep=asyncio.sleep, venues=["nowhere"])
    async with started() as emulator:
        with pytest.raises(KeyError):
            emulator.inject("nowhere", Fault(FaultKind.RESET))
        with pytest.raises(FaultError):
            emulator.inject("firi", Fault(FaultKind.LOST_ANSWER, frozenset({Endpoint.TIME})))


async def test_a_taken_port_is_an_error_and_leaves_nothing_open() -> None:
    """A start that fails closes what it had opened."""
    async with started() as emulator:
        port = int(emulator.addresses["firi"].rpartition(":")[2])
        other = Emulator(seed=1, now=time.time, sleep=asyncio.sleep)
        with pytest.raises(OSError, match="in use"):
            await other.start({"firi": port})


async def test_keys_differ_from_run_to_run() -> None:
    """No key is a constant: two emulators with one seed have different secrets."""
    async with started() as one, started() as other:
        assert one.credentials["kraken"]["secret"] != other.credentials["kraken"]["secret"]


async def test_the_program_announces_where_it_is_and_plays_its_scenario(tmp_path: Path) -> None:
    """Addresses and keys are announced, the scenario runs, and cancelling ends it all."""
    path = tmp_path / "s.toml"
    path.write_text('[[phases]]\nvenue = "firi"\nkind = "status"\nparams = { name = "html_503" }\n', encoding="utf-8")
    events: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
    program = asyncio.create_task(run(RunOptions(scenario=read_scenario(path)), events.put_nowait))
    started, phase = await events.get(), await events.get()
    assert list(started["venues"]) == list(KINDS)
    assert (phase["event"], phase["phase"], phase["venue"], phase["kind"]) == ("phase", 1, "firi", "status")
    address = started["venues"]["firi"]["address"]
    async with aiohttp.ClientSession() as session, session.get(address + "/time") as response:
        assert response.status == 503
    program.cancel()
    with pytest.raises(asyncio.CancelledError):
        await program


async def test_a_scenario_for_another_venue_starts_nothing(tmp_path: Path) -> None:
    """A scenario is checked as a whole before its first fault begins."""
    path = tmp_path / "s.toml"
    phase = '[[phases]]\nvenue = "{}"\nkind = "{}"\n'
    for text in (phase.format("firi", "reset") + phase.format("nowhere", "reset"),
                 phase.format("firi", "reset") + phase.format("firi", "mode")):  # fmt: skip
        path.write_text(text, encoding="utf-8")
        async with started() as emulator:
            with pytest.raises(FaultError):
                emulator.play(read_scenario(path))
            assert emulator.faults("firi") == {}
