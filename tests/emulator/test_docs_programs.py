"""The programs in the emulator's manual run as they stand there."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from tests.emulator.web import started

MANUAL = Path(__file__).parents[2] / "docs" / "emulator.md"
BLOCKS: list[str] = re.findall(r"```python\n(.*?)```", MANUAL.read_text("utf-8"), re.DOTALL)
CCXT, CCXT_SYNC = "ccxt.async_support", "requests.adapters"
PROGRAMS = [block for block in BLOCKS if 'os.environ["EMULATOR_URL"]' in block]


def program(naming: str) -> str:
    """The one program of the manual that contains a text."""
    (found,) = [block for block in PROGRAMS if naming in block]
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("naming", "venue", "printed"),
    [
        *((CCXT, venue, "open canceled") for venue in ("binance", "bybit", "kraken", "kucoin", "okx")),
        *((CCXT_SYNC, venue, "closed") for venue in ("bybit", "kraken", "kucoin")),
        ("binance_sdk_spot", "binance", "NEW CANCELED"),
        ("kucoin_universal_sdk", "kucoin", "open done"),
    ],
)
async def test_a_program_of_the_manual_runs(naming: str, venue: str, printed: str) -> None:
    """With address and keys in the environment, the program trades and prints what the manual says."""
    async with started(written=False) as emulator:
        keys = emulator.credentials[venue]
        environment = {
            **os.environ,
            "NO_PROXY": "127.0.0.1",
            "EMULATOR_VENUE": venue,
            "EMULATOR_URL": emulator.addresses[venue],
            "EMULATOR_KEY": keys["api_key"],
            "EMULATOR_SECRET": keys["secret"],
            "EMULATOR_PASSPHRASE": keys.get("passphrase", ""),
        }
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "ignore", "-c", program(naming), env=environment, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await running.communicate()
        assert (running.returncode, output.decode().split()) == (0, printed.split())


def test_every_program_of_the_manual_is_run() -> None:
    """The cases above leave none out."""
    names = (CCXT, CCXT_SYNC, "binance_sdk_spot", "kucoin_universal_sdk")
    assert {program(name) for name in names} == set(PROGRAMS)
