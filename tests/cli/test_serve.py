"""The command that routes until it is stopped, as a process of its own, and the commands that ask it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from backend import bootstrap
from backend.emulator.host import Emulator
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
    assert (status, "one router at a time" in err) == (1, True)
    router.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE_S):
        await router.communicate()
    assert router.returncode == 0
    assert list(machine.room.glob("*.api.json")) == []
    status, out, err = await machine.run("order", "submit", "buy", "0.01", "BTC/USDT", "--exchange", "okx", "--json")
    assert (status, json.loads(out)["venues"]) == (0, ["okx"]), err


async def test_a_resting_order_lives_through_a_killed_router(machine: Machine) -> None:
    """Killed, not stopped: its file is ignored, the next router takes the order over, and a cancel ends it."""
    first = await machine.serving()
    resting = ("order", "submit", "buy", "0.01", "BTC/USDT", "--limit", "1000", "--rest", "--exchange", "kraken")
    status, out, err = await machine.run(*resting, "--id", "rests", "--wait", "4", "--json")
    assert (status, json.loads(out)["state"]) == (0, "active"), err
    first.kill()
    await first.wait()
    status, _, err = await machine.run(*resting, "--id", "other")
    assert (status, "start `quantum-trader serve`" in err) == (4, True)
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
