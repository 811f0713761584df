"""The parent: emulated exchanges, a router process that is killed, the one that comes after it, and the truth."""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from backend import bootstrap
from backend.domain.errors import JournalError
from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.records import IntentRecord
from backend.emulator.books import BookFrame, Level
from backend.emulator.faults import Fault, FaultKind
from backend.emulator.host import Emulator
from backend.emulator.ledger import LedgerTrade
from backend.emulator.wire import Endpoint
from backend.integrations.journal import reader
from backend.integrations.journal.verify import verify
from backend.integrations.system.clock import ScaledClock
from backend.lab import demo, referee
from backend.policies.routing_tables import EXCHANGES
from tests.crash.child import NOK_PER_USD, SCALE, Task

REPO = Path(__file__).parents[2]
LINE_WITHIN_S = 30.0
"""Longest wait for the next line of a child, in real seconds: far beyond what is needed, so that a busy machine does
not look like a point that is not reached."""

BEST_ASK, BEST_BID = Decimal(100), Decimal(99)
PLENTY = Decimal(1_000)
PATIENT_S = 300.0
QUANTITY = Decimal("0.5")


class PointNotReached(AssertionError):
    """The process came to its end, or to a stop, and not past the point."""


class Books:
    """One ask and one bid, the same everywhere (in kroner more of them), until a test writes another ask."""

    def __init__(self) -> None:
        self._asks: defaultdict[str, list[tuple[float, Level]]] = defaultdict(lambda: [(0.0, (BEST_ASK, PLENTY))])

    def write(self, venue: str, at: float, price: Decimal, quantity: Decimal) -> None:
        """The one ask of a venue from ``at`` on, in dollars."""
        self._asks[venue].append((at, (price, quantity)))

    def book(self, venue: str, symbol: str, now: float) -> BookFrame:
        factor = NOK_PER_USD if symbol.endswith("/NOK") else Decimal(1)
        frames = self._asks[venue]
        index = max(number for number, (at, _) in enumerate(frames) if at <= now)
        at, (price, quantity) = frames[index]
        until = frames[index + 1][0] if index + 1 < len(frames) else math.inf
        return BookFrame(at, until, ((BEST_BID * factor, PLENTY),), ((price * factor, quantity),))


@dataclass
class Child:
    """A process of tests.crash.child. What it says is kept: ``ended`` and ``failed`` by the order's id."""

    process: asyncio.subprocess.Process
    errors: Path
    ended: dict[str, Mapping[str, str]] = field(default_factory=dict)
    failed: dict[str, Mapping[str, str]] = field(default_factory=dict)
    refused: str = ""

    async def line(self) -> tuple[str, str]:
        """Its next line, as a word and the rest. Fails when there is none."""
        assert self.process.stdout is not None
        async with asyncio.timeout(LINE_WITHIN_S):
            raw = (await self.process.stdout.readline()).decode()
        word, _, rest = raw.strip().partition(" ")
        assert word, f"the child ended without a word: {self.errors.read_text()[-2000:]}"
        if word in ("ENDED", "FAILED"):
            told = json.loads(rest)
            (self.ended if word == "ENDED" else self.failed)[told["id"]] = told
        if word == "REFUSED":
            self.refused = rest
        return word, rest

    async def begin(self, task: Task) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(task.line())
        await self.process.stdin.drain()

    async def reached(self, point: str, orders: set[str]) -> None:
        """Returns when each of the orders is at the point. Raises PointNotReached."""
        left = set(orders)
        while left:
            try:
                word, rest = await self.line()
            except TimeoutError:
                raise PointNotReached(f"{point}: {sorted(left)} did not get there in {LINE_WITHIN_S:g} s") from None
            at, _, name = rest.partition(" ")
            if word == "AT":
                assert name == point
                left -= set(at.split(","))
            elif word in ("OVER", "REFUSED"):
                raise PointNotReached(f"{point}: {sorted(left)} went past it: {self.ended} {self.failed} {rest}")

    async def over(self) -> None:
        """Its work has come to an end."""
        while True:
            word, rest = await self.line()
            assert word != "REFUSED", rest
            if word == "OVER":
                return

    async def gone(self) -> int:
        """Its exit code, when it has ended by itself."""
        async with asyncio.timeout(LINE_WITHIN_S):
            return await self.process.wait()

    async def kill(self) -> None:
        """SIGKILL, from outside. Returns when the system has taken it away."""
        self.process.send_signal(signal.SIGKILL)
        assert await self.process.wait() == -signal.SIGKILL

    async def stop(self) -> None:
        """SIGSTOP, from outside. Returns when the process stands still."""
        self.process.send_signal(signal.SIGSTOP)
        await asyncio.to_thread(os.waitid, os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)


@dataclass
class Stage:
    """What a crash is played on. ``spare`` is the process that takes over: started beforehand, it has read the program
    and waits, so that it is there at once when the other one dies."""

    emulator: Emulator
    books: Books
    clock: ScaledClock
    room: Path
    spares: list[Child] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)

    @property
    def journal(self) -> Path:
        return self.room / "journal.sqlite"

    @property
    def released(self) -> Path:
        """A file: the child may go on when there is one."""
        return self.room / "released"

    def order(self, venue: str, **changes: object) -> dict[str, object]:
        """A patient buy at a venue, whose id names the venue."""
        values = {"id": f"order-{venue}", "symbol": "BTC/USD", "side": "buy", "quantity": str(QUANTITY)}
        return {**values, "exchange": venue, "valid_until": self.clock.now() + PATIENT_S, **changes}

    async def spare(self) -> Child:
        errors = self.room / f"errors-{len(self.children)}.txt"
        with errors.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.crash.child",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=file, cwd=REPO,
            )  # fmt: skip
        child = Child(process, errors)
        self.children.append(child)
        return child

    async def started(self, orders: Sequence[Mapping[str, object]], point: str = "", **more: object) -> Child:
        """A router at work on the journal, and another process made ready behind it."""
        child = self.spares.pop()
        self.spares.append(await self.spare())
        return await self._told(child, orders, point, **more)

    async def begun(self, orders: Sequence[Mapping[str, object]]) -> Child:
        """The process that waited, set to work on the journal without a point to stop at."""
        return await self._told(self.spares.pop(), orders, "")

    async def recovered(self, orders: Sequence[Mapping[str, object]]) -> Child:
        """The next router on the same journal, at once, to its end: it settles, and the caller repeats its orders."""
        child = await self.begun(orders)
        await child.over()
        assert await child.gone() == 0
        return child

    async def _told(self, child: Child, orders: Sequence[Mapping[str, object]], point: str, **more: object) -> Child:
        venues = {}
        for venue in EXCHANGES:
            keys, bounds = demo.keys_of(self.emulator, venue), self.emulator.bounds(venue)
            told = {"api_key": keys.api_key, "secret": keys.secret, **keys.extra}
            venues[venue] = (self.emulator.addresses[venue], told, (bounds.engine_s, bounds.visibility_s))
        await child.begin(
            Task(
                journal=str(self.journal),
                clock=self.clock.origin,
                venues=venues,
                intents=tuple(orders),
                point=point,
                released=str(self.released),
                **more,  # type: ignore[arg-type]
            )
        )
        return child

    def stored(self, order_id: str) -> IntentRecord | None:
        """What the file holds of an order at this moment."""
        try:
            return reader.get(self.journal, order_id)
        except JournalError:
            return None

    def inject(self, venue: str, kind: FaultKind, **params: object) -> None:
        """A fault of the next order at a venue."""
        self.emulator.inject(venue, Fault(kind, frozenset({Endpoint.PLACE}), count=1, params=params))

    def refusal_of(self, venue: str) -> str:
        """An error of the venue's table by which it promises that the order does not execute."""
        return min(name for name, error in self.emulator.describe(venue).errors.items() if error.definite)

    def trades(self) -> list[LedgerTrade]:
        return [trade for venue in EXCHANGES for trade in self.emulator.ledger(venue).trades]

    def orders_at(self, venue: str) -> int:
        return len(self.emulator.ledger(venue).orders)

    async def close(self) -> None:
        for child in self.children:
            if child.process.returncode is None:
                child.process.kill()
            await child.process.communicate()
        await self.emulator.stop()


@asynccontextmanager
async def open_stage(room: Path) -> AsyncIterator[Stage]:
    clock, books = ScaledClock(SCALE), Books()
    emulator = Emulator(seed=1, now=clock.now, sleep=clock.sleep, venues=EXCHANGES, books=books)
    await emulator.start()
    stage = Stage(emulator, books, clock, room)
    try:
        stage.spares.append(await stage.spare())
        assert await stage.spares[0].line() == ("READY", "")
        yield stage
    finally:
        await stage.close()


# --- The truth ------------------------------------------------------------------------------------------------------


async def same_as_the_truth(stage: Stage) -> None:
    """The journal is whole and tells of every exchange what its own book tells: each execution once, no order unknown.

    An order that is parked where nothing can be looked up is compared after its operator has told what the exchange's
    book says; until then it blocks at least what it executed.
    """
    for record in reader.unfinished(stage.journal):
        await _told_by_the_operator(stage, record)
    verdict = verify(stage.journal)
    assert verdict.whole, verdict.problems
    records = [record for record in reader.recent(stage.journal, 100) if not _by_word(record)]
    assert not reader.unfinished(stage.journal)
    told = {attempt.order.client_id for record in _all(stage) for attempt in record.attempts} - {""}
    by_word = {attempt.venue for record in _all(stage) if _by_word(record) for attempt in record.attempts}
    found = referee.judge(records, [_judged(trade) for trade in stage.trades() if trade.venue not in by_word])
    assert found.passed, found
    for venue in EXCHANGES:
        orders = stage.emulator.ledger(venue).orders
        ours = [attempt for record in _all(stage) for attempt in record.attempts if attempt.venue == venue]
        assert len(orders) <= len(ours)
        if venue in by_word:
            assert sum(attempt.filled for attempt in ours) == sum(order.filled for order in orders)
            continue
        numbers = {attempt.venue_order_id for attempt in ours}
        assert all(order.client_id in told or order.order_id in numbers for order in orders)
        assert not [order for order in orders if order.status == "open"]
    for record in _all(stage):
        assert record.filled <= record.intent.quantity


def _all(stage: Stage) -> tuple[IntentRecord, ...]:
    return reader.recent(stage.journal, 100)


def _by_word(record: IntentRecord) -> bool:
    return any(attempt.proof is Proof.OPERATOR for attempt in record.attempts)


async def _told_by_the_operator(stage: Stage, record: IntentRecord) -> None:
    """Only Firi gives nothing to look for; there the order is still at most once at the venue, and fully blocked."""
    attempt = record.open_attempt
    assert attempt is not None, record
    assert (record.state, attempt.state, attempt.venue) == (IntentState.PARKED, AttemptState.UNKNOWN, "firi")
    orders = stage.emulator.ledger("firi").orders
    assert len(orders) <= 1
    executed = sum((order.filled for order in orders), Decimal(0))
    assert executed <= record.blocked
    await bootstrap.resolve_order(record.intent.id, executed, "read in the exchange's own book", path=stage.journal)


def _judged(trade: LedgerTrade) -> referee.LedgerTrade:
    return referee.LedgerTrade(
        venue=trade.venue,
        order_id=trade.order_id,
        client_id=trade.client_id or "",
        trade_id=trade.trade_id,
        symbol=trade.symbol,
        side=trade.side.value,
        quantity=trade.quantity,
        price=trade.price,
    )
