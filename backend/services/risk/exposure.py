"""Exposure per venue: what is reserved for unsettled attempts and what fills have built up.

This book is filled from the journal at start and changed before each commit, so that of two orders that arrive together
the second already sees the first one's. The journal's own sums have the last word, in the transaction of the attempt.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from backend.config.model import Limits
from backend.domain.approval import Approved, Refused
from backend.domain.money import ZERO
from backend.domain.orders import Side, VenueOrder
from backend.domain.records import Attempt, ExposureState
from backend.policies.risk_limits import LimitDecision, VenueExposure, judge_notional, judge_order


@dataclass(frozen=True, slots=True)
class _Reservation:
    """What an unsettled attempt may still do: its worst-case notional, positive for a buy."""

    venue: str
    base: str
    signed: Decimal

    @classmethod
    def of(cls, order: VenueOrder, notional: Decimal) -> _Reservation:
        return cls(order.venue, order.symbol.split("/")[0], notional if order.side is Side.BUY else -notional)


class ExposureBook:
    """Amounts in units of the intents' quote. Bounded by the number of venues, assets and unsettled attempts."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._reserved: dict[str, _Reservation] = {}
        self._positions: defaultdict[str, dict[str, Decimal]] = defaultdict(dict)

    def __repr__(self) -> str:
        venues = sorted({reserved.venue for reserved in self._reserved.values()} | set(self._positions))
        return f"ExposureBook({', '.join(f'{venue}={self.of(venue).total}' for venue in venues)})"

    def of(self, venue: str) -> VenueExposure:
        """The venue's exposure now."""
        reserved = sum((abs(r.signed) for r in self._reserved.values() if r.venue == venue), ZERO)
        return VenueExposure(reserved, sum((abs(net) for net in self._positions[venue].values()), ZERO))

    def check(self, venue: str, symbol: str, notional: Decimal, trace_id: str) -> LimitDecision:
        """Would an order of this notional fit? Reserves nothing."""
        refused = judge_notional(venue, notional, self.of(venue), self._limits)
        return LimitDecision(venue, symbol, notional, trace_id, refused)

    def approve(self, order: VenueOrder, notional: Decimal) -> Approved | Refused:
        """Judges the order against the caps and, when it fits, reserves its worst case at once."""
        wanted = _Reservation.of(order, notional)
        decision = judge_order(order, notional, self.of(order.venue), self._limits, reduces_to=self._reduced_by(wanted))
        if isinstance(decision, Approved):
            self._reserved[order.attempt_id] = wanted
        return decision

    def _reduced_by(self, wanted: _Reservation) -> Decimal:
        """The venue's positions if this order and every unsettled one of its asset and direction execute in full: of
        many sells against one position only as many reduce as the position is large."""
        same = [
            r.signed
            for r in self._reserved.values()
            if (r.venue, r.base) == (wanted.venue, wanted.base) and (r.signed > ZERO) == (wanted.signed > ZERO)
        ]
        positions = dict(self._positions[wanted.venue])
        positions[wanted.base] = positions.get(wanted.base, ZERO) + sum(same, wanted.signed)
        return sum((abs(net) for net in positions.values()), ZERO)

    def release(self, attempt_id: str) -> None:
        """Frees a reservation; a second release does nothing."""
        self._reserved.pop(attempt_id, None)

    def settle(self, attempt: Attempt, filled_notional: Decimal) -> None:
        """An attempt ended: its reservation goes, what it executed (in the intent's quote) becomes position."""
        self.release(attempt.id)
        self.book(attempt, filled_notional)

    def book(self, attempt: Attempt, filled_notional: Decimal) -> None:
        """What an attempt executed becomes position; its reservation stays as it is."""
        if filled_notional:
            base = attempt.order.symbol.split("/")[0]
            signed = filled_notional if attempt.order.side is Side.BUY else -filled_notional
            held = self._positions[attempt.venue]
            held[base] = held.get(base, ZERO) + signed

    def load(self, state: ExposureState) -> None:
        """Replaces the book by the journal's."""
        self._reserved = {one.attempt_id: _Reservation(one.venue, one.base, one.amount) for one in state.reservations}
        self._positions.clear()
        for held in state.positions:
            self._positions[held.venue][held.base] = held.amount
