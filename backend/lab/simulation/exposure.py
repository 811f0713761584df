"""What the accounts of a simulated world really hold, by the exchanges' own executions."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from backend.domain.money import ZERO
from backend.emulator.ledger import LedgerTrade


class Exposure:
    """In the orders' own quote: the executions at their prices, netted by asset. A sell counts at no more than the
    price that was reserved for it: nobody can promise that a market does not rise before it executes."""

    def __init__(self, cap: Decimal, rates: Mapping[str, Decimal]) -> None:
        """``rates``: units of a market's quote for one of the orders'."""
        self._cap = cap
        self._rates = rates
        self._net: dict[tuple[str, str], Decimal] = {}

    def within(self, venue: str, trade: LedgerTrade, reserved: Decimal) -> bool:
        """Counts one execution more; ``reserved`` for each unit of it. Is the account still within its cap?"""
        base, quote = trade.symbol.split("/")
        price = trade.price / self._rates[quote]
        signed = trade.quantity * (price if trade.side.value == "buy" else -min(price, reserved))
        self._net[venue, base] = self._net.get((venue, base), ZERO) + signed
        return self.held(venue) <= self._cap

    def held(self, venue: str) -> Decimal:
        """The sum over its assets."""
        return sum((abs(net) for (at, _), net in self._net.items() if at == venue), ZERO)
