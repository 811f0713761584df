"""The promises, checked against the exchanges' own books (protocol 4): whenever one has handled a request, whenever the
journal has committed, and when the world rests.

S1 fills within quantity and budget; S2 one open attempt of a leg, sums, ids; S3 no bytes without a committed attempt,
each sent once, with the journaled deadline as the exchange reads it; S4 our fills are the exchanges'; S5 no account
holds more than its cap; S6 no end without a proof of a kind that this exchange allows; S8 what was told stays true; S9
nothing is opened after its time; S10 the journal follows from its events; S11 no key in the trace. L1 and L2:
everything ends, or is parked where nothing can prove; L5: nothing waits for what never comes; L6: a router comes back
and takes orders.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from backend.domain.errors import InvalidOrder, QuantumTraderError
from backend.domain.lifecycle import IntentState, Proof
from backend.domain.money import ZERO
from backend.domain.orders import Intent
from backend.domain.reasons import DropReason
from backend.domain.records import Attempt, ExecutionResult, IntentRecord
from backend.emulator.core import VenueCore
from backend.emulator.ledger import LedgerTrade
from backend.lab.referee import LedgerTrade as RefereeTrade
from backend.lab.referee import judge
from backend.lab.simulation.afterwards import Afterwards
from backend.lab.simulation.exposure import Exposure
from backend.lab.simulation.process import Process
from backend.lab.simulation.sendings import Sendings, Sent
from backend.ports.transport import HttpRequest

if TYPE_CHECKING:
    from backend.bootstrap.simulated import MemoryStore

VIOLATIONS_MAX = 20
EVENTS_PER_LOOK = 1_000


class Invariants:
    """``note`` and ``seen`` tell the trace and the counts."""

    def __init__(
        self,
        store: MemoryStore,
        cores: Mapping[str, VenueCore],
        note: Callable[[str], None],
        seen: Callable[[str], None],
        *,
        exposure: Exposure,
        beyond: bool = False,
    ) -> None:
        self._store = store
        self._cores = cores
        self._beyond = beyond
        self._exposure = exposure
        self._note = note
        self._seen = seen
        self.violations: list[str] = []
        self.overfilled: set[str] = set()
        self._events = 0
        self._trades = dict.fromkeys(cores, 0)
        self.sendings = Sendings(cores, self.violated, seen)
        self._executed: dict[str, Decimal] = {}
        self._told: dict[str, ExecutionResult] = {}
        self._cancelled: set[str] = set()
        self._intents: dict[str, Intent] = {}
        self._states: dict[str, str] = {}
        self._alarmed: set[str] = set()
        self._afterwards = Afterwards(self.violated, seen)

    def violated(self, what: str) -> None:
        """One more promise broken."""
        self._note(f"VIOLATION {what}")
        if len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(what)

    # --- on the wire -------------------------------------------------------------------------------------------------

    def cancelling(self, process: Process, request: HttpRequest) -> None:
        """A cancel leaves."""
        self._afterwards.cancelling(request.url.encode() + (request.body or b""), process.now())

    # --- in the journal ----------------------------------------------------------------------------------------------

    def committed(self) -> None:
        """Looks at whatever has changed."""
        touched: dict[str, list[str]] = {}
        now = 0.0
        for event in self._store.events(self._events, EVENTS_PER_LOOK):
            self._events = event.seq
            self._note(f"journal {event.seq} {event.kind} {event.intent_id} {json.dumps(event.data, default=str)}")
            opened = touched.setdefault(event.intent_id, [])
            self._afterwards.told(event)
            now = event.at
            if event.kind == "attempt_opened" and event.attempt_id is not None:
                self.sendings.opened(event.intent_id, event.attempt_id, json.loads(str(event.data["request"])))
                opened.append(event.attempt_id)
            if event.kind == "attempt_stepped" and event.attempt_id is not None:
                self._stepped(event.attempt_id, str(event.data["state"]))
                self._seen(f"reason {event.data.get('outcome_reason')}")
            if event.kind == "over_executed":
                self._seen(event.kind)
                self._alarmed.add(event.intent_id)
        for intent_id, opened in touched.items():
            record = self._store.record(intent_id) if intent_id else None
            if record is None:
                continue
            self._intents[intent_id] = record.intent
            for attempt in map(record.attempt, opened):
                self.sendings.attempts[attempt.id].reserved = attempt.reserved_notional / attempt.order.quantity
                if attempt.opened_at > record.valid_until:
                    self.violated(f"S9: {attempt.id} was opened after its order had expired")
            self._look_at(record)
            self._afterwards.look_at(record, now)

    def _stepped(self, attempt_id: str, state: str) -> None:
        self._seen(f"attempt {self._states.get(attempt_id, 'open')} -> {state}")
        self._states[attempt_id] = state

    def _look_at(self, record: IntentRecord) -> None:
        name = record.intent.id
        open_legs = [attempt.leg for attempt in record.open_attempts]
        if len(open_legs) != len(set(open_legs)):
            self.violated(f"S2: {name} has two open attempts of a leg")
        if record.filled + record.blocked > record.intent.most:
            self._seen("more booked and blocked than allowed for")
            if not (self._beyond and _proven_wrongly(record)) and name not in self.overfilled:
                self.violated(f"S2: {name}: {record.filled} filled and {record.blocked} open of {record.intent.most}")
        for attempt in record.attempts:
            if attempt.state.ended and attempt.proof is None:
                self.violated(f"S6: attempt {attempt.id} ended without a proof")
            if attempt.state.ended and attempt.proof is not None:
                self._attempt_ended(attempt)
        if record.state.final and record.open_attempts:
            self.violated(f"S6: {name} is final with an open attempt")

    def _attempt_ended(self, attempt: Attempt) -> None:
        """S6 against the truth: what is proven dead by time or refusal has not executed; S1 sees that it never will."""
        self._seen(f"proof {attempt.proof}")
        if attempt.proof is Proof.DEADLINE and not attempt.order.client_id:
            self.violated(f"S6: {attempt.id} was proven dead by a deadline at an exchange that knows none")
        if attempt.proof in (Proof.NOT_SENT, Proof.DEFINITE_REJECT, Proof.DEADLINE) and attempt.order.client_id:
            executed = self._cores[attempt.venue].ledger.filled(attempt.order.client_id)
            if executed > ZERO and not (self._beyond and attempt.proof is Proof.DEADLINE):
                self.violated(f"S6: {attempt.id} was proven dead by {attempt.proof}, and executed {executed}")

    # --- at the exchanges --------------------------------------------------------------------------------------------

    def traded(self, venue: str) -> None:
        """S1, S3 and S5, with every order and every execution."""
        self.sendings.compare(venue)
        ledger = self._cores[venue].ledger
        new = ledger.trades_after(self._trades[venue])
        self._trades[venue] += len(new)
        for trade in new:
            self._note(f"{venue} executes {trade.quantity} at {trade.price} of {trade.order_id} {trade.client_id}")
            sent = self._sent(venue, trade)
            if sent is None:
                self.violated(f"S3: {venue} trade {trade.trade_id} belongs to no attempt")
                continue
            intent_id = sent.intent_id
            executed = self._executed[intent_id] = self._executed.get(intent_id, ZERO) + trade.quantity
            if not self._exposure.within(venue, trade, sent.reserved) and not self._beyond:
                self.violated(f"S5: {venue} holds {self._exposure.held(venue)}, more than its cap")
            intent = self._intents[intent_id]
            if executed > intent.most and intent_id not in self.overfilled:
                self.overfilled.add(intent_id)
                if not self._beyond:
                    self.violated(f"S1: {intent_id} executed {executed} of {intent.most}")

    def _sent(self, venue: str, trade: LedgerTrade) -> Sent | None:
        order = self._cores[venue].ledger.order(trade.order_id)
        owner = None if order is None else self.sendings.owner_of(venue, order)
        return None if owner is None else self.sendings.attempts[owner]

    def seen_by_an_operator(self, intent_id: str) -> Decimal | None:
        """What the first open attempt has executed by the exchange's own book; None when there is none that only an
        operator can settle, and while it rests there: nobody who sees it calls it dead."""
        record = self._store.record(intent_id)
        attempt = None if record is None else record.open_attempt
        if record is None or attempt is None or attempt.order.client_id or attempt.filled:
            return None
        sent = self.sendings.attempts[attempt.id]
        own = [order for order in self._cores[attempt.venue].ledger.orders if sent.is_of(order)]
        if any(order.status == "open" for order in own):
            return None
        return sum((order.filled for order in own), ZERO)

    def reopened(self, *, whole: bool) -> None:
        """S8, and S10 if the ``whole`` journal is to be looked at, as the next router finds it."""
        for problem in self._store.problems() if whole else ():
            self.violated(f"S10: {problem}")
        self._still_true({name: record for name in self._told if (record := self._store.record(name)) is not None})

    # --- told to callers ---------------------------------------------------------------------------------------------

    def told(self, intent: Intent, result: ExecutionResult) -> None:
        """S8: what a caller was told stays true."""
        if result.state.final and result.blocked:
            self.violated(f"S8: {intent.id} is told final with {result.blocked} unsettled")
        self._told[intent.id] = result
        if any(drop.reason is DropReason.OVER_CAP for drop in result.dropped):
            self._seen("dropped for a cap")
        self._seen(f"told {result.state.value}: {result.reason}")

    def cancel_told(self, intent_id: str) -> None:
        """S8: a cancel that was answered is stored, or the order had ended."""
        self._cancelled.add(intent_id)
        self._cancel_stands(intent_id)

    def _cancel_stands(self, intent_id: str) -> None:
        record = self._store.record(intent_id)
        if record is None or not (record.state.final or record.cancel_requested_at is not None):
            self.violated(f"S8: the cancel of {intent_id} was answered and is not in the journal")

    def works_again(self, intent_id: str) -> None:
        """L6: without faults an order is filled."""
        result = self._told.get(intent_id)
        if result is None or result.filled == ZERO:
            self.violated(f"L6: without any fault {intent_id} is not executed: {result}")

    def refused(self, intent: Intent, error: QuantumTraderError) -> bool:
        """Is that the last word for the caller? Nothing may have been stored then."""
        if not isinstance(error, InvalidOrder):
            return False
        if self._store.record(intent.id) is not None:
            self.violated(f"S8: {intent.id} is refused ({error}) but stored")
        self._seen("refused before it was stored")
        return True

    def all_ended(self) -> bool:
        """Is every order final, or parked where nothing can ever prove (L2)?"""
        return not any(self._goes_on(record) for record in self._store.unfinished())

    def _goes_on(self, record: IntentRecord) -> bool:
        provable = any(attempt.order.client_id or self._shows(attempt) for attempt in record.open_attempts)
        return record.state is not IntentState.PARKED or provable or not record.open_attempts

    def _shows(self, attempt: Attempt) -> bool:
        """Where no id can be asked for: does the exchange have exactly one order that fits? Then it has to be found."""
        sent = self.sendings.attempts[attempt.id]
        return sum(map(sent.is_of, self._cores[attempt.venue].ledger.orders)) == 1

    # --- at the end --------------------------------------------------------------------------------------------------

    def at_rest(self, intents: int, now: float) -> None:
        """S4, S8, S10, S11, and the shares that make the run worth something."""
        for venue, core in self._cores.items():
            core.advance(now)
            self.traded(venue)
        records = self._store.records(intents + 1)
        for problem in self._store.problems():
            self.violated(f"S10: {problem}")
        self._same_fills(records)
        self._nothing_left_behind(records)
        self._still_true({record.intent.id: record for record in records})
        for record in records:
            self._counted(record)

    def _same_fills(self, records: Sequence[IntentRecord]) -> None:
        """S4; and whoever executed too much was told of. What an operator said is outside of the claim."""
        by_word = {a.id for r in records for a in r.attempts if a.proof is Proof.OPERATOR}
        trades = [t for t in self._referee_trades() if self._owner(t) not in by_word]
        for mismatch in judge(records, trades).mismatches:
            if not any(attempt_id in mismatch for attempt_id in by_word):
                self.violated(f"S4: {mismatch}")
        for intent_id in sorted(self.overfilled - self._alarmed):
            self.violated(f"S1: {intent_id} executed {self._executed[intent_id]}, and nobody was told")

    def _owner(self, trade: RefereeTrade) -> str | None:
        order = self._cores[trade.venue].ledger.order(trade.order_id)
        return None if order is None else self.sendings.owner_of(trade.venue, order)

    def _nothing_left_behind(self, records: Sequence[IntentRecord]) -> None:
        """What rests at an exchange is followed by somebody."""
        ended = {attempt.id for record in records for attempt in record.attempts if attempt.state.ended}
        for venue, core in self._cores.items():
            for order in core.ledger.orders:
                owner = self.sendings.owner_of(venue, order) if order.status == "open" else None
                if owner in ended:
                    self.violated(f"S1: {owner} has ended, and still rests at {venue}")

    def _still_true(self, stored: Mapping[str, IntentRecord]) -> None:
        """S8."""
        for intent_id in sorted(self._cancelled):
            self._cancel_stands(intent_id)
        for intent_id, result in self._told.items():
            record = stored.get(intent_id)
            if record is None:
                self.violated(f"S8: {intent_id} was told {result.state} and is not in the journal")
            elif result.state.final and record.state is not result.state:
                self.violated(f"S8: {intent_id} was told {result.state} and is {record.state}")
            elif result.filled > record.filled:
                self.violated(f"S8: {intent_id} was told {result.filled} filled and has {record.filled}")

    def _counted(self, record: IntentRecord) -> None:
        self._seen(f"intent {record.state.value}")
        if ZERO < record.filled < record.intent.quantity:
            self._seen("partly filled")
        if len({fill.venue for fill in record.fills}) > 1:
            self._seen("filled at several exchanges")
        if any(a.filled and a.filled < a.order.quantity for a in record.attempts):
            self._seen("in parts")
        if any(a.filled and a.filled < a.order.quantity for a in record.attempts[:-1]):
            self._seen("moved on after a part")
        if any(a.proof is Proof.DEADLINE for a in record.attempts[:-1]):
            self._seen("moved on after a proof by deadline")
        if any(a.lookups and a.venue_order_id for a in record.attempts):
            self._seen("found after it was not found")
        if len(record.legs) > 1:
            self._seen("relief leg")
        if record.filled > record.intent.quantity:
            self._seen("budget used")
        if record.cancel_requested_at is not None:
            self._seen("cancelled" if record.filled == ZERO else "cancelled after a part")
        if record.intent.rests and record.attempts:
            self._seen("rested")

    def _referee_trades(self) -> list[RefereeTrade]:
        return [
            RefereeTrade(
                venue=venue,
                order_id=trade.order_id,
                client_id=trade.client_id or "",
                trade_id=trade.trade_id,
                symbol=trade.symbol,
                side=trade.side.value,
                quantity=trade.quantity,
                price=trade.price,
            )
            for venue, core in self._cores.items()
            for trade in core.ledger.trades
        ]


def _proven_wrongly(record: IntentRecord) -> bool:
    """Did an attempt execute that had been proven dead by its time? Only a broken bound does that."""
    return any(attempt.proof is Proof.DEADLINE and attempt.filled > ZERO for attempt in record.attempts)
