"""Is this venue usable for this order, and with which exact request? A pure function of a snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from backend.domain.books import Book, Level, within
from backend.domain.health import HealthCause, HealthStatus, VenueHealth
from backend.domain.instruments import Instrument
from backend.domain.money import ZERO, floor_to_step, plain
from backend.domain.orders import Balance, Intent, OrderType, Side, TimeInForce
from backend.domain.reasons import DropReason
from backend.domain.records import Drop
from backend.domain.rules import VenueRules
from backend.policies.pricing import fingerprinted, venue_price, worst_price
from backend.policies.venue_clock import clock_problem


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was known of one venue at one moment: ``market`` with its conversion rate, book and balances, and how wrong
    our knowledge of its clock may be (None: nothing is known of it)."""

    venue: str
    rules: VenueRules
    market: tuple[Instrument, Decimal]
    book: Book
    balances: Mapping[str, Balance]
    now: float
    clock_error_s: float | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A usable venue with the numbers of the request. ``notional`` is the worst case in the intent's own quote,
    ``rate`` the market's quote for one unit of that."""

    venue: str
    instrument: Instrument
    quantity: Decimal
    price: Decimal
    notional: Decimal
    worst_price: Decimal
    time_in_force: TimeInForce
    not_after: float
    rate: Decimal


def judge_health(venue: str, health: VenueHealth) -> Drop | None:
    """Only an ok venue takes new orders."""
    if health.status is HealthStatus.OK:
        return None
    reason = DropReason.NO_ADAPTER if health.cause is HealthCause.NO_ADAPTER else DropReason.UNHEALTHY
    return Drop(venue, reason, f"{health.status.value}: {health.last_error}", health.cause)


def request_deadline(now: float, send_window_s: float, valid_until: float) -> float:
    """``not_after``: fixed when the attempt is journaled, never later than the intent's own end."""
    return min(now + send_window_s, valid_until)


def judge_candidate(
    intent: Intent, remaining: Decimal, fixed_worst: Decimal | None, snapshot: Snapshot, not_after: float
) -> Candidate | Drop:
    """The request for this venue, or the first reason against it (in the order of the checks below)."""
    instrument, rate = snapshot.market
    rules, venue = snapshot.rules, snapshot.venue
    if OrderType.LIMIT not in rules.order_types.value:
        return Drop(venue, DropReason.TYPE_NOT_SUPPORTED, "the venue takes no limit orders")
    time_in_force = _force(intent, rules)
    if time_in_force is None:
        return Drop(venue, DropReason.TYPE_NOT_SUPPORTED, "the venue's orders do not rest")
    uncertain = clock_problem(rules, snapshot.clock_error_s)
    if uncertain is not None:
        return Drop(venue, DropReason.CLOCK_UNCERTAIN, uncertain)
    if not_after - snapshot.now < rules.deadline_min_s.value:
        left = f"{not_after - snapshot.now:.3f} s left, the venue's deadline needs {rules.deadline_min_s.value} s"
        return Drop(venue, DropReason.TOO_LITTLE_TIME, left)
    worst = fixed_worst if fixed_worst is not None else worst_price(intent, snapshot.book, rate)
    levels = snapshot.book.taking(intent.side)
    if worst is None or not (levels or intent.rests):
        return Drop(venue, DropReason.BOOK_UNAVAILABLE, f"nothing to {intent.side.value} in the book")
    price = venue_price(intent.side, worst, rate, instrument.price_tick)
    if not rules.has_client_id:
        price = fingerprinted(intent, price, instrument.price_tick)
    if price <= ZERO:
        return Drop(venue, DropReason.PRICE_OUT_OF_BOUND, f"the bound {plain(worst)} is less than a tick here")
    if not intent.rests and not within(intent.side, levels[0].price, price):
        detail = f"best price {plain(levels[0].price)} is worse than the bound {plain(price)} {instrument.quote}"
        return Drop(venue, DropReason.PRICE_OUT_OF_BOUND, detail)
    quantity = floor_to_step(remaining, instrument.quantity_step)
    refused = _size_problem(venue, instrument, quantity, price) or _balance_problem(
        venue, instrument, intent.side, quantity, price, snapshot.balances
    )
    if refused is not None:
        return refused
    notional = quantity * _dearest(intent.side, price, levels) / rate
    return Candidate(venue, instrument, quantity, price, notional, worst, time_in_force, not_after, rate)


def _dearest(side: Side, price: Decimal, levels: Sequence[Level]) -> Decimal:
    """The price at which the order adds most to the account's exposure: a sell's bound is its least, and it executes
    at the best bids."""
    return price if side is Side.BUY or not levels else max(price, levels[0].price)


def _force(intent: Intent, rules: VenueRules) -> TimeInForce | None:
    """An order that shall not rest is IOC where the venue has that; elsewhere it is cancelled at once."""
    offered = rules.time_in_force.value
    if intent.rests:
        return TimeInForce.GTC if TimeInForce.GTC in offered else None
    return TimeInForce.IOC if TimeInForce.IOC in offered else TimeInForce.GTC


def _size_problem(venue: str, instrument: Instrument, quantity: Decimal, price: Decimal) -> Drop | None:
    """Under a minimum is a local refusal that names the limit; never rounded up."""
    if quantity <= ZERO or quantity < instrument.min_quantity:
        least = max(instrument.min_quantity, instrument.quantity_step)
        detail = f"quantity {plain(quantity)} is under the minimum of {plain(least)} {instrument.base}"
        return Drop(venue, DropReason.UNDER_MINIMUM, detail)
    if quantity * price < instrument.min_notional:
        detail = f"notional {plain(quantity * price)} is under the minimum of {plain(instrument.min_notional)} "
        return Drop(venue, DropReason.UNDER_MINIMUM, detail + instrument.quote)
    if instrument.max_quantity and quantity > instrument.max_quantity:
        detail = f"quantity {plain(quantity)} is over the maximum of {plain(instrument.max_quantity)} {instrument.base}"
        return Drop(venue, DropReason.OVER_MAXIMUM, detail)
    return None


def _balance_problem(
    venue: str,
    instrument: Instrument,
    side: Side,
    quantity: Decimal,
    price: Decimal,
    balances: Mapping[str, Balance],
) -> Drop | None:
    if side is Side.BUY:
        asset, need = instrument.quote, quantity * price * (1 + instrument.taker_fee)
    else:
        asset, need = instrument.base, quantity
    free = balances[asset].free if asset in balances else ZERO
    if free >= need:
        return None
    return Drop(venue, DropReason.BALANCE_TOO_SMALL, f"{plain(free)} {asset} free, {plain(need)} needed")
