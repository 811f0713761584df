"""The command that routes until it is stopped, as a process of its own: how it starts, serves and ends."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sqlite3
import sys
import time
from asyncio.subprocess import PIPE, Process

import pytest

from backend.cli.serve import STOP_S
from backend.cli.statuses import JOURNAL_FAILED, UNREACHABLE
from backend.emulator.faults import Fault, FaultKind
from backend.emulator.wire import Endpoint
from backend.lab.demo import VENUES, keys_of
from tests.cli.conftest import PATIENCE_S, ROOT, Machine


async def test_a_router_serves_and_stops_in_order(machine: Machine) -> None:
    """Orders go through it by other commands; SIGTERM ends it with status 0, and the journal is free again."""
    router = await machine.serving()
    status, out, err = await machine.run(
        "order", "submit", "buy", "0.01", "BTC/USDT", "--id", "one", "--exchange", "binance", "--json"
    )
    assert (status, json.loads(out)["state"]) == (0, "done"), err
    status, out, _ = await machine.run("order", "show", "one", "--json")
    assert json.loads(out)["attempts"][0]["venue"] == "binance"
    status, out, _ = await machine.run("events", "--json")
    assert next(json.loads(line)["kind"] for line in out.splitlines()) == "intent_accepted"
    status, out, _ = await machine.run("venues")
    assert (status, "binance" in out, " ± " in out) == (0, True, True)
    status, _, err = await machine.run("serve")
    assert (status, "one router at a time" in err) == (UNREACHABLE, True)
    router.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE_S):
        await router.communicate()
    assert router.returncode == 0
    assert list(machine.room.glob("*.api.json")) == []
    status, out, err = await machine.run("order", "submit", "buy", "0.01", "BTC/USDT", "--exchange", "okx", "--json")
    assert (status, json.loads(out)["venues"]) == (0, ["okx"]), err


async def test_a_resting_order_lives_through_a_killed_router(machine: Machine) -> None:
    """Killed, not stopped: its file is ignored, the next router takes the order over, and a cancel ends it. Who asks
    for it is answered as soon as it is in the book."""
    first = await machine.serving()
    resting = ("order", "submit", "buy", "0.01", "BTC/USDT", "--limit", "1000", "--rest", "--exchange", "kraken")
    status, out, err = await machine.run(*resting, "--id", "rests", "--wait", "300", "--json")
    assert (status, json.loads(out)["state"]) == (0, "active"), err
    first.kill()
    await first.wait()
    _, out, err = await machine.run("venues", "--json")
    told = {venue["venue"]: venue for venue in json.loads(out)}
    assert (told["kraken"]["open_orders"], told["okx"]["open_orders"], told["kraken"]["halted"]) == (
        ["rests"],
        [],
        None,
    )
    status, _, err = await machine.run(*resting, "--id", "other")
    assert (status, "start `quantum-trader serve`" in err) == (UNREACHABLE, True)
    await machine.serving()
    status, out, err = await machine.run(*resting, "--id", "rests", "--wait", "1", "--json")
    assert (status, json.loads(out)["id"], json.loads(out)["state"]) == (0, "rests", "active"), err
    status, out, err = await machine.run("order", "cancel", "rests", "--json")
    assert (status, json.loads(out)["reason"]) == (0, "cancelled"), err
    assert [order.status for order in machine.emulator.ledger("kraken").orders] == ["cancelled"]


async def test_no_secret_is_in_the_journal_or_on_the_screen(machine: Machine) -> None:
    """Keys and the token stay where they belong."""
    router = await machine.serving()
    token = json.loads(next(machine.room.glob("*.api.json")).read_text())["token"]
    _, out, err = await machine.run("order", "submit", "buy", "0.01", "BTC/USDT", "--exchange", "bybit")
    router.send_signal(signal.SIGTERM)
    told, errors = await router.communicate()
    with sqlite3.connect(machine.journal) as db:
        stored = "\n".join(db.iterdump())
    db.close()
    secrets = [token, *(keys_of(machine.emulator, venue).secret for venue in VENUES)]
    for text in (out, err, told.decode(), errors.decode(), stored):
        assert not any(secret in text for secret in secrets)


async def stopped(router: Process) -> tuple[float, str]:
    """How long it takes from SIGTERM to the end of the process, and its output."""
    began = time.monotonic()
    router.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE_S):
        out, _ = await router.communicate()
    return time.monotonic() - began, out.decode()


@pytest.mark.parametrize("runs", [False, True], ids=["alone", "with a router"])
async def test_keys_that_do_not_work_are_told_before_an_order_meets_them(machine: Machine, runs: bool) -> None:
    """A wrong secret and a missing passphrase: `venues` asks each exchange something that must be signed."""
    settings = machine.room / "quantum-trader.toml"
    okx = keys_of(machine.emulator, "okx")
    text = settings.read_text().replace(okx.secret, okx.secret[::-1])
    settings.write_text(text.replace(f'passphrase = "{keys_of(machine.emulator, "kucoin").extra["passphrase"]}"\n', ""))
    if runs:
        await machine.serving()
    _, out, err = await machine.run("venues", "--json")
    told = {venue["venue"]: (venue["keys"], venue["keys_problem"]) for venue in json.loads(out)}
    assert told["binance"] == (True, None), err
    assert (told["okx"][0], "50113" in told["okx"][1]) == (True, True)
    assert (told["kucoin"][0], "passphrase" in told["kucoin"][1]) == (True, True)
    _, out, _ = await machine.run("venues")
    assert out.count("not working") == 2


async def test_a_second_signal_does_not_turn_a_stop_into_a_death(machine: Machine) -> None:
    """A supervisor that signals again once "stopped" is told still gets status 0, not that of a killed process."""
    router = await machine.serving()
    router.send_signal(signal.SIGTERM)
    assert router.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        while b'"stopped"' not in await router.stdout.readline():
            pass
        while router.returncode is None:
            router.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.001)
    assert router.returncode == 0


async def test_a_stop_with_an_order_under_way_takes_no_longer_than_stated(machine: Machine) -> None:
    """The exchange does not answer its order; whoever waits for it gets it as it is left, and the process ends."""
    router = await machine.serving()
    slow = Fault(FaultKind.LATENCY, frozenset({Endpoint.PLACE}), params={"seconds": 40.0})
    machine.emulator.inject("binance", slow)
    order = {"id": "x", "symbol": "BTC/USDT", "side": "buy", "quantity": "0.01", "exchange": "binance"}
    caller = asyncio.create_task(machine.asked("POST", "/v1/orders?wait=60", order))
    while (await machine.asked("GET", "/v1/orders/x"))[1].get("blocked") != "0.01":  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.05)
    took_s, _ = await stopped(router)
    assert (router.returncode, took_s < STOP_S) == (0, True)
    status, told = await caller
    assert (status, told["state"], told["blocked"]) == (202, "active", "0.01")


async def test_whoever_stops_reading_stops_no_router(machine: Machine) -> None:
    """As under ``| head -1``: it serves on, and its stop is one in order."""
    router = await machine.serving()
    assert router.stdout is not None
    router.stdout._transport.close()  # type: ignore[attr-defined]
    assert (await machine.run("order", "submit", "buy", "0.01", "BTC/USDT", "--exchange", "okx"))[0] == 0
    router.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE_S):
        assert await router.wait() == 0


async def test_a_stop_while_it_starts_is_honoured(machine: Machine) -> None:
    """No exchange answers, so the start has hardly begun: it is given up, and nothing is left locked."""
    knocked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        knocked.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    settings = machine.room / "quantum-trader.toml"
    answering = settings.read_text()
    for address in machine.emulator.addresses.values():
        settings.write_text(settings.read_text().replace(address, f"http://127.0.0.1:{port}"))
    router = await machine.started("serve", "--json")
    async with asyncio.timeout(PATIENCE_S):
        await knocked.wait()
    took_s, out = await stopped(router)
    assert (router.returncode, took_s < STOP_S) == (0, True)
    assert [json.loads(line)["event"] for line in out.splitlines() if '"event"' in line] == ["stopped"]
    server.close()
    settings.write_text(answering)
    await machine.serving()


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="the limit of another process is set by Linux only")
async def test_a_failed_journal_is_told_and_ends_the_process(machine: Machine) -> None:
    """A full disk: the caller, the status, the log and the exit status say so, and a supervisor can start it anew."""
    router = await machine.serving()
    written = (machine.room / "journal.sqlite-wal").stat().st_size
    resource.prlimit(router.pid, resource.RLIMIT_FSIZE, (written, resource.RLIM_INFINITY))
    order = {"id": "x", "symbol": "BTC/USDT", "side": "buy", "quantity": "0.01"}
    status, told = await machine.asked("POST", "/v1/orders?wait=5", order)
    assert (status, told["error"]["code"]) == (503, "JournalFailed")  # type: ignore[index]
    status, told = await machine.asked("GET", "/v1/status")
    assert (status, "the journal failed" in str(told["failed"])) == (503, True)
    async with asyncio.timeout(STOP_S):
        out, err = await router.communicate()
    assert router.returncode == JOURNAL_FAILED
    assert err.decode().count("Journal failed - nothing is accepted") == 1
    assert "the journal failed" in err.decode().splitlines()[-1]
    assert json.loads(out.decode().splitlines()[-1])["event"] == "stopped"
    await machine.serving()
    assert (await machine.asked("GET", "/v1/status"))[1]["failed"] is None


HANGS = """
import asyncio, time
from backend.cli import serve
serve.STOP_S = 0.2
async def main():
    stop = serve._Stop()
    print("up", flush=True)
    time.sleep(60)
asyncio.run(main())
"""


@pytest.mark.parametrize("told", [True, False])
async def test_a_stop_that_hangs_is_ended(told: bool) -> None:
    """Something keeps the event loop from running: the process ends within the stated time all the same, also when
    nobody can be told."""
    full = os.open("/dev/full", os.O_WRONLY)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HANGS, cwd=ROOT, stdout=PIPE, stderr=PIPE if told else full
    )
    os.close(full)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"up\n"
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE_S / 2):
        _, err = await process.communicate()
    assert process.returncode == 1
    assert not told or b"not stopped within" in err
