"""Any sequence of orders, faults, cancels and restarts: never more than asked for, and the journal is the truth."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.config import Limits, Settings, Timeouts
from backend.domain.lifecycle import IntentState
from backend.domain.orders import Intent, OrderStatus
from backend.domain.outcomes import Outcome
from backend.domain.records import IntentRecord
from backend.integrations.journal.verify import verify
from tests.fakes.exchange import FakeExchange, not_sent, refused, unknown
from tests.services.execution.conftest import EQUIVALENTS, Desk, scripted

VENUES = ("binance", "kraken", "firi")
ANSWERS = ("fill", "fill", "lost", "vanish", "refused", "not sent", "unlisted")


@dataclass(frozen=True)
class Step:
    """One thing that happens. ``amount`` in tenths of a unit."""

    what: str
    venue: str
    amount: int


STEPS = st.builds(
    Step,
    st.sampled_from(
        (
            "order",
            "order",
            "rest",
            "rest",
            "repeat",
            "cancel",
            "silence",
            "speak",
            "execute",
            "restart",
            "review",
            "wait",
        )
    ),
    st.sampled_from(VENUES),
    st.integers(1, 9),
)


def answer(name: str) -> Outcome | str:
    outcomes: dict[str, Outcome] = {"refused": refused(), "not sent": not_sent(), "unlisted": unknown()}
    return outcomes.get(name, name)


def world(room: Path) -> Desk:
    timeouts, limits = Timeouts(lookup_window_s=6.0), Limits(per_exchange=Decimal(10**9))
    desk = scripted(room / "journal.sqlite", Settings(equivalents=EQUIVALENTS, timeouts=timeouts, limits=limits))
    for venue in desk.venues.values():
        venue.clock = desk.clock
    desk.clock.pace_s = 0.0005
    return desk


class Play:
    """Carries the steps out, and knows what was asked for."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.asked: list[Intent] = []
        self.callers: list[asyncio.Task[object]] = []

    def submit(self, step: Step, *, rests: bool) -> None:
        budget = Decimal(step.amount) / 20 if step.amount % 3 == 0 else None
        kind = {"order_type": "limit", "limit_price": "95", "time_in_force": "gtc"} if rests else {}
        intent = Intent.create(
            id=f"o{len(self.asked)}",
            symbol="BTC/USDT",
            side="buy",
            quantity=Decimal(step.amount) / 10,
            exchange=step.venue,
            valid_until=self.desk.clock.now() + 40,
            on_unknown="wait" if budget is None else "bounded",
            overfill_budget=budget,
            **kind,  # type: ignore[arg-type]
        )
        self.asked.append(intent)
        self.call(intent)

    def call(self, intent: Intent) -> None:
        self.callers.append(asyncio.ensure_future(self.desk.router.submit(intent)))

    async def step(self, step: Step) -> None:
        venue = self.desk.venues[step.venue]
        match step.what:
            case "order" | "rest":
                venue.partial = Decimal(0) if step.what == "rest" else Decimal(step.amount) / 20
                self.submit(step, rests=step.what == "rest")
            case "repeat" if self.asked:
                self.call(self.asked[step.amount % len(self.asked)])
            case "cancel" if self.asked:
                intent_id = self.asked[step.amount % len(self.asked)].id
                self.callers.append(asyncio.ensure_future(self.desk.router.cancel(intent_id)))
            case "silence" | "speak":
                venue.silent = step.what == "silence"
            case "execute":
                self.execute(venue, step)
            case "restart":
                await self.desk.restart()
                self.desk.exposure.load(await self.desk.journal.exposure())
            case "review":
                self.callers.append(asyncio.ensure_future(self.desk.router.review()))
        for _ in range(step.amount):
            await asyncio.sleep(0.0005)

    @staticmethod
    def execute(venue: FakeExchange, step: Step) -> None:
        for number, report in venue.reports.items():
            if report.status is OrderStatus.OPEN:
                venue.execute(number, str(min(report.quantity - report.filled, Decimal(step.amount) / 10)))
                return

    async def settle(self) -> None:
        """The faults stop; whatever can end does."""
        for venue in self.desk.venues.values():
            venue.silent = False
            venue.script.clear()
        for intent in self.asked:
            self.callers.append(asyncio.ensure_future(self.desk.router.cancel(intent.id)))
        await asyncio.gather(*self.callers, return_exceptions=True)
        for _ in range(3):
            await self.desk.router.review()


def at_venues(desk: Desk, record: IntentRecord) -> Decimal:
    """What the venues have executed of an order, as far as they know our ids."""
    own = {attempt.order.client_id for attempt in record.attempts if attempt.order.client_id}
    reports = (report for venue in desk.venues.values() for report in venue.reports.values())
    return sum((report.filled for report in reports if report.client_id in own), Decimal(0))


def executed(desk: Desk) -> Decimal:
    return sum((report.filled for venue in desk.venues.values() for report in venue.reports.values()), Decimal(0))


@given(st.lists(STEPS, min_size=4, max_size=14), st.lists(st.sampled_from(ANSWERS), min_size=4, max_size=12))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_sequence_executes_more_than_was_asked_for(steps: Sequence[Step], answers: Sequence[str]) -> None:
    """Whatever vanishes, is lost, comes in parts, is cancelled, repeated or restarted: each order executes at most its
    quantity, and its budget where it has one, at all venues together; what the journal has as filled is what executed;
    it verifies; nothing hangs."""

    async def play() -> None:
        with tempfile.TemporaryDirectory() as room:
            desk = world(Path(room))
            await desk.router.start()
            playing = Play(desk)
            for number, name in enumerate(answers):
                desk.venues[VENUES[number % len(VENUES)]].script.append(answer(name))
            for step in steps:
                await playing.step(step)
            async with asyncio.timeout(30):
                await playing.settle()
            records = await desk.journal.recent(100)
            booked = Decimal(0)
            for record in records:
                assert at_venues(desk, record) <= record.intent.most
                assert record.filled <= record.intent.most
                assert record.state.final or record.state is IntentState.PARKED
                booked += record.filled
            parked = [record for record in records if record.state is IntentState.PARKED]
            assert booked == executed(desk) or parked
            assert booked <= executed(desk)
            for record in parked:
                assert record.blocked > 0
            state = await desk.journal.exposure()
            open_ids = {a.id for record in records for a in record.attempts if not a.state.ended}
            assert open_ids <= {one.attempt_id for one in state.reservations}
            await desk.router.close(grace_s=0)
            await desk.journal.close()
            assert verify(desk.path).problems == ()

    asyncio.run(play())
