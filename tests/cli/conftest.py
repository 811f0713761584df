"""The commands as processes of their own, on one journal and the emulated exchanges."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
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
