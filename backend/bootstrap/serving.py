"""A router with its loopback port, and one that lives for a single command."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from backend.bootstrap.parts import journal_path, read_settings
from backend.bootstrap.runtime import Runtime
from backend.config.model import Settings
from backend.domain.errors import ConfigurationError
from backend.domain.orders import Intent
from backend.policies.routing_tables import EXCHANGES

if TYPE_CHECKING:
    from backend.api.endpoint import Endpoint
    from backend.domain.records import Event
    from backend.services.control.desk import Desk

TOKEN_BYTES = 32
KNOCK_S = 2.0
"""How long a running router may take to open a connection on loopback."""
T = TypeVar("T")


async def desk_of(runtime: Runtime) -> Desk:
    """The operator's desk of a runtime; its router is started if it was not."""
    from backend.services.control.desk import Desk

    router = await runtime.router()
    return Desk(
        router=router,
        journal=runtime.journal,
        health=runtime.health,
        chains=runtime.chains,
        clock=runtime.clock,
        venues=EXCHANGES,
        signing=_signing(runtime),
        adapter_of=runtime.adapter,
        began=runtime.clock.monotonic(),
    )


def _signing(runtime: Runtime) -> tuple[str, ...]:
    return tuple(venue for venue in EXCHANGES if runtime.settings.venue(venue).credentials)


@asynccontextmanager
async def serving(runtime: Runtime, port: int = 0) -> AsyncIterator[Endpoint]:
    """The runtime's router, reachable on loopback for the length of the block: where, and with which token, stands in a
    file beside the journal. At the end the router stops first, so that whoever waits for an order is told. Raises
    ConfigurationError for a port that is taken."""
    from backend.api import endpoint as endpoints
    from backend.api.server import Api
    from backend.services.execution.router import GRACE_S

    path = journal_path(runtime.settings)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    desk = await desk_of(runtime)
    api = Api(desk, token)
    try:
        try:
            port = await api.start(port)
        except OSError as error:
            raise ConfigurationError(f"port {port}: {error}; choose another one, 0 takes any free one") from error
        endpoint = endpoints.Endpoint(port, token, os.getpid())
        endpoints.write(path, endpoint)
        yield endpoint
    finally:
        endpoints.remove(path)
        await desk.router.close(grace_s=GRACE_S if desk.router.failure() is None else 0)
        await api.stop()


def running_router(path: Path | None = None) -> Endpoint | None:
    """Where the router of the journal listens; None when there is none, also when its file was left by one that was
    killed and its process number has been given to another since. Raises ConfigurationError."""
    from backend.api import endpoint as endpoints

    found = endpoints.read(journal_path(_settings(path)))
    if found is None:
        return None
    try:
        with socket.create_connection(("127.0.0.1", found.port), timeout=KNOCK_S):
            return found
    except ConnectionRefusedError:
        return None
    except OSError as error:
        raise ConfigurationError(f"the router's port {found.port} does not answer ({error}); repeat this") from error


async def with_router(work: Callable[[Desk], Awaitable[T]], path: Path | None = None) -> T:
    """A router for one piece of work, under the journal's lock. Raises JournalLocked when another one runs."""
    runtime = Runtime(_settings(path))
    try:
        return await work(await desk_of(runtime))
    finally:
        await runtime.close()


def stored_events(after: int, limit: int, path: Path | None = None) -> tuple[Event, ...]:
    """The journal's events after that number, read from the file. Raises JournalError."""
    from backend.integrations.journal import reader

    return reader.events(journal_path(_settings(path)), after, limit)


async def venue_documents(path: Path | None = None) -> list[dict[str, object]]:
    """Each venue's health and keys, asked now without a router, its chain, and what the journal holds against using it.
    Raises JournalError."""
    from backend.domain.records import Standing
    from backend.integrations.journal import reader
    from backend.services.control.documents import venue_documents as documents
    from backend.services.health.keys import key_problems

    runtime = Runtime(_settings(path))
    try:
        await runtime.load(*EXCHANGES)
        verdicts, keys = await asyncio.gather(
            asyncio.gather(*(runtime.health.check(venue) for venue in EXCHANGES)),
            key_problems(runtime.adapter, _signing(runtime)),
        )
        file = journal_path(runtime.settings)
        return documents(
            runtime.health,
            runtime.clock,
            dict(zip(EXCHANGES, verdicts, strict=True)),
            chains=runtime.chains,
            keys=keys,
            standing=reader.standing(file) if file.is_file() else Standing(),
        )
    finally:
        await runtime.close()


async def submit_once(intent: Intent, wait_s: float, path: Path | None = None) -> object:
    """Routes one order with a router of its own; the result, or the record if there is none in time."""
    return await with_router(lambda desk: desk.submit(intent, wait_s), path)


async def cancel_once(intent_id: str, wait_s: float, path: Path | None = None) -> object:
    """Cancels one order with a router of its own."""
    return await with_router(lambda desk: desk.cancel(intent_id, wait_s), path)


def _settings(path: Path | None) -> Settings:
    settings = read_settings()
    return settings if path is None else replace(settings, journal_path=str(path))
