"""Every attempt as the journal opened it, beside the bytes that left and the orders that exchanges took (S3, S9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from backend.domain.money import ZERO, plain
from backend.emulator.core import VenueCore
from backend.emulator.ledger import LedgerOrder
from backend.ports.transport import HttpRequest

ROUNDED_S = 1e-6
"""Between a deadline in the journal and the same one as an exchange reads it, which is whole milliseconds, cut off."""


@dataclass(slots=True)
class Sent:
    """An attempt as the journal opened it. ``reserved``: for each unit, in the orders' own quote."""

    intent_id: str
    venue: str
    client_id: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    not_after: float
    reserved: Decimal = ZERO
    copies: int = 0
    late: bool = False

    def is_of(self, order: LedgerOrder) -> bool:
        """Is it this attempt's order? By our id; by the request itself at an exchange that keeps none."""
        return self.client_id == order.client_id if self.client_id else self.asks_for(order)

    def asks_for(self, order: LedgerOrder) -> bool:
        """The same market, side, quantity and price?"""
        asked = (self.symbol, self.side, self.quantity, self.price)
        return asked == (order.symbol, order.side.value, order.quantity, order.price)

    def stands_in(self, wire: bytes) -> bool:
        """Are these the bytes of its order?"""
        marks = [self.client_id] if self.client_id else [plain(self.quantity), plain(self.price)]
        return all(mark.encode() in wire for mark in marks)


class Sendings:
    """``violated`` and ``seen`` tell promises and counts. ``attempts``: by id, in the order of their opening."""

    def __init__(
        self, cores: Mapping[str, VenueCore], violated: Callable[[str], None], seen: Callable[[str], None]
    ) -> None:
        self._cores = cores
        self._violated = violated
        self._seen = seen
        self._compared = dict.fromkeys(cores, 0)
        self._owners: dict[tuple[str, str], str] = {}
        self._orders: dict[str, str] = {}
        self.attempts: dict[str, Sent] = {}

    def opened(self, intent_id: str, attempt_id: str, request: Mapping[str, object]) -> None:
        """An attempt was committed."""
        sent = Sent(
            intent_id=intent_id,
            venue=str(request["venue"]),
            client_id=str(request["client_id"]),
            symbol=str(request["symbol"]),
            side=str(request["side"]),
            quantity=Decimal(str(request["quantity"])),
            price=Decimal(str(request["price"])),
            not_after=float(str(request["not_after"])),
        )
        if sent.client_id and any(one.client_id == sent.client_id for one in self.attempts.values()):
            self._violated(f"S2: the client id {sent.client_id} was used before")
        self.attempts[attempt_id] = sent

    def placing(self, venue: str, request: HttpRequest, handed_over: float, now: float) -> None:
        """The first byte of an order leaves: its attempt is in the journal (S3), it leaves once (S3), and was not
        handed to the network after its deadline (S9). It may leave after it all the same, if the process stands still
        just then. The times are those of the process's clock."""
        sent = self._of(venue, request)
        if sent is None:
            self._violated(f"S3: an order leaves for {venue} without an attempt in the journal")
            return
        sent.copies += 1
        if sent.copies > 1:
            self._violated(f"S3: the attempt of {sent.intent_id} at {venue} is sent {sent.copies} times")
        if now > sent.not_after:
            sent.late = True
            self._seen("crash point 15")
        if handed_over > sent.not_after:
            self._violated(f"S9: the attempt of {sent.intent_id} at {venue} is sent after its deadline")

    def taken(self, venue: str, request: HttpRequest) -> bool:
        """Has the exchange taken the order of this request?"""
        sent = self._of(venue, request)
        return sent is not None and any(map(sent.is_of, self._cores[venue].ledger.orders))

    def refused(self, venue: str, request: HttpRequest) -> None:
        """The exchange has answered, and did not take it."""
        sent = self._of(venue, request)
        if sent is not None and sent.late and sent.client_id:
            self._seen("a late order was refused")

    def compare(self, venue: str) -> None:
        """S3: each order that an exchange took is one that was journaled, to the digit, with the journaled deadline."""
        orders = self._cores[venue].ledger.orders
        for order in orders[self._compared[venue] :]:
            name = self.owner_of(venue, order)
            if name is None:
                self._violated(f"S3: {venue} took {order.order_id}, which is of no attempt")
                continue
            sent = self.attempts[name]
            if self._orders.setdefault(name, order.order_id) != order.order_id:
                self._violated(f"S3: {venue} took {name} twice: as {self._orders[name]} and as {order.order_id}")
            if not sent.asks_for(order):
                self._violated(f"S3: {name} is at {venue} as {order.side} {order.quantity} at {order.price}")
            if sent.client_id and (order.not_after is None or order.not_after > sent.not_after + ROUNDED_S):
                self._violated(f"S3: {name} carried {order.not_after} as deadline, not {sent.not_after:.3f}")
        self._compared[venue] = len(orders)

    def owner_of(self, venue: str, order: LedgerOrder) -> str | None:
        """The id of the attempt that an exchange's order is of."""
        key = (venue, order.order_id)
        if key not in self._owners:
            for attempt_id, sent in reversed(self.attempts.items()):
                if sent.venue == venue and sent.is_of(order):
                    self._owners[key] = attempt_id
                    break
        return self._owners.get(key)

    def _of(self, venue: str, request: HttpRequest) -> Sent | None:
        wire = request.url.encode() + (request.body or b"")
        at_venue = (sent for sent in reversed(self.attempts.values()) if sent.venue == venue)
        return next((sent for sent in at_venue if sent.stands_in(wire)), None)
