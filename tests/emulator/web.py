"""A client for the emulator's tests: a session per venue that looks like the real host to whoever uses it."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from yarl import URL

from backend.emulator.host import Emulator
from tests.emulator.kit import WrittenBooks

with warnings.catch_warnings():
    # aiohttp advises against subclasses; this one changes where a request goes and nothing else.
    warnings.simplefilter("ignore", DeprecationWarning)

    class RedirectedSession(aiohttp.ClientSession):
        """Sends every request to one address, whatever host it names."""

        target: URL

        async def _request(self, method: str, str_or_url: Any, **more: Any) -> aiohttp.ClientResponse:
            url = URL(str(str_or_url), encoded=True)
            here = url.with_scheme("http").with_host(self.target.host or "").with_port(self.target.port)
            return await super()._request(method, here, **more)


@asynccontextmanager
async def redirected(address: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A session whose requests all go to ``address``."""
    async with RedirectedSession() as session:
        session.target = URL(address)
        yield session


@asynccontextmanager
async def started(*, written: bool = True, control: bool = False) -> AsyncIterator[Emulator]:
    """An emulator on free ports, with written or generated books."""
    books = WrittenBooks() if written else None
    emulator = Emulator(seed=1, now=time.time, sleep=asyncio.sleep, books=books)
    await emulator.start(control_port=0 if control else None)
    try:
        yield emulator
    finally:
        await emulator.stop()
