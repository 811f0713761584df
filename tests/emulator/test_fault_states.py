"""Faults that lie in what a venue is or tells, at every venue of the registry."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backend.emulator.dialect import Mode
from backend.emulator.fault_kinds import arm
from backend.emulator.faults import Fault, FaultError, FaultKind
from backend.emulator.registry import KINDS
from backend.emulator.wire import Endpoint, Respond
from tests.emulator.calls import CALLS
from tests.emulator.kit import T0, Desk, answer

VENUES = tuple(KINDS)
THROTTLED = [name for name, kind in KINDS.items() if kind.throttle is not None]
BANNING = [name for name, kind in KINDS.items() if kind.throttle is not None and kind.throttle.banned is not None]
TELLING = [name for name, kind in KINDS.items() if Mode.MAINTENANCE in kind.modes]


def ask(desk: Desk, endpoint: Endpoint) -> bytes:
    """The body of the answer to the venue's call for an endpoint."""
    return desk.ask(*CALLS[desk.venue][endpoint]).body


def table(desk: Desk, name: str | None) -> bytes:
    """The body of an error of the venue's table."""
    assert name is not None
    return KINDS[desk.venue].errors[name].answer(desk.now).body


def filled(desk: Desk) -> Decimal:
    return sum((trade.quantity for trade in desk.core.ledger.trades), Decimal(0))


@pytest.mark.parametrize("venue", THROTTLED)
def test_a_storm_lets_pass_what_its_rate_allows(venue: str) -> None:
    """Per second so many calls pass; the others get the venue's own answer to too many and have no effect."""
    desk = Desk(venue)
    throttle = desk.core.kind.throttle
    assert throttle is not None
    desk.fault(FaultKind.STORM, rate=2)
    normal = ask(Desk(venue), Endpoint.BALANCES)
    assert [ask(desk, Endpoint.BALANCES) for _ in range(3)] == [normal, normal, table(desk, throttle.limited)]
    assert answer(desk.effect(desk.order())).body == table(desk, throttle.limited)
    assert filled(desk) == 0
    desk.now += 1
    assert ask(desk, Endpoint.BALANCES) == ask(twin(venue, 0, at=desk.now), Endpoint.BALANCES)


@pytest.mark.parametrize("venue", THROTTLED)
def test_a_storm_on_orders_speaks_of_orders(venue: str) -> None:
    """Aimed at PLACE, a storm uses the words for too many orders where the venue has some, and spares the rest."""
    desk = Desk(venue)
    throttle = desk.core.kind.throttle
    assert throttle is not None
    desk.fault(FaultKind.STORM, Endpoint.PLACE)
    assert answer(desk.effect(desk.order())).body == table(desk, throttle.orders or throttle.limited)
    assert ask(desk, Endpoint.BALANCES) == ask(Desk(venue), Endpoint.BALANCES)


@pytest.mark.parametrize("venue", BANNING)
def test_who_goes_on_in_a_storm_is_banned_until_the_ban_ends(venue: str) -> None:
    """The ban comes after so many refusals, outlives the storm, and ends by itself however often one asks."""
    desk = Desk(venue)
    throttle, errors = desk.core.kind.throttle, desk.core.kind.errors
    assert throttle is not None
    assert throttle.banned is not None
    desk.core.inject(Fault(FaultKind.STORM, length=5, params={"ban_after": 3, "ban_s": 60}), desk.now)
    bodies = [ask(desk, Endpoint.BALANCES) for _ in range(3)]
    assert set(bodies) == {table(desk, throttle.limited)}
    for later, left in ((0.0, 60.0), (0.0, 60.0), (30.0, 30.0), (29.0, 1.0)):
        desk.now += later
        got = desk.ask(*CALLS[venue][Endpoint.BALANCES])
        assert got == errors[throttle.banned].answer(desk.now, left)
        assert desk.core.banned_s(desk.now) == left
    banned = errors[throttle.banned].answer(desk.now, 1.0).body
    assert (ask(desk, Endpoint.TIME) == banned) == (Endpoint.TIME not in throttle.spared)
    assert answer(desk.effect(desk.order())).body == banned
    desk.now += 1
    assert ask(desk, Endpoint.BALANCES) == ask(twin(venue, 0, at=desk.now), Endpoint.BALANCES)
    desk.effect(desk.order())
    assert filled(desk) == Decimal("0.5")


@pytest.mark.parametrize("venue", BANNING)
def test_clearing_everything_lifts_a_ban(venue: str) -> None:
    """Whoever controls the emulator can start afresh."""
    desk = Desk(venue)
    desk.fault(FaultKind.STORM, ban_after=0)
    ask(desk, Endpoint.BALANCES)
    assert desk.core.banned_s(desk.now) > 0
    desk.core.clear(desk.now)
    assert ask(desk, Endpoint.BALANCES) == ask(Desk(venue), Endpoint.BALANCES)


def test_a_ban_tells_when_it_ends() -> None:
    """Retry-After and message count from the present moment to the end of this ban, not of the usual one."""
    desk = Desk("binance")
    desk.fault(FaultKind.STORM, ban_after=0, ban_s=300)
    ask(desk, Endpoint.TIME)
    desk.now += 100.5
    got = desk.ask(*CALLS["binance"][Endpoint.TIME])
    assert (got.status, dict(got.headers)) == (418, {"Retry-After": "200"})
    assert f"banned until {round((T0 + 300) * 1000)}." in got.body.decode()


@pytest.mark.parametrize("venue", VENUES)
def test_storms_and_bans_exist_where_the_venue_has_words_for_them(venue: str) -> None:
    """A venue without an answer to too many requests, or without bans, refuses the fault with the reason."""
    throttle = KINDS[venue].throttle
    if throttle is None:
        with pytest.raises(FaultError, match="has no storms"):
            arm(Fault(FaultKind.STORM), KINDS[venue])
        return
    assert {throttle.limited, throttle.orders or throttle.limited} <= set(KINDS[venue].errors)
    assert all(limit.answer in KINDS[venue].errors for limit in throttle.limits)
    arm(Fault(FaultKind.STORM), KINDS[venue])
    if throttle.banned is None:
        with pytest.raises(FaultError, match="has no bans"):
            arm(Fault(FaultKind.STORM, params={"ban_s": 5}), KINDS[venue])


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("mode", list(Mode))
def test_modes_keep_orders_out_where_the_venue_has_them(venue: str, mode: Mode) -> None:
    """An ordinary order takes no effect in any mode; a venue whose documents know no such mode refuses the fault."""
    desk = Desk(venue)
    if mode not in desk.core.kind.modes:
        with pytest.raises(FaultError, match=r"has no modes|mode must be one of"):
            desk.fault(FaultKind.MODE, mode=mode.value)
        return
    desk.fault(FaultKind.MODE, mode=mode.value)
    refused = answer(desk.effect(desk.order()))
    assert desk.core.ledger.orders == ()
    desk.core.clear(desk.now)
    assert answer(desk.effect(desk.order())).body != refused.body
    assert filled(desk) == Decimal("0.5")


@pytest.mark.parametrize("venue", VENUES)
def test_an_order_can_be_found_late_and_its_trades_later_still(venue: str) -> None:
    """The place call is answered as always; lists of orders learn of it later, lists of trades later still."""
    desk, usual = Desk(venue), Desk(venue)
    desk.fault(FaultKind.LATE, min=1.0, max=1.0, trades_min=1.5, trades_max=1.5)
    assert answer(desk.effect(desk.order())).status == answer(usual.effect(usual.order())).status
    assert filled(desk) == Decimal("0.5")
    (order,) = desk.core.ledger.orders
    order_id = order.order_id.encode()

    def found(at: float) -> tuple[bool, bool]:
        desk.now = at
        return order_id in ask(desk, Endpoint.QUERY), order_id in ask(desk, Endpoint.TRADES)

    assert [found(T0), found(T0 + 1), found(T0 + 1.5)] == [(False, False), (True, False), (True, True)]


@pytest.mark.parametrize("venue", VENUES)
def test_late_orders_stay_within_the_bound(venue: str) -> None:
    """Only with an explicit word may look-ups be later than the venue promises."""
    kind = KINDS[venue]
    beyond = {"min": kind.bounds.visibility_s + 1, "max": kind.bounds.visibility_s + 1}
    with pytest.raises(FaultError, match="min must be"):
        arm(Fault(FaultKind.LATE, params=beyond), kind)
    desk = Desk(venue)
    desk.fault(FaultKind.LATE, **beyond, beyond_bounds=True)
    desk.effect(desk.order())
    assert desk.core.ledger.orders[0].visible_at == T0 + kind.bounds.visibility_s + 1


@pytest.mark.parametrize("venue", VENUES)
def test_stale_balances_are_those_of_the_beginning(venue: str) -> None:
    """The balance call freezes, and the account itself goes on."""
    desk = Desk(venue)
    desk.core.inject(Fault(FaultKind.BALANCES, start=2, length=10, params={"tell": "stale"}), desk.now)
    for desk.now in (T0, T0 + 1, T0 + 3):  # two orders before the fault begins, one after
        desk.effect(desk.order())
    assert ask(desk, Endpoint.BALANCES) == ask(twin(venue, 2, at=T0 + 3), Endpoint.BALANCES)
    assert desk.core.account.balances() == twin(venue, 3, at=T0).core.account.balances()
    desk.now = T0 + 12
    assert ask(desk, Endpoint.BALANCES) == ask(twin(venue, 3, at=T0 + 12), Endpoint.BALANCES)


def twin(venue: str, orders: int, *, at: float) -> Desk:
    """A venue without faults after so many orders, at a time."""
    desk = Desk(venue)
    for _ in range(orders):
        desk.effect(desk.order())
    desk.now = at
    return desk


@pytest.mark.parametrize("venue", VENUES)
def test_zero_balances_are_told_and_not_believed(venue: str) -> None:
    """The balance call tells nothing but zero; orders are still paid from what is there."""
    desk = Desk(venue)
    desk.fault(FaultKind.BALANCES, tell="zero")
    empty = Desk(venue, balances=dict.fromkeys(desk.core.kind.balances, "0"))
    assert ask(desk, Endpoint.BALANCES) == ask(empty, Endpoint.BALANCES)
    desk.effect(desk.order())
    assert filled(desk) == Decimal("0.5")


@pytest.mark.parametrize("venue", VENUES)
def test_a_stale_book_is_told_while_orders_meet_the_real_one(venue: str) -> None:
    """DEPTH shows the book of the fault's beginning; an order trades with the present book."""
    desk = Desk(venue)
    desk.fault(FaultKind.STALE_BOOK)
    desk.books.write(T0 + 1, bids=(("77.0", "1"),), asks=(("78.5", "1"),))
    desk.now = T0 + 2
    assert b"78.5" not in ask(desk, Endpoint.DEPTH)
    desk.effect(desk.order())
    assert [trade.price for trade in desk.core.ledger.trades] == [Decimal("78.5")]
    desk.core.clear(desk.now)
    assert b"78.5" in ask(desk, Endpoint.DEPTH)


@pytest.mark.parametrize("venue", TELLING)
def test_the_status_can_lie_both_ways(venue: str) -> None:
    """STATUS says normal in maintenance, or maintenance while all works; what an order meets is the truth."""
    normal, broken, liar, alarmist = (Desk(venue) for _ in range(4))
    for desk in (broken, liar):
        desk.fault(FaultKind.MODE, mode="maintenance")
    liar.fault(FaultKind.STATUS_LIE, tell="normal")
    alarmist.fault(FaultKind.STATUS_LIE, tell="maintenance")
    told = [ask(desk, Endpoint.STATUS) for desk in (normal, broken, liar, alarmist)]
    assert told[0] == told[2] != told[1] == told[3]
    for desk in (liar, alarmist):
        desk.effect(desk.order())
    assert (filled(liar), filled(alarmist)) == (Decimal(0), Decimal("0.5"))


@pytest.mark.parametrize("venue", [name for name in VENUES if name not in TELLING])
def test_a_venue_without_a_status_cannot_lie_with_it(venue: str) -> None:
    """Where no maintenance is documented, the fault is refused with the reason."""
    with pytest.raises(FaultError, match="has no status that could lie"):
        Desk(venue).fault(FaultKind.STATUS_LIE, tell="normal")


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("seconds", [-90.0, 90.0])
def test_a_wrong_clock_is_wrong_in_all_it_tells(venue: str, seconds: float) -> None:
    """Time call and stamps are those of a venue that lives at another time; the ledger keeps the true one."""
    desk, elsewhere = Desk(venue), Desk(venue)
    desk.fault(FaultKind.CLOCK, seconds=seconds)
    elsewhere.now = T0 + seconds
    assert ask(desk, Endpoint.TIME) == ask(elsewhere, Endpoint.TIME)
    elsewhere.effect(elsewhere.order())
    order = elsewhere.order()  # signed at the time that the venue's clock shows
    first = answer(desk.effect(order))
    assert filled(desk) == Decimal("0.5"), first.body
    assert desk.core.ledger.orders[0].at == T0
    assert desk.core.ledger.trades[0].at == T0
    desk.core.clear(desk.now)
    assert ask(desk, Endpoint.TIME) == ask(Desk(venue), Endpoint.TIME)


def test_a_wrong_clock_refuses_good_timestamps() -> None:
    """A caller whose clock is right is refused by a venue whose clock is not, and passes when the fault ends."""
    desk = Desk("binance")
    desk.core.inject(Fault(FaultKind.CLOCK, length=10, params={"seconds": 30}), desk.now)
    assert b"-1021" in answer(desk.effect(desk.order())).body
    assert desk.core.ledger.orders == ()
    desk.now += 10
    desk.effect(desk.order())
    (row,) = desk.json(*CALLS["binance"][Endpoint.TRADES])
    assert row["time"] == round((T0 + 10) * 1000)


def test_stamps_of_a_wrong_clock_stay() -> None:
    """What happened while the clock was wrong keeps its stamps, and is found as soon as it really happened."""
    desk = Desk("kraken")
    desk.fault(FaultKind.CLOCK, seconds=600)
    desk.effect(desk.order())
    desk.core.clear(desk.now)
    (row,) = desk.json(*CALLS["kraken"][Endpoint.TRADES])["result"]["trades"].values()
    assert row["time"] == T0 + 600


@pytest.mark.parametrize(
    ("kind", "endpoints", "changes", "text"),
    [
        (FaultKind.STORM, frozenset(), {"p": 0.5}, "counts requests itself"),
        (FaultKind.STORM, frozenset(), {"count": 2}, "counts requests itself"),
        (FaultKind.STORM, frozenset(), {"params": {"ban_s": 0}}, "ban_s must be"),
        (FaultKind.LATE, frozenset({Endpoint.QUERY}), {}, "late is a fault of PLACE"),
        (FaultKind.BALANCES, frozenset(), {}, "tell must be"),
        (FaultKind.BALANCES, frozenset({Endpoint.TIME}), {"params": {"tell": "zero"}}, "a fault of BALANCES"),
        (FaultKind.STALE_BOOK, frozenset({Endpoint.TIME}), {}, "a fault of DEPTH"),
        (FaultKind.STATUS_LIE, frozenset(), {"params": {"tell": "holiday"}}, "tell must be one of"),
        (FaultKind.CLOCK, frozenset(), {"params": {"seconds": 4000}}, "seconds must be a number from -3600"),
        (FaultKind.CLOCK, frozenset(), {"p": 0.5, "params": {"seconds": 4}}, "concerns the whole venue"),
    ],
)
def test_a_state_that_makes_no_sense_is_refused(
    kind: FaultKind, endpoints: frozenset[Endpoint], changes: dict[str, object], text: str
) -> None:
    """A wrong fault is told at once, in words."""
    fault = Fault(kind, endpoints, **changes)  # type: ignore[arg-type]
    with pytest.raises(FaultError, match=text):
        arm(fault, KINDS["binance"])


def test_lies_strike_a_share_of_the_calls() -> None:
    """A fault of what is told can come and go: p and count work as for any other."""
    desk = Desk("firi")
    desk.core.inject(Fault(FaultKind.BALANCES, count=2, params={"tell": "zero"}), desk.now)
    ask(desk, Endpoint.TIME)
    empty = ask(Desk("firi", balances=dict.fromkeys(desk.core.kind.balances, "0")), Endpoint.BALANCES)
    assert [ask(desk, Endpoint.BALANCES) == empty for _ in range(3)] == [True, True, False]
    assert isinstance(desk.effect(desk.order()), Respond)
