"""What the commands that ask a router say of an order, and with which exit status."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE

import pytest

from backend.cli.statuses import UNKNOWN, USAGE
from backend.emulator.faults import Fault, FaultKind
from backend.emulator.wire import Endpoint
from backend.lab.demo import VENUES
from tests.cli.conftest import PATIENCE_S, ROOT, Machine


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
