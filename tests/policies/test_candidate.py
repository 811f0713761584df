"""The decision about one venue, as tables and properties: pure, so no clock and no network."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.config import Limits
from backend.domain.approval import Approved, Refused
from backend.domain.books import Book, Level
from backend.domain.health import HealthCause, HealthReading, HealthStatus, VenueHealth, VenueMode
from backend.domain.money import ceil_to_step, floor_to_step
from backend.domain.orders import Balance, Intent, Side, TimeInForce, VenueOrder
from backend.domain.reasons import DropReason
from backend.domain.records import Drop, Equivalent
from backend.policies.candidate import Candidate, Snapshot, judge_candidate, judge_health, request_deadline
from backend.policies.live_health import down, judge_reading
from backend.policies.pricing import listed_market, venue_price, worst_price
from backend.policies.reroute import lookup_times, settle_delays
from backend.policies.risk_limits import VenueExposure, judge_notional, judge_order
from backend.policies.routing_tables import candidates, primary_of
from tests.fakes.exchange import instrument, rules

NOW = 1_000.0


def intent(**changes: object) -> Intent:
    values: dict[str, object] = {"id": "a", "symbol": "BTC/USDT", "side": "buy", "quantity": "1", "slippage_bps": "50"}
    return Intent.create(**{**values, **changes})  # type: ignore[arg-type]


def snapshot(**changes: object) -> Snapshot:
    levels = (Level(Decimal("100.00"), Decimal(5)),)
    plain = Snapshot(
        venue="alpha",
        rules=rules("alpha"),
        market=(instrument("alpha"), Decimal(1)),
        book=Book("alpha", "BTC/USDT", (Level(Decimal("99.99"), Decimal(5)),), levels, NOW),
        balances={"USDT": Balance("USDT", Decimal(1_000)), "BTC": Balance("BTC", Decimal(10))},
        now=NOW,
        clock_error_s=0.01,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def decide(wanted: Intent | None = None, **changes: object) -> Candidate | Drop:
    wanted = wanted or intent()
    return judge_candidate(wanted, wanted.quantity, None, snapshot(**changes), NOW + 5)


def test_a_usable_venue_becomes_a_frozen_request() -> None:
    """Quantity, bound and worst-case notional are exact."""
    decided = decide()
    assert isinstance(decided, Candidate)
    assert (decided.quantity, decided.price, decided.notional) == (Decimal(1), Decimal("100.50"), Decimal("100.50"))
    assert decided.time_in_force is TimeInForce.IOC


@pytest.mark.parametrize(
    ("changes", "wanted", "reason"),
    [
        ({"rules": rules("alpha", deadline_min_s=6.0)}, intent(), DropReason.TOO_LITTLE_TIME),
        ({"clock_error_s": None}, intent(), DropReason.CLOCK_UNCERTAIN),
        ({"clock_error_s": 0.251}, intent(), DropReason.CLOCK_UNCERTAIN),
        ({"book": Book("alpha", "BTC/USDT", (), (), NOW)}, intent(), DropReason.BOOK_UNAVAILABLE),
        ({"balances": {}}, intent(), DropReason.BALANCE_TOO_SMALL),
        ({"balances": {"USDT": Balance("USDT", Decimal("100.50"))}}, intent(), DropReason.BALANCE_TOO_SMALL),
        ({"balances": {"BTC": Balance("BTC", Decimal("0.99"))}}, intent(side="sell"), DropReason.BALANCE_TOO_SMALL),
        ({}, intent(quantity="0.00009"), DropReason.UNDER_MINIMUM),
        ({}, intent(quantity="0.04"), DropReason.UNDER_MINIMUM),
        ({"market": (instrument("alpha", max_quantity=Decimal("0.5")), Decimal(1))}, intent(), DropReason.OVER_MAXIMUM),
        (
            {},
            intent(slippage_bps=None, order_type="limit", limit_price="99.99", valid_until=2_000.0),
            DropReason.PRICE_OUT_OF_BOUND,
        ),
    ],
)
def test_each_reason_against_a_venue(changes: dict[str, object], wanted: Intent, reason: DropReason) -> None:
    """Every reason of the decision is reached, and told with its numbers."""
    decided = decide(wanted, **changes)
    assert isinstance(decided, Drop)
    assert decided.reason is reason
    assert decided.detail


@pytest.mark.parametrize(
    ("wanted", "price", "notional"),
    [
        (intent(side="sell", slippage_bps="100"), "99.00", "9.999"),
        (
            intent(side="sell", order_type="limit", slippage_bps=None, limit_price="98", valid_until=2_000.0),
            "98",
            "9.999",
        ),
        (intent(side="buy", slippage_bps="100"), "101.00", "10.1"),
    ],
)
def test_the_worst_case_is_what_adds_most_to_the_exposure(wanted: Intent, price: str, notional: str) -> None:
    """A buy pays at most its bound. A sell's bound is the least it takes: it executes at the best bid, and that is
    reserved, in the intent's own quote."""
    market = (instrument("alpha"), Decimal(10))
    decided = decide(replace(wanted, limit_price=wanted.limit_price and wanted.limit_price / 10), market=market)
    assert isinstance(decided, Candidate)
    assert (decided.price, decided.notional, decided.rate) == (Decimal(price), Decimal(notional), Decimal(10))


def test_the_fee_counts_in_the_balance() -> None:
    """A buy needs its notional and the taker fee on it."""
    just_enough = {"USDT": Balance("USDT", Decimal("100.6005"))}
    assert isinstance(decide(balances=just_enough), Candidate)


def test_a_venue_without_ioc_gets_a_resting_order_to_cancel() -> None:
    """The time in force follows the venue's rules."""
    decided = decide(rules=rules("alpha", ioc=False))
    assert isinstance(decided, Candidate)
    assert decided.time_in_force is TimeInForce.GTC


prices = st.decimals("0.00001", "100000", places=8, allow_nan=False)
steps = st.sampled_from([Decimal(text) for text in ("0.00000001", "0.01", "0.1", "1", "0.5", "25")])


@given(prices, prices, steps, st.sampled_from(Side))
def test_a_bound_is_never_worsened_by_rounding(price: Decimal, rate: Decimal, tick: Decimal, side: Side) -> None:
    """A buy's bound rounds down, a sell's up, to a whole number of ticks."""
    rounded = venue_price(side, price, rate, tick)
    assert (rounded / tick) % 1 == 0
    assert rounded <= price * rate if side is Side.BUY else rounded >= price * rate


@given(prices, steps)
def test_steps_bracket_a_value(value: Decimal, step: Decimal) -> None:
    """Floor and ceiling are the neighbouring multiples."""
    low, high = floor_to_step(value, step), ceil_to_step(value, step)
    assert low <= value <= high
    assert high - low in (0, step)


def test_worst_price_comes_from_the_side_that_is_taken() -> None:
    """A buy starts from the best ask, a sell from the best bid, in the intent's own quote."""
    book = snapshot().book
    assert worst_price(intent(), book, Decimal(1)) == Decimal("100.5")
    assert worst_price(intent(side="sell"), book, Decimal(1)) == Decimal("99.99") * Decimal("0.995")
    assert worst_price(intent(), book, Decimal(10)) == Decimal("10.05")


def test_listed_market_prefers_the_same_symbol_then_configured_equivalents() -> None:
    """Another quote is used only when the settings name it, in their order."""
    usd, nok = instrument("alpha", "BTC/USD"), instrument("alpha", "BTC/NOK")
    both = (Equivalent("BTC/NOK", Decimal(10)), Equivalent("BTC/USD", Decimal(1)))
    assert listed_market("BTC/USDT", {"BTC/USDT": instrument("alpha")}, both) == (instrument("alpha"), Decimal(1))
    assert listed_market("BTC/USDT", {"BTC/USD": usd, "BTC/NOK": nok}, both) == (nok, Decimal(10))
    assert listed_market("BTC/USDT", {"BTC/USD": usd}, ()) is None


@pytest.mark.parametrize(
    ("latency", "mode", "status", "cause"),
    [
        (0.2, VenueMode.ONLINE, HealthStatus.OK, HealthCause.HEALTHY),
        (0.2, VenueMode.UNKNOWN, HealthStatus.OK, HealthCause.HEALTHY),
        (1.0, VenueMode.ONLINE, HealthStatus.OK, HealthCause.HEALTHY),
        (1.01, VenueMode.ONLINE, HealthStatus.DEGRADED, HealthCause.SLOW),
        (0.2, VenueMode.POST_ONLY, HealthStatus.DEGRADED, HealthCause.RESTRICTED_MODE),
        (0.2, VenueMode.CANCEL_ONLY, HealthStatus.DEGRADED, HealthCause.RESTRICTED_MODE),
        (0.2, VenueMode.MAINTENANCE, HealthStatus.DOWN, HealthCause.MAINTENANCE),
        (3.0, VenueMode.MAINTENANCE, HealthStatus.DOWN, HealthCause.MAINTENANCE),
    ],
)
def test_live_health_table(latency: float, mode: VenueMode, status: HealthStatus, cause: HealthCause) -> None:
    """Latency and mode decide; an unknown mode is no fault."""
    health = judge_reading(HealthReading(latency, NOW, mode), degraded_after_s=1.0, at=NOW)
    assert (health.status, health.cause) == (status, cause)
    assert (health.last_error is None) == (status is HealthStatus.OK)
    assert health.latency_ms == pytest.approx(latency * 1000)


def test_only_ok_takes_orders() -> None:
    """Degraded and down are dropped; a missing adapter has its own reason."""
    assert judge_health("alpha", VenueHealth(HealthStatus.OK, HealthCause.HEALTHY, 5.0)) is None
    slow = judge_health("alpha", VenueHealth(HealthStatus.DEGRADED, HealthCause.SLOW, 1500.0, "slow"))
    assert slow is not None
    assert (slow.reason, slow.health) == (DropReason.UNHEALTHY, HealthCause.SLOW)
    missing = judge_health("alpha", down(HealthCause.NO_ADAPTER, "no adapter yet", at=NOW))
    assert missing is not None
    assert missing.reason is DropReason.NO_ADAPTER


def test_request_deadline_never_outlives_the_intent() -> None:
    """The send window, or the intent's end if that is earlier."""
    assert request_deadline(NOW, 5, NOW + 30) == NOW + 5
    assert request_deadline(NOW, 5, NOW + 2) == NOW + 2


def test_caps() -> None:
    """Per order first, then per exchange with what is reserved and held; a name of its own wins."""
    limits = Limits(per_order=Decimal(100), per_exchange=Decimal(150), per_venue={"beta": Decimal(90)})
    held = VenueExposure(reserved=Decimal(40), positions=Decimal(30))
    assert judge_notional("alpha", Decimal(80), held, limits) is None
    for venue, notional, limit in (("alpha", 101, 100), ("alpha", 81, 150), ("beta", 21, 90)):
        refused = judge_notional(venue, Decimal(notional), held, limits)
        assert isinstance(refused, Refused)
        assert refused.limit == limit


def test_a_position_can_always_be_reduced() -> None:
    """An order that nets a position down passes an exchange's cap that is already reached."""
    order = VenueOrder(
        "alpha", "a/1", "c", "BTC/USDT", Side.SELL, Decimal(1), Decimal(50), TimeInForce.IOC, NOW, NOW + 5
    )
    limits = Limits(per_order=Decimal(100), per_exchange=Decimal(60))
    held = VenueExposure(positions=Decimal(60))
    assert isinstance(judge_order(order, Decimal(50), held, limits), Refused)
    assert isinstance(judge_order(order, Decimal(50), held, limits, reduces_to=Decimal(10)), Approved)


@pytest.mark.parametrize("window", [0.2, 3.0, 20.0, 60.0, 120.0])
def test_lookups_are_bounded_by_their_window(window: float) -> None:
    """Look-ups rise strictly and the last one is at the window's end; settling questions add up to about the window."""
    times = lookup_times(window)
    assert times[-1] == window
    assert list(times) == sorted(set(times))
    assert window <= sum(settle_delays(window)) <= window + 9


def test_routing_tables() -> None:
    """Explicit, then strategy, then default; and the default closes a chain that lacks it."""
    assert primary_of("firi", "s", {"s": "kraken"}, "binance") == "firi"
    assert primary_of(None, "s", {"s": "kraken"}, "binance") == "kraken"
    assert primary_of(None, "other", {"s": "kraken"}, "binance") == "binance"
    assert candidates(("kraken",), "binance") == ("kraken", "binance")
    assert candidates(("kraken", "binance"), "binance") == ("kraken", "binance")
