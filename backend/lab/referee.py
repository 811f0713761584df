"""Compares what the exchanges' own books say was executed with what the router says. The judge of every demo.

Nothing here believes the router: duplicates and losses are counted from the ledgers, trade by trade.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from backend.domain.lifecycle import IntentState
from backend.domain.money import ZERO
from backend.domain.records import Attempt, IntentRecord


@dataclass(frozen=True, slots=True)
class LedgerTrade:
    """One execution in an exchange's own book. ``client_id`` is empty where the exchange knows none."""

    venue: str
    order_id: str
    client_id: str
    trade_id: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Verdict:
    """The comparison. Quantities in base units, added up over all symbols (they only have to agree)."""

    intended: Decimal
    executed: Decimal
    shortfall: Decimal
    duplicates: int
    lost: int
    parked: int
    parked_executed: int
    mismatches: tuple[str, ...]

    @property
    def ledger_matches(self) -> bool:
        return not self.mismatches and self.executed == self.intended - self.shortfall

    @property
    def passed(self) -> bool:
        """Executed equals intended minus reported shortfall, exactly; nothing twice, nothing lost."""
        return self.ledger_matches and self.duplicates == 0 and self.lost == 0 and self.parked_executed == 0


MISMATCHES_SHOWN_MAX = 50
AVERAGE_PRECISION = Decimal("1e-18")
OrderKey = tuple[str, str]


class _Books:
    """The ledger's trades, each assigned to the attempt it belongs to."""

    def __init__(self, records: Sequence[IntentRecord], trades: Sequence[LedgerTrade]) -> None:
        attempts = [attempt for record in records for attempt in record.attempts]
        self._by_client = {(a.venue, a.order.client_id): a for a in attempts if a.order.client_id}
        self._by_order = {(a.venue, a.venue_order_id): a for a in attempts if a.venue_order_id}
        self._unsettled = [a for a in attempts if not a.state.ended and a.venue_order_id is None]
        self.of_attempt: defaultdict[str, list[LedgerTrade]] = defaultdict(list)
        self.orphans: list[LedgerTrade] = []
        for trade in trades:
            attempt = self._owner(trade)
            if attempt is None:
                self.orphans.append(trade)
            else:
                self.of_attempt[attempt.id].append(trade)

    def _owner(self, trade: LedgerTrade) -> Attempt | None:
        known = self._by_client.get((trade.venue, trade.client_id)) or self._by_order.get((trade.venue, trade.order_id))
        return known or next((a for a in self._unsettled if _could_be(a, trade)), None)


def _could_be(attempt: Attempt, trade: LedgerTrade) -> bool:
    """Where an exchange knows no client id, an order that nobody answered for is told by what it asked."""
    order = attempt.order
    same = (order.venue, order.symbol, order.side.value) == (trade.venue, trade.symbol, trade.side)
    return same and not order.client_id and trade.quantity <= order.quantity


def judge(records: Sequence[IntentRecord], trades: Sequence[LedgerTrade]) -> Verdict:
    """The verdict over all intents and all executions of a run."""
    books = _Books(records, trades)
    parked_ids = {a.id for r in records if r.state is IntentState.PARKED for a in r.attempts if not a.state.ended}
    parked_executed = sum(len(books.of_attempt[attempt_id]) for attempt_id in parked_ids)
    missing = list(_not_ours(records, books, parked_ids))
    invented = list(_not_theirs(records, books))
    unfinished = [r.intent.id for r in records if not (r.state.final or r.state is IntentState.PARKED)]
    mismatches = [
        *(f"{t.venue} trade {t.trade_id} of order {t.order_id} belongs to no order of ours" for t in books.orphans),
        *missing,
        *invented,
        *(f"intent {intent_id} has no final state" for intent_id in unfinished),
    ]
    return Verdict(
        intended=sum((r.intent.quantity for r in records), ZERO),
        executed=sum((t.quantity for t in trades), ZERO),
        shortfall=sum((r.intent.quantity - r.filled for r in records), ZERO),
        duplicates=_duplicates(records, books),
        lost=len(unfinished) + len(books.orphans) + len(missing),
        parked=sum(r.state is IntentState.PARKED for r in records),
        parked_executed=parked_executed,
        mismatches=tuple(mismatches[:MISMATCHES_SHOWN_MAX]),
    )


def _duplicates(records: Iterable[IntentRecord], books: _Books) -> int:
    """Intents executed beyond their quantity, plus attempts with two executed orders."""
    count = 0
    for record in records:
        executed = ZERO
        for attempt in record.attempts:
            trades = books.of_attempt[attempt.id]
            executed += sum((trade.quantity for trade in trades), ZERO)
            count += len({trade.order_id for trade in trades}) > 1
        count += executed > record.intent.quantity
    return count


def _not_ours(records: Iterable[IntentRecord], books: _Books, parked_ids: set[str]) -> Iterable[str]:
    """Trades of the ledger that our journal lacks or tells differently."""
    for record in records:
        ours = {(f.venue, f.venue_order_id, f.trade_id): (f.quantity, f.price) for f in record.fills}
        for attempt in record.attempts:
            trades = books.of_attempt[attempt.id]
            if attempt.id in parked_ids or _same_sums(attempt, record, trades):
                continue
            for trade in trades:
                if ours.get((trade.venue, trade.order_id, trade.trade_id)) != (trade.quantity, trade.price):
                    yield f"{trade.venue} trade {trade.trade_id} of attempt {attempt.id} is not so in our journal"


def _not_theirs(records: Iterable[IntentRecord], books: _Books) -> Iterable[str]:
    """Fills of our journal that no ledger has."""
    for record in records:
        for attempt in record.attempts:
            trades = books.of_attempt[attempt.id]
            if _same_sums(attempt, record, trades):
                continue
            theirs = {(t.venue, t.order_id, t.trade_id): (t.quantity, t.price) for t in trades}
            for fill in record.fills:
                key = (fill.venue, fill.venue_order_id, fill.trade_id)
                if key[:2] == (attempt.venue, attempt.venue_order_id) and theirs.get(key) != (
                    fill.quantity,
                    fill.price,
                ):
                    yield f"our fill {fill.trade_id} of attempt {attempt.id} is not in the exchange's book"


def _same_sums(attempt: Attempt, record: IntentRecord, trades: Sequence[LedgerTrade]) -> bool:
    """Where an exchange gives no trade ids (and so no client ids), quantity and cost of the whole order must agree: the
    quantity exactly, the cost up to the last digits of an average price."""
    if attempt.order.client_id:
        return False
    ours = [f for f in record.fills if (f.venue, f.venue_order_id) == (attempt.venue, attempt.venue_order_id)]
    our_quantity, our_cost = _totals((f.quantity, f.price) for f in ours)
    their_quantity, their_cost = _totals((t.quantity, t.price) for t in trades)
    return our_quantity == their_quantity and abs(our_cost - their_cost) <= their_cost * AVERAGE_PRECISION


def _totals(executions: Iterable[tuple[Decimal, Decimal]]) -> tuple[Decimal, Decimal]:
    listed = list(executions)
    return sum((q for q, _ in listed), ZERO), sum((q * p for q, p in listed), ZERO)


def count_by_venue(trades: Iterable[LedgerTrade]) -> Counter[str]:
    """Executions in each exchange's book."""
    return Counter(trade.venue for trade in trades)
