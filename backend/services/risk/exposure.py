"""Exposure per venue: what is reserved for unsettled attempts and what fills have built up.

One process holds the journal, so this book, filled from the journal at start and changed before each commit, is the
truth about reservations: of two orders that arrive together the second already sees the first one's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from backend.config.model import Limits
from backend.domain.approval import Approved, Refused
from backend.domain.money import ZERO
from backend.domain.orders import Side, VenueOrder
from backend.domain.records import Attempt
from backend.policies.risk_limits import LimitDecision, VenueExposure, judge_notional, judge_order


class ExposureBook:
    """Amounts in units of the intents' quote. Bounded by the number of venues, assets and unsettled attempts."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._reserved: dict[str, tuple[str, Decimal]] = {}
        self._positions: defaultdict[str, dict[str, Decimal]] = defaultdict(dict)

    def __repr__(self) -> str:
        venues = sorted({venue for venue, _ in self._reserved.values()} | set(self._positions))
        return f"ExposureBook({', '.join(f'{venue}={self.of(venue).total}' for venue in venues)})"

    def of(self, venue: str) -> VenueExposure:
        """The venue's exposure now."""
        reserved = sum((amount for at, amount in self._reserved.values() if at == venue), ZERO)
        return VenueExposure(reserved, sum((abs(net) for net in self._positions[venue].values()), ZERO))

    def check(self, venue: str, symbol: str, notional: Decimal, trace_id: str) -> LimitDecision:
        """Would an order of this notional fit? Reserves nothing."""
        refused = judge_notional(venue, notional, self.of(venue), self._limits)
        return LimitDecision(venue, symbol, notional, trace_id, refused)

    def approve(self, order: VenueOrder, notional: Decimal) -> Approved | Refused:
        """Judges the order against the caps and, when it fits, reserves its worst case at once."""
        base = order.symbol.split("/")[0]
        positions = dict(self._positions[order.venue])
        positions[base] = positions.get(base, ZERO) + (notional if order.side is Side.BUY else -notional)
        reduces_to = sum((abs(net) for net in positions.values()), ZERO)
        decision = judge_order(order, notional, self.of(order.venue), self._limits, reduces_to=reduces_to)
        if isinstance(decision, Approved):
            self._reserved[order.attempt_id] = (order.venue, decision.reserved_notional)
        return decision

    def release(self, attempt_id: str) -> None:
        """Frees a reservation; a second release does nothing."""
        self._reserved.pop(attempt_id, None)

    def settle(self, attempt: Attempt, filled_notional: Decimal) -> None:
        """An attempt ended: its reservation goes, what it executed (in the intent's quote) becomes position."""
        self.release(attempt.id)
        if filled_notional:
            base = attempt.order.symbol.split("/")[0]
            signed = filled_notional if attempt.order.side is Side.BUY else -filled_notional
            held = self._positions[attempt.venue]
            held[base] = held.get(base, ZERO) + signed

    def load(self, attempts: Iterable[tuple[Attempt, Decimal]]) -> None:
        """Replaces the book by the journal's: each attempt with its filled notional in the intent's quote."""
        self._reserved.clear()
        self._positions.clear()
        for attempt, filled_notional in attempts:
            if attempt.state.ended:
                self.settle(attempt, filled_notional)
            else:
                self._reserved[attempt.id] = (attempt.venue, attempt.reserved_notional)
