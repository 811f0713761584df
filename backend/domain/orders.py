"""What a caller asks for, what a venue is asked for, and what a venue reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from backend.domain.errors import InvalidOrder
from backend.domain.money import ONE, ZERO, positive


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"


class TimeInForce(StrEnum):
    IOC = "ioc"
    GTC = "gtc"


class OnUnknown(StrEnum):
    """What happens while the fate of an attempt is unknown. WAIT: nothing is sent elsewhere. BOUNDED: as much as the
    caller's overfill budget pays for is, at the risk that both execute."""

    WAIT = "wait"
    BOUNDED = "bounded"


class OrderStatus(StrEnum):
    """A venue order's state. ``OPEN`` covers accepted, resting and partly filled."""

    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"

    @property
    def terminal(self) -> bool:
        return self is not OrderStatus.OPEN


ID_LENGTH_MAX = 64
DEFAULT_VALIDITY_S = 30.0
DEFAULT_SLIPPAGE_BPS = Decimal(50)


def _choice(kind: type[StrEnum], name: str, value: object) -> StrEnum:
    try:
        return kind(str(value).lower())
    except ValueError:
        accepted = ", ".join(member.value for member in kind)
        raise InvalidOrder(name, f"{value!r} is not one of: {accepted}") from None


def _checked_symbol(symbol: object) -> str:
    if not isinstance(symbol, str) or symbol.count("/") != 1 or not all(symbol.split("/")) or symbol != symbol.upper():
        raise InvalidOrder("symbol", f"{symbol!r} is not of the form BASE/QUOTE, for example BTC/USDT")
    return symbol


def _checked_id(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= ID_LENGTH_MAX or not value.isprintable():
        raise InvalidOrder("id", f"{value!r} is not a printable string of 1 to {ID_LENGTH_MAX} characters")
    return value


def _check_validity(kind: OrderType, until: float | None, for_s: float | None) -> None:
    if until is not None and for_s is not None:
        raise InvalidOrder("valid_for_s", "give either valid_until or valid_for_s, not both")
    if kind is OrderType.LIMIT and until is None and for_s is None:
        problem = "a limit order must state until when it may be sent (epoch seconds), or valid_for_s"
        raise InvalidOrder("valid_until", problem)
    if until is not None and not 0 < until < float("inf"):
        raise InvalidOrder("valid_until", f"{until!r} is not a time in epoch seconds")
    if for_s is not None and not 0 < for_s < float("inf"):
        raise InvalidOrder("valid_for_s", f"{for_s!r} is not a duration in seconds")


@dataclass(frozen=True, slots=True)
class Intent:
    """One order of a caller, under the caller's idempotency key ``id``. Quantities are in base units.

    A MARKET order carries a slippage bound in basis points, which becomes an absolute worst price once, when the
    first book is seen; a LIMIT order carries its price. With ``time_in_force`` IOC both execute what the market gives
    at once within that price and move the rest on. A GTC order (LIMIT only) rests in the book of one venue at a time,
    until it is filled, cancelled, or no longer wanted. ``valid_until`` (epoch seconds) or ``valid_for_s`` (seconds from
    when the order is accepted) ends new risk: say the duration where you mean one, so that a repeat is in the same
    words. With neither, a MARKET order is wanted for 30 s; a LIMIT order must state one. With ``on_unknown`` BOUNDED,
    while the fate of an attempt is unknown, up to ``overfill_budget`` (base units) is tried elsewhere: at most both
    together execute.

    Build it with ``Intent.create``, which checks and converts the fields (Raises InvalidOrder).
    """

    id: str
    strategy_id: str
    symbol: str
    side: Side
    quantity: Decimal
    order_type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    slippage_bps: Decimal | None = None
    exchange: str | None = None
    valid_until: float | None = None
    time_in_force: TimeInForce = TimeInForce.IOC
    on_unknown: OnUnknown = OnUnknown.WAIT
    overfill_budget: Decimal = ZERO
    valid_for_s: float | None = None

    @property
    def most(self) -> Decimal:
        """The most that may execute, in base units: the quantity, and what its caller has allowed beyond it."""
        return self.quantity + self.overfill_budget

    @property
    def rests(self) -> bool:
        """May it stay in a venue's book?"""
        return self.time_in_force is TimeInForce.GTC

    @classmethod
    def create(
        cls,
        *,
        id: str,  # noqa: A002 - the field's public name
        symbol: str,
        side: str | Side,
        quantity: Decimal | str | int,
        strategy_id: str = "manual",
        order_type: str | OrderType = OrderType.MARKET,
        limit_price: Decimal | str | int | None = None,
        slippage_bps: Decimal | str | int | None = None,
        exchange: str | None = None,
        valid_until: float | None = None,
        time_in_force: str | TimeInForce = TimeInForce.IOC,
        on_unknown: str | OnUnknown = OnUnknown.WAIT,
        overfill_budget: Decimal | str | int | None = None,
        valid_for_s: float | None = None,
    ) -> Intent:
        """A checked intent. Raises InvalidOrder that names the field, before anything is stored or sent."""
        kind = OrderType(_choice(OrderType, "order_type", order_type))
        price = None if limit_price is None else positive("limit_price", limit_price)
        slippage = None if slippage_bps is None else positive("slippage_bps", slippage_bps)
        if kind is OrderType.LIMIT and (price is None or slippage is not None):
            raise InvalidOrder("limit_price", "a limit order needs a limit_price and takes no slippage_bps")
        if kind is OrderType.MARKET and price is not None:
            raise InvalidOrder(
                "limit_price", "a market order takes slippage_bps; use order_type='limit' to set a price"
            )
        force = TimeInForce(_choice(TimeInForce, "time_in_force", time_in_force))
        if force is TimeInForce.GTC and kind is not OrderType.LIMIT:
            raise InvalidOrder("time_in_force", "only a limit order can rest; a market order is ioc")
        asked, size = OnUnknown(_choice(OnUnknown, "on_unknown", on_unknown)), positive("quantity", quantity)
        budget = ZERO if overfill_budget is None else positive("overfill_budget", overfill_budget)
        if (asked is OnUnknown.BOUNDED) != (budget > ZERO):
            raise InvalidOrder("overfill_budget", "on_unknown='bounded' needs one, and nothing else takes one")
        if budget > size:
            raise InvalidOrder("overfill_budget", f"{budget} is more than the whole quantity of {size}")
        _check_validity(kind, valid_until, valid_for_s)
        if slippage is not None and slippage >= Decimal(10_000):
            raise InvalidOrder("slippage_bps", f"{slippage} is 100 % or more; give basis points, 50 means 0.5 %")
        return cls(
            id=_checked_id(id),
            strategy_id=strategy_id,
            symbol=_checked_symbol(symbol),
            side=Side(_choice(Side, "side", side)),
            quantity=size,
            order_type=kind,
            limit_price=price,
            slippage_bps=DEFAULT_SLIPPAGE_BPS if kind is OrderType.MARKET and slippage is None else slippage,
            exchange=exchange,
            valid_until=valid_until,
            time_in_force=force,
            on_unknown=asked,
            overfill_budget=budget,
            valid_for_s=valid_for_s,
        )


OrderRequest = Intent
"""What ``adapter.place_order`` takes: the same values, executed on that one venue."""


@dataclass(frozen=True, slots=True)
class Signal:
    """What a strategy emits; ``run_execution_loop`` turns it into an Intent. Without an id the loop gives it one."""

    strategy_id: str
    symbol: str
    side: str
    quantity: Decimal | str | int
    exchange: str | None = None
    id: str | None = None
    order_type: str = OrderType.MARKET
    limit_price: Decimal | str | int | None = None
    slippage_bps: Decimal | str | int | None = None
    valid_until: float | None = None


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """The frozen request of one attempt, already rounded to the venue's steps. What is journaled is what is sent.

    ``created_at`` and ``not_after`` are epoch seconds fixed at journal time; a venue with a request deadline carries
    ``not_after`` inside the request. ``client_id`` is already in the venue's alphabet (empty where it takes none).
    ``rate``: units of the market's quote for one of the intent's.
    """

    venue: str
    attempt_id: str
    client_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    time_in_force: TimeInForce
    created_at: float
    not_after: float
    rate: Decimal = ONE

    @property
    def notional(self) -> Decimal:
        """Quote amount at its price: the most that a buy pays, the least that a sell brings."""
        return self.quantity * self.price


@dataclass(frozen=True, slots=True)
class OrderRef:
    """How an order is looked up or cancelled: by the venue's id, by our client id, or both. ``created_at``: sent at.
    ``like``: the request itself, to search for where a venue has no id of ours. ``watched``: it rests and is looked at
    again and again, which must leave room for what is asked once."""

    symbol: str
    venue_order_id: str | None = None
    client_id: str | None = None
    created_at: float | None = None
    like: VenueOrder | None = None
    watched: bool = False


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. ``quantity`` in base, ``price`` in quote per base, ``fee`` in ``fee_asset``, ``at`` in epoch s.

    ``provisional``: somebody's word or a cumulative figure; the trades themselves replace it, they never add to it.
    """

    venue: str
    symbol: str
    venue_order_id: str
    trade_id: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal = ZERO
    fee_asset: str = ""
    at: float = 0.0
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class OrderReport:
    """What a venue says of one order. ``filled`` is cumulative; ``fills`` only where the answer lists them."""

    venue: str
    symbol: str
    venue_order_id: str
    client_id: str | None
    side: Side
    quantity: Decimal
    filled: Decimal
    status: OrderStatus
    price: Decimal | None = None
    average: Decimal | None = None
    created_at: float | None = None
    fills: tuple[Fill, ...] = ()


@dataclass(frozen=True, slots=True)
class Balance:
    """One asset at one venue: ``free`` can be used, ``held`` is locked in orders."""

    asset: str
    free: Decimal
    held: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Credentials:
    """Keys of one venue account. Never printed: ``repr`` and ``str`` hide every value.

    ``extra`` holds what only some venues ask for: ``client_id``, ``passphrase``.
    """

    api_key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.api_key)

    def value(self, name: str) -> str:
        """The part of that name; empty when it is not configured."""
        return {"api_key": self.api_key, "secret": self.secret}.get(name) or self.extra.get(name, "")
