"""The command that routes until it is stopped, as a process of its own, and the commands that ask it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import signal
import sqlite3
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from backend import bootstrap
from backend.cli.serve import STOP_S
from backend.cli.statuses import JOURNAL_FAILED, UNKNOWN, UNREACHABLE, USAGE
from backend.emulator.faults import Fault, FaultKind
from backend.emulator.host import Emulator
from backend.emulator.wire import Endpoint
from backend.lab.demo import VENUES, keys_of

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0


@dataclass
class Machine:
    """An emulator, a settings file that points at it, and commands on one journal."""

    emulator: Emulator
    room: Path
    processes: list[Process] = field(default_factory=list)

    @property
    def journal(self) -> Path:
        return self.room / "journal.sqlite"

    async def started(self, *arguments: str) -> Process:
        environment = {**os.environ, "QUANTUM_TRADER_CONFIG": str(self.room / "quantum-trader.toml")}
        command = (sys.executable, "-m", "backend", *arguments)
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stdout=PIPE, stderr=PIPE)
        self.processes.append(process)
        return process

    async def run(self, *arguments: str) -> tuple[int, str, str]:
        """Status, output and errors of a command."""
        process = await self.started(*arguments)
        async with asyncio.timeout(PATIENCE_S):
            out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    async def asked(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, object]]:
        """Status and answer of the running router's port."""
        found = json.loads((self.room / "journal.sqlite.api.json").read_text())
        headers = {"Authorization": f"Bearer {found['token']}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            url = f"http://127.0.0.1:{found['port']}{path}"
            async with session.request(method, url, json=body) as answer:
                return answer.status, await answer.json()

    async def serving(self) -> Process:
        """A router that is up."""
        process = await self.started("serve", "--json")
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            line = await process.stdout.readline()
        assert line, (await process.communicate())[1].decode()
        assert json.loads(line)["event"] == "serving"
        return process


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    emulator = Emulator(seed=5, now=bootstrap.system_clock().now, sleep=bootstrap.system_clock().sleep, venues=VENUES)
    await emulator.start()
    lines = [f'journal_path = "{tmp_path / "journal.sqlite"}"']
    for venue in VENUES:
        keys = keys_of(emulator, venue)
        values = {"endpoint": emulator.addresses[venue], **keys.extra, "api_key": keys.api_key, "secret": keys.secret}
        lines += [f"[venues.{venue}]", *(f'{name} = "{value}"' for name, value in values.items())]
    (tmp_path / "quantum-trader.toml").write_text("\n".join(lines) + "\n")
    machine = Machine(emulator, tmp_path)
    yield machine
    for process in machine.processes:
        if process.returncode is None:
            process.kill()
            await process.wait()
    await emulator.stop()


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


async def test_a_cancel_is_done_when_the_order_is_over(machine: Machine) -> None:
    """The exchange cannot be reached: the cancel is stored, and what rests there may execute, so nobody is told that
    it is over. Repeated when the exchange is back, it is."""
    await machine.serving()
    resting = ("order", "submit", "buy", "0.01", "BTC/USDT", "--limit", "1000", "--rest", "--exchange", "kraken")
    assert (await machine.run(*resting, "--id", "rests", "--wait", "300"))[0] == 0
    refuse = machine.emulator.inject("kraken", Fault(FaultKind.REFUSE))
    status, out, err = await machine.run("order", "cancel", "rests", "--wait", "1")
    assert (status, "its cancel is stored" in out) == (UNKNOWN, True), err
    assert [order.status for order in machine.emulator.ledger("kraken").orders] == ["open"]
    machine.emulator.clear("kraken", refuse)
    status, out, err = await machine.run("order", "cancel", "rests", "--wait", "300")
    assert (status, "its cancel is stored" in out, "nothing executed" in out) == (0, False, True), err
    assert [order.status for order in machine.emulator.ledger("kraken").orders] == ["cancelled"]


async def test_an_order_that_no_exchange_takes_says_why(machine: Machine) -> None:
    """Also one that should have rested: each exchange with its reason."""
    await machine.serving()
    for venue in VENUES:
        machine.emulator.inject(venue, Fault(FaultKind.REFUSE))
    words = ("order", "submit", "buy", "0.01", "BTC/USDT", "--limit", "1000", "--rest", "--id", "nowhere", "--json")
    status, out, err = await machine.run(*words)
    assert (status, set(VENUES) >= set(json.loads(out)["dropped"])) == (1, True), err
    assert "refused" in json.loads(out)["dropped"]["binance"]


async def test_whoever_stops_waiting_is_told_that_the_order_may_go_on(machine: Machine) -> None:
    """Ctrl-C ends the waiting and not the order; the status is none that speaks of it."""
    await machine.serving()
    held = Fault(FaultKind.HANG, frozenset({Endpoint.PLACE}), params={"max_s": 20, "when": "after"})
    machine.emulator.inject("binance", held)
    words = ("order", "submit", "buy", "0.01", "BTC/USDT", "--exchange", "binance", "--id", "left")
    waiting = await machine.started(*words)
    async with asyncio.timeout(PATIENCE_S):
        while not machine.emulator.ledger("binance").orders:  # noqa: ASYNC110 - an exchange's book has no event
            await asyncio.sleep(0.05)
        waiting.send_signal(signal.SIGINT)
        _, err = await waiting.communicate()
    assert waiting.returncode not in (0, 1, 5)
    assert b"left may go on: repeat it with the same id" in err


async def test_an_order_that_was_not_seen_in_a_book_does_not_rest(machine: Machine) -> None:
    """The exchange does not answer yet: nobody knows whether it rests, and that is what the status says. One that ends
    while it is followed is told with all that its result knows."""
    await machine.serving()
    resting = ("order", "submit", "buy", "0.01", "BTC/USDT", "--rest", "--json")
    for venue, seconds in (("kraken", 40.0), ("binance", 2.5)):
        slow = Fault(FaultKind.LATENCY, frozenset({Endpoint.PLACE}), params={"seconds": seconds})
        machine.emulator.inject(venue, slow)
    status, out, err = await machine.run(*resting, "--limit", "1000", "--exchange", "kraken", "--wait", "2")
    assert (status, json.loads(out)["state"]) == (UNKNOWN, "active"), err
    status, out, err = await machine.run(*resting, "--limit", "150000", "--exchange", "binance", "--wait", "300")
    told = json.loads(out)
    assert (status, told["state"], told["filled"], told["dropped"]) == (0, "done", "0.01", {}), err


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


async def test_an_order_in_doubt_is_no_success_and_never_without_its_id(machine: Machine) -> None:
    """A script that goes on after exit status 0 must not take it for bought, and one that repeats it needs the id that
    was made for it. An empty id, as from a variable that is not set, would be a new order each time: it is refused."""
    await machine.serving()
    slow = Fault(FaultKind.LATENCY, frozenset({Endpoint.PLACE}), params={"seconds": 40.0})
    machine.emulator.inject("binance", slow)
    order = ("order", "submit", "buy", "0.01", "BTC/USDT", "--exchange", "binance", "--wait", "1")
    code, out, err = await machine.run(*order)
    name = re.search(r"^its id is (cli-\w+)$", err, re.MULTILINE)
    assert name is not None
    assert (code, f"{name[1]}: active" in out, f"order show {name[1]}" in out) == (UNKNOWN, True, True)
    code, out, err = await machine.run(*order, "--id", "")
    assert (code, out) == (USAGE, "")
    assert "1 to 64 characters" in err


async def test_output_that_cannot_be_written_does_not_change_what_is_told_of_the_order(machine: Machine) -> None:
    """A full disk under the output, as in a log: the order is done, and the exit status says so."""
    await machine.serving()
    words = ("order", "submit", "buy", "0.01", "BTC/USDT", "--exchange", "binance", "--id", "told")
    full = os.open("/dev/full", os.O_WRONLY)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "backend", *words, cwd=machine.room, stdout=full, stderr=asyncio.subprocess.PIPE
    )
    _, err = await process.communicate()
    os.close(full)
    assert (process.returncode, b"cannot be written" in err) == (0, True)


@pytest.mark.parametrize(
    ("closed", "words", "status"),
    [
        (">&-", "0.01 --id told", 0),
        ("<&- >&- 2>&-", "0.01 --id told", 0),
        ("2>/dev/full", "0.02 --id told", UNKNOWN),
        ("2>&-", "0.02 --id told", UNKNOWN),
        ("2>/dev/full", "0.02 --id told --bad", USAGE),
        ("2>&1 >/dev/null | true", "0.02 --id told --bad", USAGE),
        (">&- 2>/dev/full", "0.02", USAGE),
    ],
    ids=["no output", "nothing", "full errors", "no errors", "full errors, usage", "no reader, usage", "no id to tell"],
)
async def test_streams_that_are_closed_change_no_exit_status(
    machine: Machine, closed: str, words: str, status: int
) -> None:
    """1 would say that no exchange took the order. The same words are done; others under its id tell nothing of it;
    and what was made up as its id must be readable, or nothing is sent."""
    await machine.serving()
    buy = ("order", "submit", "--exchange", "binance", "buy")
    assert (await machine.run(*buy, "0.01", "BTC/USDT", "--id", "told"))[0] == 0
    quantity, _, options = words.partition(" ")
    line = " ".join([sys.executable, "-m", "backend", *buy, quantity, "BTC/USDT", options])
    environment = {**os.environ, "QUANTUM_TRADER_CONFIG": str(machine.room / "quantum-trader.toml")}
    script = f"(({line}; echo $? >&9) {closed}) 9>&1 | tail -1" if "|" in closed else f"{line} {closed}; echo $?"
    process = await asyncio.create_subprocess_exec("sh", "-c", script, cwd=ROOT, env=environment, stdout=PIPE)
    out, _ = await process.communicate()
    assert out.split()[-1] == str(status).encode()
    assert len(machine.emulator.ledger("binance").orders) == 1


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
