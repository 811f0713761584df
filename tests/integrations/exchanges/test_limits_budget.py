"""The decision about one more call: tables, and the properties that hold for every history."""

from __future__ import annotations

from itertools import accumulate, pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.limits import CallKind, Pool, PoolShape, VenueLimits, plain_limits
from backend.integrations.exchanges.factory import rules_of
from backend.integrations.exchanges.shared.budget import ARRIVAL_SPREAD_S, SLOTS, Budget, Need

K = CallKind
LIMIT, PERIOD = 20, 10.0
SPAN = PERIOD + ARRIVAL_SPREAD_S
RESERVED = {K.CANCEL: 3, K.ORDER: 6, K.LOOKUP: 2}
ROOM = {K.CANCEL: 20, K.ORDER: 17, K.LOOKUP: 11, K.HEALTH: 9, K.READ: 9, K.WATCH: 4}


def budget(shape: PoolShape = PoolShape.WINDOW, limit: float = LIMIT) -> Budget:
    return Budget(VenueLimits(pools=(Pool("all", limit, PERIOD, shape, RESERVED),)))


def need(kind: CallKind, cost: float = 1) -> Need:
    return Need(kind, (("all", cost),))


@pytest.mark.parametrize("shape", list(PoolShape))
@pytest.mark.parametrize("kind", list(CallKind))
def test_each_kind_may_fill_a_pool_up_to_its_room(shape: PoolShape, kind: CallKind) -> None:
    """What is reserved for the more urgent kinds stays free."""
    held = budget(shape)
    count = 0
    while held.free_at(need(kind), 0.0) <= 0.0:
        held.take(need(kind), 0.0)
        count += 1
    assert count == ROOM[kind]


def test_a_window_gives_back_when_its_time_is_over() -> None:
    """Not before, and then all that was taken at once."""
    held = budget()
    held.take(need(K.READ, 9), 100.0)
    assert held.free_at(need(K.READ), 105.0) == 100.0 + SPAN
    assert held.free_at(need(K.READ), 100.0 + SPAN) == 100.0 + SPAN
    assert held.used("all", 100.0 + SPAN) == 0


def test_a_counter_drains_evenly() -> None:
    """Two units a second of twenty in ten seconds."""
    held = budget(PoolShape.COUNTER)
    held.take(need(K.READ, 9), 100.0)
    assert held.free_at(need(K.READ), 100.0) == pytest.approx(100.5)
    assert held.used("all", 102.0) == pytest.approx(5)
    assert held.used("all", 200.0) == 0


def test_a_call_that_never_fits_is_told_so() -> None:
    """No wait is long enough for more than the room."""
    for shape in PoolShape:
        assert budget(shape).free_at(need(K.READ, 10), 0.0) == inf


def test_the_venues_count_is_followed_when_it_is_higher() -> None:
    """Somebody else uses the same key: what is theirs counts as if it were ours, and ends as ours does."""
    held = budget()
    held.take(need(K.ORDER, 4), 0.0)
    held.told("all", 3, 1.0)
    assert held.used("all", 1.0) == 4
    held.told("all", 9, 1.0)
    assert held.used("all", 1.0) == 9
    assert held.free_at(need(K.READ), 1.0) > 1.0
    assert held.free_at(need(K.ORDER), 1.0) == 1.0
    assert held.used("all", SPAN) == 5
    assert held.used("all", 1.0 + SPAN) == 0


def test_an_absurd_count_fills_the_pool_and_no_more() -> None:
    """A header cannot close a pool for longer than its period."""
    held = budget()
    held.told("all", 1e18, 0.0)
    assert held.used("all", 0.0) == LIMIT
    assert held.free_at(need(K.READ), 0.0) == SPAN


@pytest.mark.parametrize(("left", "used"), [(20, 0), (13, 7), (0, 20), (4000, 0)])
def test_what_is_left_is_measured_against_our_limit(left: float, used: float) -> None:
    """A venue that grants us more than its plain limit is not taken at that."""
    held = budget()
    held.left("all", left, 0.0)
    assert held.used("all", 0.0) == used


def test_a_closing_ends_at_the_latest_end_told() -> None:
    """A second refusal may prolong it; an earlier end does not open again."""
    held = budget()
    assert held.closed(need(K.ORDER), 0.0) is None
    held.close((), 30.0, "429")
    held.close((), 10.0, "418")
    assert held.closed(need(K.ORDER), 29.9) == (30.0, "429")
    assert held.closed(need(K.ORDER), 30.0) is None


def test_a_closed_pool_closes_only_what_needs_it() -> None:
    """Too many orders are no reason not to read."""
    held = Budget(plain_limits(VenueLimits(), (5, 1.0), (5, 1.0)))
    held.close(("orders",), 30.0, "too many orders")
    assert held.closed(held.need(K.ORDER, "POST order"), 1.0) is not None
    assert held.closed(held.need(K.CANCEL, "DELETE order"), 1.0) is not None
    assert held.closed(held.need(K.READ, "GET depth"), 1.0) is None


def test_a_call_costs_by_its_name_or_else_by_its_kind() -> None:
    """And what is not listed costs nothing."""
    limits = VenueLimits(
        pools=(Pool("w", 100, 1.0), Pool("o", 5, 1.0)), costs={"w": {K.READ: 5, "GET all": 20}, "o": {K.ORDER: 1}}
    )
    held = Budget(limits)
    assert held.need(K.READ, "GET depth").costs == (("w", 5),)
    assert held.need(K.LOOKUP, "GET all").costs == (("w", 20),)
    assert held.need(K.ORDER, "POST order").costs == (("o", 1),)
    assert held.need(K.HEALTH, "GET time").costs == ()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Pool("p", 0, 1.0),
        lambda: Pool("p", 5, 0.0),
        lambda: Pool("p", 5, 1.0, reserved={K.CANCEL: 5}),
        lambda: VenueLimits(pools=(Pool("p", 5, 1.0),), costs={"q": {K.READ: 1}}),
        lambda: VenueLimits(pools=(Pool("p", 5, 1.0),), costs={"p": {K.READ: 6}}),
        lambda: VenueLimits(pools=(Pool("p", 5, 1.0, reserved={K.CANCEL: 3}),), costs={"p": {"GET x": 3}}),
    ],
)
def test_limits_that_never_let_somebody_go_are_refused(wrong: object) -> None:
    """A mistake in the data is seen when it is loaded, not when an order waits for ever."""
    with pytest.raises(ValueError, match=r"pool|cost"):
        wrong()  # type: ignore[operator]


def test_a_window_remembers_little() -> None:
    """However many calls there are, the state stays small."""
    held = budget(limit=1e9)
    for step in range(20_000):
        held.take(need(K.READ), step * SPAN / 20_000)
    assert len(held._pools["all"]._taken) <= SLOTS + 1  # type: ignore[union-attr]


STEPS = st.lists(
    st.tuples(
        st.floats(0, 4, allow_nan=False).map(lambda gap: round(gap, 3)),
        st.sampled_from(list(CallKind)),
        st.integers(1, 3),
    ),
    max_size=80,
)


@given(STEPS)
def test_no_window_ever_holds_more_than_the_rule(steps: list[tuple[float, CallKind, int]]) -> None:
    """Whatever is asked and whenever, no window holds more than the limit, and each kind keeps its room."""
    held, sent = budget(), []
    for now, (_, kind, cost) in zip(accumulate(gap for gap, _, _ in steps), steps, strict=True):
        if held.free_at(need(kind, cost), now) <= now:
            held.take(need(kind, cost), now)
            sent.append((now, kind, cost))
    for start, _, _ in sent:
        inside = [(kind, cost) for at, kind, cost in sent if start <= at < start + PERIOD]
        assert sum(cost for _, cost in inside) <= LIMIT
        assert sum(cost for kind, cost in inside if kind in (K.READ, K.HEALTH)) <= ROOM[K.READ]


@given(STEPS)
def test_a_counter_never_passes_its_limit(steps: list[tuple[float, CallKind, int]]) -> None:
    """Counted again by the venue's own arithmetic."""
    held, level, before = budget(PoolShape.COUNTER), 0.0, 0.0
    for now, (_, kind, cost) in zip(accumulate(gap for gap, _, _ in steps), steps, strict=True):
        level, before = max(0.0, level - (now - before) * LIMIT / PERIOD), now
        if held.free_at(need(kind, cost), now) <= now:
            held.take(need(kind, cost), now)
            level += cost
        assert level <= LIMIT + 1e-6


@pytest.mark.parametrize("shape", list(PoolShape))
@given(steps=STEPS)
def test_an_order_never_waits_for_reads(shape: PoolShape, steps: list[tuple[float, CallKind, int]]) -> None:
    """However much is read, an order that keeps to the room of orders goes at once; so does a cancel."""
    held = budget(shape)
    orders: list[tuple[float, int]] = []
    cancels: list[float] = []
    for now, (_, kind, cost) in zip(accumulate(gap for gap, _, _ in steps), steps, strict=True):
        if kind is K.ORDER:
            if sum(c for at, c in orders if at > now - 2 * SPAN) + cost > RESERVED[K.ORDER]:
                continue
            assert held.free_at(need(kind, cost), now) == now
            orders.append((now, cost))
        elif kind is K.CANCEL:
            if sum(at > now - 2 * SPAN for at in cancels) + 1 > RESERVED[K.CANCEL]:
                continue
            assert held.free_at(need(kind), now) == now
            cancels.append(now)
            held.take(need(kind), now)
            continue
        elif held.free_at(need(kind, cost), now) > now:
            continue
        held.take(need(kind, cost), now)


@pytest.mark.parametrize("shape", list(PoolShape))
@given(steps=STEPS)
def test_cancels_keep_their_room(shape: PoolShape, steps: list[tuple[float, CallKind, int]]) -> None:
    """Orders may take all that is theirs, and a cancel still goes at once."""
    held = budget(shape)
    for now, (_, kind, cost) in zip(accumulate(gap for gap, _, _ in steps), steps, strict=True):
        if kind is not K.CANCEL and held.free_at(need(kind, cost), now) <= now:
            held.take(need(kind, cost), now)
        assert held.free_at(need(K.CANCEL, RESERVED[K.CANCEL]), now) == now


@pytest.mark.parametrize("shape", list(PoolShape))
@given(steps=STEPS)
def test_the_time_named_is_the_first_that_fits(shape: PoolShape, steps: list[tuple[float, CallKind, int]]) -> None:
    """A call that comes back at the time it was told goes; a little earlier it would not."""
    held, now = budget(shape), 0.0
    for gap, kind, cost in steps:
        now += gap
        at = held.free_at(need(kind, cost), now)
        if at > now:
            assert held.free_at(need(kind, cost), max(now, at - 0.01)) > max(now, at - 0.01) - 1e-6
            now = at + 1e-6
            assert held.free_at(need(kind, cost), now) == now
        held.take(need(kind, cost), now)


def test_urgency_is_the_order_of_the_kinds() -> None:
    """Cancels before orders before look-ups before everything else."""
    urgencies = [kind.urgency for kind in (K.CANCEL, K.ORDER, K.LOOKUP, K.HEALTH, K.READ)]
    assert all(first < second for first, second in pairwise(urgencies))


@pytest.mark.parametrize(("limit", "part"), [(20, 10), (15, 7.5), (1, 1), (1.5, 1)])
@pytest.mark.parametrize("shape", list(PoolShape))
def test_looks_at_what_rests_have_half_of_a_pool(shape: PoolShape, limit: float, part: float) -> None:
    """And of what it gives back; except where half is less than one call: then nothing would ever be looked at."""
    watched = Pool("all", limit, PERIOD, shape).watched
    assert watched.limit == part
    if shape is PoolShape.COUNTER:
        assert watched.limit / watched.period_s == pytest.approx(limit / PERIOD / 2)


HOUR_S = 3600
WAIT_S_MAX = 0.5
BALANCES = {
    "binance": "GET account",
    "bybit": "GET v5/account/wallet-balance",
    "firi": "GET v2/balances",
    "kraken": "POST BalanceEx",
    "kucoin": "GET accounts",
    "okx": "GET account/balance",
}
LOOKS = {**dict.fromkeys(BALANCES, "GET one"), "binance": "GET order", "kraken": "POST QueryOrders"}
VENUES = tuple(BALANCES)


@pytest.mark.parametrize(("flood", "starved"), [(K.READ, K.WATCH), (K.WATCH, K.READ), (K.WATCH, K.LOOKUP)])
@pytest.mark.parametrize("venue", VENUES)
def test_neither_looks_nor_reads_starve_the_other(venue: str, flood: CallKind, starved: CallKind) -> None:
    """As many of the one as the limits let through, for an hour: the other, asked for twice a minute, has its turn each
    time at once. A resting order is looked at while orders are placed, and the other way round."""
    held = Budget(rules_of(venue).call_limits)
    calls = {K.READ: BALANCES[venue], K.WATCH: LOOKS[venue], K.LOOKUP: LOOKS[venue]}
    many, few = held.need(flood, calls[flood]), held.need(starved, calls[starved])
    waiting, longest = 0.0, 0.0
    for tick in range(HOUR_S * 2):
        now = tick / 2
        waiting = now if tick % 60 == 0 and not waiting else waiting
        if waiting and held.free_at(few, now) <= now:
            held.take(few, now)
            longest, waiting = max(longest, now - waiting), 0.0
        assert many.costs
        while held.free_at(many, now) <= now:
            held.take(many, now)
    assert longest <= WAIT_S_MAX


@pytest.mark.parametrize("venue", VENUES)
def test_other_users_of_an_address_do_not_stop_looks(venue: str) -> None:
    """The venue tells that a third of each pool is used, by whomever: the next look goes at once."""
    held = Budget(rules_of(venue).call_limits)
    look = held.need(K.WATCH, LOOKS[venue])
    for pool in held.limits.pools:
        held.told(pool.name, pool.limit / 3, 0.0)
    assert held.free_at(look, 0.0) <= 0.0


def test_a_look_at_what_rests_costs_what_a_look_up_costs() -> None:
    """By the call's name, or else by the kind that it is a part of."""
    pool = Pool("all", 100, PERIOD)
    limits = VenueLimits((pool,), {"all": {K.LOOKUP: 20, K.READ: 1, "GET order": 4}})
    assert limits.cost("all", K.WATCH, "GET order") == 4
    assert limits.cost("all", K.WATCH, "GET other") == 20
