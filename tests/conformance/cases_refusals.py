"""What answers prove: refusals, outcome classes, restricted modes, broken connections, malformed answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from backend.domain.errors import VenueCallFailed
from backend.domain.orders import OrderStatus, Side
from backend.domain.outcomes import Accepted, Outcome, ProvenNotExecuted, Unknown
from backend.domain.reasons import HealthClass, RejectReason, UnknownReason
from backend.emulator.faults import FaultKind
from backend.emulator.wire import Endpoint
from tests.conformance.desk import TIMEOUTS, Desk
from tests.conformance.needs import Need
from tests.conformance.nonsense import MALFORMED, NOT_READABLE, WITHOUT_ID, Nonsense
from tests.conformance.registry import Group, case
from tests.e2e.test_answers import MORE_CAREFUL

FUTURE_S = 70.0
"""Longer than any hang of the emulator."""


_ANSWERED: dict[tuple[str, bool], Mapping[str, Outcome]] = {}
"""By venue and whether the errors are definite ones: several cases look at the same answers."""


async def answered(desk: Desk, *, definite: bool) -> Mapping[str, Outcome]:
    """The outcome of a place for each error answer of the venue's list, definite ones or the others. None executed."""
    key = (desk.venue, definite)
    if key not in _ANSWERED:
        _ANSWERED[key] = await _asked(desk, definite=definite)
        assert desk.orders == ()
    return _ANSWERED[key]


async def _asked(desk: Desk, *, definite: bool, executed: bool = False) -> Mapping[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    for name in (name for name, error in desk.kind.errors.items() if error.definite is definite):
        adapter = await desk.fresh_adapter()
        desk.at_place(FaultKind.STATUS, name=name, **({"executed": True} if executed else {}))
        outcomes[name] = await desk.send(desk.order(price="90", quantity="0.1"), adapter)
        desk.clear()
    return outcomes


def proofs(outcomes: Mapping[str, Outcome], *reasons: RejectReason) -> list[ProvenNotExecuted]:
    return [o for o in outcomes.values() if isinstance(o, ProvenNotExecuted) and o.reason in reasons]


# --- Refusals and outcome classes -----------------------------------------------------------------------------------


@case(83, Group.REFUSALS)
async def insufficient_funds(desk: Desk) -> None:
    """More than the account has is refused by that name, for a buy and for a sell."""
    desk.emulator.set_balances(desk.venue, {desk.market.quote: Decimal(10), desk.market.base: Decimal("0.1")})
    for changes in ({}, {"side": Side.SELL}):
        outcome = await desk.place(**changes)
        assert isinstance(outcome, ProvenNotExecuted), outcome
        assert (outcome.reason, outcome.health) == (RejectReason.INSUFFICIENT_FUNDS, HealthClass.OURS)
    assert desk.orders == ()


@case(84, Group.REFUSALS)
async def unknown_symbol(desk: Desk) -> None:
    """A market that the venue does not know any more is refused by that name."""
    listed = await desk.adapter.instruments()
    gone = replace(listed[desk.symbol], native_id="XYZ" + desk.market.native[3:])
    desk.adapter._instruments = {**listed, desk.symbol: gone}
    outcome = await desk.place()
    assert isinstance(outcome, ProvenNotExecuted), outcome
    assert (outcome.reason, outcome.health) == (RejectReason.UNKNOWN_SYMBOL, HealthClass.OURS)


@case(85, Group.REFUSALS)
async def definite_errors(desk: Desk) -> None:
    """Every documented refusal is a proof, apart from those that are listed as taken more carefully."""
    outcomes = await answered(desk, definite=True)
    doubted = {name for name, outcome in outcomes.items() if not isinstance(outcome, ProvenNotExecuted)}
    assert doubted == {name for venue, name in MORE_CAREFUL if venue == desk.venue}
    assert not any(isinstance(outcome, Accepted) for outcome in outcomes.values())


@case(86, Group.REFUSALS)
async def ambiguous_errors(desk: Desk) -> None:
    """No other error answer is a proof."""
    outcomes = await answered(desk, definite=False)
    assert outcomes
    assert all(isinstance(outcome, Unknown) for outcome in outcomes.values())


@case(87, Group.REFUSALS)
async def error_although_executed(desk: Desk) -> None:
    """No other error answer is a proof when the order executed behind it; each was sent once."""
    outcomes = await _asked(desk, definite=False, executed=True)
    assert all(isinstance(outcome, Unknown) for outcome in outcomes.values())
    assert len(desk.orders) == len(outcomes)


@case(88, Group.REFUSALS)
async def limited(desk: Desk) -> None:
    """A rate limit is a proof, and says of the venue's health that we are limited."""
    found = proofs(await answered(desk, definite=True), RejectReason.RATE_LIMITED)
    assert found
    assert {outcome.health for outcome in found} == {HealthClass.LIMITED}


@case(89, Group.REFUSALS, Need.BAN)
async def banned(desk: Desk) -> None:
    """A ban is a proof of its own name."""
    found = proofs(await answered(desk, definite=True), RejectReason.BANNED)
    assert found
    assert {outcome.health for outcome in found} == {HealthClass.LIMITED}


@case(90, Group.REFUSALS)
async def ours(desk: Desk) -> None:
    """What is wrong with our keys, funds, permissions or amounts is told as ours, and never as the venue's fault."""
    own = (
        RejectReason.AUTHENTICATION,
        RejectReason.PERMISSION,
        RejectReason.INSUFFICIENT_FUNDS,
        RejectReason.INVALID_REQUEST,
        RejectReason.UNDER_MINIMUM,
        RejectReason.UNKNOWN_SYMBOL,
        RejectReason.CLOCK,
    )
    found = proofs(await answered(desk, definite=True), *own)
    assert {outcome.reason for outcome in found} >= {RejectReason.AUTHENTICATION, RejectReason.INSUFFICIENT_FUNDS}
    assert {outcome.health for outcome in found} == {HealthClass.OURS}


@case(91, Group.REFUSALS)
async def server_errors(desk: Desk) -> None:
    """Any 5xx without a row of its own is unknown, whatever its body says, even words that are a refusal elsewhere."""
    refusal = next(e for e in desk.kind.errors.values() if e.definite and e.content_type == "application/json")
    for status in (500, 501, 502, 503, 504, 520, 523, 524, 530, 599):
        desk.at_place(FaultKind.BODY, status=status, body=refusal.body)
        outcome = await desk.send(desk.order(), await desk.fresh_adapter())
        assert isinstance(outcome, Unknown), (status, outcome)
        assert outcome.health is HealthClass.UNKNOWN
    assert desk.orders == ()


@case(92, Group.REFUSALS)
async def unlisted_errors(desk: Desk) -> None:
    """A refusal with a code or a name that nobody has documented is unknown."""
    body = '{"code":-98765,"msg":"new words","name":"NewWords","error":["ENew:words"],"retCode":98765,"data":[]}'
    for status in (200, 400, 401, 404, 409, 422):
        desk.at_place(FaultKind.BODY, status=status, body=body)
        assert isinstance(await desk.send(desk.order(), await desk.fresh_adapter()), Unknown), status


@case(93, Group.REFUSALS)
async def pages_of_others(desk: Desk) -> None:
    """A page with 400 or 404 is somebody else's answer, and unknown."""
    for status in (400, 404):
        desk.at_place(FaultKind.BODY, status=status, body="<html>who?</html>", content_type="text/html")
        assert isinstance(await desk.place(), Unknown), status


# --- Restricted modes -----------------------------------------------------------------------------------------------


async def refused_by_mode(desk: Desk, mode: str) -> None:
    desk.fault(FaultKind.MODE, mode=mode)
    outcome = await desk.place()
    assert isinstance(outcome, ProvenNotExecuted), outcome
    assert outcome.health is HealthClass.MODE
    assert outcome.reason in (RejectReason.VENUE_MODE, RejectReason.MARKET_CLOSED)


@case(94, Group.MODES, Need.MAINTENANCE)
async def maintenance(desk: Desk) -> None:
    """In maintenance an order is refused, which is a proof, and tells the mode."""
    await refused_by_mode(desk, "maintenance")
    assert desk.orders == ()


@case(95, Group.MODES, Need.CANCEL_ONLY)
async def cancel_only(desk: Desk) -> None:
    """In cancel-only mode an order is refused, and a resting one can be looked up and cancelled."""
    ref = await desk.resting()
    await refused_by_mode(desk, "cancel_only")
    assert (await desk.report(ref)).status is OrderStatus.OPEN
    assert (await desk.adapter.cancel_order(ref)).done


@case(96, Group.MODES, Need.POST_ONLY)
async def post_only(desk: Desk) -> None:
    """In post-only mode an order that takes is refused."""
    await refused_by_mode(desk, "post_only")
    assert desk.orders == ()


@case(97, Group.MODES, Need.MAINTENANCE)
async def after_maintenance(desk: Desk) -> None:
    """After maintenance orders are taken again, without a new adapter."""
    await refused_by_mode(desk, "maintenance")
    desk.clear()
    assert isinstance(await desk.place(), Accepted)


# --- Broken connections ---------------------------------------------------------------------------------------------


def unknown(outcome: Outcome, *reasons: UnknownReason) -> None:
    assert isinstance(outcome, Unknown), outcome
    assert outcome.reason in reasons, outcome
    assert outcome.evidence.headers_written


@case(98, Group.NETWORK)
async def refused_connection(desk: Desk) -> None:
    """A refused connection proves that no byte left, and is the venue's fault."""
    await desk.refuse()
    outcome = await desk.place()
    assert isinstance(outcome, ProvenNotExecuted), outcome
    assert (outcome.reason, outcome.health) == (RejectReason.NOT_SENT, HealthClass.FAILED)
    assert not outcome.evidence.headers_written
    desk.clear()
    assert desk.orders == ()


@case(99, Group.NETWORK)
async def reset_before(desk: Desk) -> None:
    """A connection that is reset before the order took effect is unknown, and nothing is sent again."""
    desk.at_place(FaultKind.RESET, when="before")
    unknown(await desk.place(), UnknownReason.CONNECTION_LOST)
    assert (len(desk.tap.sent), desk.orders) == (1, ())


@case(100, Group.NETWORK)
async def reset_after(desk: Desk) -> None:
    """A connection that is reset after the order took effect is unknown, and nothing is sent again."""
    desk.at_place(FaultKind.RESET, when="after")
    unknown(await desk.place(), UnknownReason.CONNECTION_LOST)
    assert (len(desk.tap.sent), len(desk.orders)) == (1, 1)


@case(101, Group.NETWORK)
async def reset_of_a_used_connection(desk: Desk) -> None:
    """The same on a connection that carried answers before, where HTTP libraries like to repeat."""
    await desk.adapter.balances()
    for when, orders in (("before", 0), ("after", 1)):
        sent = len(desk.tap.sent)
        desk.at_place(FaultKind.RESET, when=when)
        unknown(await desk.place(), UnknownReason.CONNECTION_LOST)
        assert (len(desk.tap.sent), len(desk.orders)) == (sent + 1, orders)


@case(102, Group.NETWORK)
async def silence_before(desk: Desk) -> None:
    """Silence ends with the time-out and is unknown, though the order never took effect."""
    desk.at_place(FaultKind.HANG, when="before")
    began = desk.clock.now()
    unknown(await desk.place(), UnknownReason.TIMEOUT)
    assert desk.clock.now() - began <= TIMEOUTS.place_s
    await desk.pass_time(FUTURE_S)
    assert desk.orders == ()


@case(103, Group.NETWORK)
async def silence_after(desk: Desk) -> None:
    """The same, though the order did take effect."""
    desk.at_place(FaultKind.HANG, when="after")
    unknown(await desk.place(), UnknownReason.TIMEOUT)
    assert desk.executed == Decimal("0.5")


@case(104, Group.NETWORK)
async def slow_answer(desk: Desk) -> None:
    """A slow answer within the time-out is an answer."""
    desk.at_place(FaultKind.LATENCY, seconds=TIMEOUTS.place_s - 0.5, stage="answer")
    assert isinstance(await desk.place(), Accepted)


@case(105, Group.NETWORK)
async def answer_after_the_timeout(desk: Desk) -> None:
    """An answer that comes after the time-out changes nothing: unknown it stays, and the next call is not mixed up."""
    desk.at_place(FaultKind.LATENCY, seconds=TIMEOUTS.place_s + 0.5, stage="answer")
    unknown(await desk.place(), UnknownReason.TIMEOUT)
    await desk.pass_time(1)
    second = await desk.place(price="90")
    assert isinstance(second, Accepted)
    assert second.venue_order_id == desk.orders[-1].order_id


@case(106, Group.NETWORK)
async def closed_between_calls(desk: Desk) -> None:
    """A connection that the venue closed meanwhile is replaced; the order goes out once and is accepted."""
    await desk.adapter.balances()
    await desk.refuse()
    desk.clear()
    await desk.pass_time(0.1)
    sent = len(desk.tap.sent)
    assert isinstance(await desk.place(), Accepted)
    assert (len(desk.tap.sent) - sent, len(desk.orders)) == (1, 1)


# --- Malformed answers ----------------------------------------------------------------------------------------------


def malformed(number: int, what: str, params: Nonsense) -> None:
    """Registers a case: the order executed, the answer is nonsense."""

    async def body(desk: Desk) -> None:
        desk.nonsense(params, Endpoint.PLACE, when="after")
        outcome = await desk.place()
        assert isinstance(outcome, Unknown), outcome
        assert (len(desk.tap.sent), len(desk.orders)) == (1, 1)
        assert len(str(outcome.evidence)) < 500

    case(number, Group.ANSWERS, title=f"{what}: unknown although executed, sent once.")(body)


for place, (what, params) in enumerate(MALFORMED.items()):
    malformed(107 + place, what, params)


@case(124, Group.ANSWERS)
async def success_without_an_id(desk: Desk) -> None:
    """HTTP 200 with words of success and no order id: unknown although executed, each sent once."""
    for number, body in enumerate(WITHOUT_ID, start=1):
        desk.at_place(FaultKind.BODY, body=body, when="after")
        outcome = await desk.place(price="90", quantity="0.1")
        assert isinstance(outcome, Unknown), (body, outcome)
        assert (len(desk.tap.sent), len(desk.orders)) == (number, number)


@case(125, Group.ANSWERS)
async def half_characters(desk: Desk) -> None:
    """Halves of characters in the words of an error end in no exception and can be stored."""
    body = '{"code":-1,"msg":"\\ud83d","name":"\\ud83d","message":"\\ud800","error":["E\\ud83d:x"],"retMsg":"\\ud83d"}'
    desk.at_place(FaultKind.BODY, status=400, body=body)
    outcome = await desk.place()
    assert isinstance(outcome, Unknown), outcome
    str(outcome.evidence).encode()


@case(126, Group.ANSWERS)
async def nonsense_everywhere(desk: Desk) -> None:
    """Malformed answers to every read and to a cancel raise one kind of error and leave the adapter usable."""
    ref, adapter = await desk.resting(), desk.adapter
    reads: tuple[Callable[[], Awaitable[object]], ...] = (
        adapter.health,
        adapter.balances,
        lambda: adapter.order_book(desk.symbol),
        lambda: adapter.get_order(ref),
        lambda: adapter.open_orders(desk.symbol),
        lambda: adapter.my_trades(desk.symbol, venue_order_id=ref.venue_order_id),
        lambda: adapter.cancel_order(ref),
    )
    for params in NOT_READABLE:
        desk.nonsense(params, *(frozenset(Endpoint) - {Endpoint.MARKETS}))
        for read in reads:
            with pytest.raises(VenueCallFailed):
                await read()
        desk.clear()
    assert (await desk.report(ref)).status is OrderStatus.OPEN
