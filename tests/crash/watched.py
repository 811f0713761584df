"""The ports of a router, watched: each call passes through, unless it is the point at which the process has to end."""

from __future__ import annotations

import asyncio
import inspect
import resource
import sqlite3
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from backend.domain.approval import Approved
from backend.domain.orders import Intent
from backend.domain.records import Attempt
from backend.integrations.journal.journal import SqliteJournal
from backend.integrations.transport.aiohttp_transport import rerouted
from backend.ports.transport import HttpRequest
from tests.crash.points import Act, Call, Point, Port

_order: ContextVar[str] = ContextVar("_order", default="")
_doing: ContextVar[str] = ContextVar("_doing", default="")
JOURNALING = "INSERT INTO attempt "
FROZEN_LOOK_S = 0.005


def say(word: str, text: str) -> None:
    """One line for the parent."""
    sys.stdout.write(f"{word} {text}\n")
    sys.stdout.flush()


def order_of(value: object) -> str | None:
    """The id of the intent that a value is about; the ids of these tests hold no slash, an attempt's has one."""
    match value:
        case Intent():
            return value.id
        case Attempt():
            return value.intent_id
        case Approved():
            return value.order.attempt_id.partition("/")[0]
        case str():
            return value.partition("/")[0]
    return None


class Watch:
    """Tells the parent when the point is reached, and does there what the point says."""

    def __init__(
        self, name: str, point: Point | None, *, wal: Path, released: Path, endpoints: Mapping[str, str]
    ) -> None:
        self._name = name
        self._point = point
        self._wal = wal
        self._released = released
        self._endpoints = endpoints

    async def reached(self, call: Call) -> None:
        if self._point is None or not self._point.reached(call):
            return
        match self._point.act:
            case Act.FULL:
                self._fill_up()
                self._tell(_order.get())
                return
            case Act.FREEZE:
                self._tell(_order.get())
                self._freeze()
                return
            case Act.PART | Act.WHOLE:
                await self._write(call, whole=self._point.act is Act.WHOLE)
        self._tell(_order.get())
        await asyncio.Event().wait()

    def stop_thread(self, *, after: bool, order: str) -> None:
        """The same for the journal's thread, at its COMMIT."""
        if self._point is not None and self._point.reached(Call(Port.DATABASE, "COMMIT", after)):
            self._tell(order)
            threading.Event().wait()

    def _tell(self, order: str) -> None:
        say("AT", f"{order} {self._name}")

    def _fill_up(self) -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._wal.stat().st_size, hard))

    def _freeze(self) -> None:
        """Without a turn of the event loop: the next thing that the process does is what comes after the point."""
        while not self._released.exists():
            time.sleep(FROZEN_LOOK_S)

    async def _write(self, call: Call, *, whole: bool) -> None:
        """The request's bytes through a plain socket, all or all but the last; the answer is not read."""
        (request,) = call.args
        assert isinstance(request, HttpRequest)
        url = rerouted(request.url, self._endpoints)
        host, _, rest = url.removeprefix("http://").partition("/")
        name, _, port = host.partition(":")
        body = request.body or b""
        lines = [f"{request.method} /{rest} HTTP/1.1", f"host: {host}", f"content-length: {len(body)}"]
        lines += [f"{key}: {value}" for key, value in request.headers.items()]
        content = "\r\n".join([*lines, "", ""]).encode() + body
        _, writer = await asyncio.open_connection(name, int(port))
        writer.write(content if whole else content[:-1])
        await writer.drain()
        _unread.append(writer)


_unread: list[asyncio.StreamWriter] = []
"""Connections that must stay open: collecting one would close it, and that tells the venue something."""


class Watched:
    """Any port: what is awaited is watched, everything else is the port's own."""

    def __init__(self, port: Port, inner: object, watch: Watch) -> None:
        self._port = port
        self._inner = inner
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if not inspect.iscoroutinefunction(method):
            return method

        async def called(*args: object, **given: object) -> object:
            if self._port is Port.JOURNAL and args:
                _order.set(order_of(args[0]) or _order.get())
            token = _doing.set(name) if self._port is Port.ADAPTER else None
            try:
                doing = _doing.get()
                await self._watch.reached(Call(self._port, name, False, doing, args, given))
                result: object = await method(*args, **given)
                await self._watch.reached(Call(self._port, name, True, doing, args, given, result))
            finally:
                if token is not None:
                    _doing.reset(token)
            return result

        return called


class WatchedJournal(SqliteJournal):
    """The real journal, whose thread can be stopped at the COMMIT of an attempt."""

    watch: Watch

    def _connected(self) -> sqlite3.Connection:
        return _WatchedConnection(super()._connected(), self.watch)  # type: ignore[return-value]


class _WatchedConnection:
    """A connection: what it is not asked for here it is asked for there."""

    def __init__(self, inner: sqlite3.Connection, watch: Watch) -> None:
        self._inner = inner
        self._watch = watch
        self._journaled: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def execute(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        if sql.startswith(JOURNALING):
            self._journaled.append(str(values[0]).partition("/")[0])
        if sql != "COMMIT" or not self._journaled:
            return self._inner.execute(sql, values)
        orders, self._journaled = ",".join(self._journaled), []
        self._watch.stop_thread(after=False, order=orders)
        cursor = self._inner.execute(sql)
        self._watch.stop_thread(after=True, order=orders)
        return cursor
