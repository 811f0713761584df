"""Venues that count requests, and keys with more or fewer permissions."""

from __future__ import annotations

import asyncio
import json
from random import Random

import pytest

from backend.emulator.core import VenueCore
from backend.emulator.dialect import VenueKind
from backend.emulator.host import Emulator
from backend.emulator.limits import Limit, Limiter, Tell, Throttle
from backend.emulator.registry import KINDS
from backend.emulator.wire import Answer, Endpoint
from tests.emulator.calls import CALLS
from tests.emulator.kit import T0, Desk, answer

BALANCES, TIME, PLACE = Endpoint.BALANCES, Endpoint.TIME, Endpoint.PLACE


def counting(venue: str) -> Desk:
    """A venue that holds requests against its limits."""
    desk = Desk(venue)
    rng = Random(1)  # noqa: S311 - repeatable, guards nothing
    desk.core = VenueCore(desk.core.kind, keys=desk.keys, books=desk.books, rng=rng, limits=True)
    return desk


def place(desk: Desk, **changes: str) -> Answer:
    return answer(desk.effect(desk.order(**changes)))


def test_binance_tells_the_weight_that_is_used_and_forgets_it_every_minute() -> None:
    """Each answer carries the weight of the present minute."""
    desk = counting("binance")
    desk.now = T0 + 20  # a minute of the clock begins here
    weights = [desk.ask(*CALLS["binance"][endpoint]).headers for endpoint in (TIME, BALANCES, BALANCES)]
    assert weights == [(("X-MBX-USED-WEIGHT-1M", used),) for used in ("1", "21", "41")]
    desk.now += 60
    assert desk.ask(*CALLS["binance"][TIME]).headers == (("X-MBX-USED-WEIGHT-1M", "1"),)


def test_binance_counts_orders_and_refuses_the_one_too_many() -> None:
    """A hundred orders in ten seconds; the next waits for the end of the ten seconds, as Retry-After tells."""
    desk = counting("binance")
    for number in range(1, 101):
        placed = place(desk, newClientOrderId=f"a-{number}")
        assert placed.status == 200
        assert dict(placed.headers)["X-MBX-ORDER-COUNT-10S"] == str(number)
    desk.now += 7.5
    refused = place(desk)
    assert refused.status == 429
    assert b'"code":-1015' in refused.body
    assert dict(refused.headers)["Retry-After"] == "3"
    assert len(desk.core.ledger.orders) == 100
    desk.now += 2.5
    assert dict(place(desk).headers)["X-MBX-ORDER-COUNT-10S"] == "1"


def test_who_ignores_the_limit_is_banned() -> None:
    """So many refusals in a row end in the venue's ban, which ends by itself."""
    desk = counting("binance")
    throttle = desk.core.kind.throttle
    assert throttle is not None
    statuses = [desk.ask(*CALLS["binance"][BALANCES]).status for _ in range(300 + throttle.ban_after + 2)]
    assert statuses == [200] * 300 + [429] * throttle.ban_after + [418] * 2
    desk.now += throttle.ban_s
    assert desk.ask(*CALLS["binance"][BALANCES]).status == 200


def test_kraken_has_a_counter_that_runs_empty_and_no_headers() -> None:
    """Twenty balance calls at once, then one per second; placing and public calls are not counted with them."""
    desk = counting("kraken")
    answers = [desk.ask(*CALLS["kraken"][BALANCES]) for _ in range(21)]
    assert [b"EAPI:Rate limit exceeded" in one.body for one in answers] == [False] * 20 + [True]
    assert answers[0].headers == answers[20].headers == ()
    assert b"txid" in place(desk).body
    assert b"unixtime" in desk.ask(*CALLS["kraken"][TIME]).body
    desk.now += 1
    assert b'"error":[]' in desk.ask(*CALLS["kraken"][BALANCES]).body
    assert b"Rate limit" in desk.ask(*CALLS["kraken"][BALANCES]).body


@pytest.mark.parametrize("venue", list(KINDS))
def test_a_venue_counts_nothing_unless_it_is_told_to(venue: str) -> None:
    """By default a client may ask as often as it likes and sees no header of a limit."""
    desk = Desk(venue)
    answers = [desk.ask(*CALLS[venue][BALANCES]) for _ in range(400)]
    first = desk.core.kind.throttle
    names = {name for limit in (first.limits if first else ()) for name, _ in limit.headers}
    assert {one.status for one in answers} == {200}
    assert not names & {name for one in answers for name, _ in one.headers}


def test_headers_can_tell_what_is_left_and_when_it_is_reset() -> None:
    """Venues differ in what they tell: used or left, the limit, the moment or the time until it is forgotten."""
    headers = (("Left", Tell.LEFT), ("Most", Tell.MOST), ("At", Tell.RESET_AT_MS), ("In", Tell.RESET_IN_MS))
    limit = Limit("slow", 5, {PLACE: 2}, window_s=10.0, headers=headers)
    limiter = Limiter(Throttle("slow", limits=(limit,)))
    verdict = limiter.take(PLACE, T0 + 4)
    told = {"Left": "3", "Most": "5", "At": str(round((T0 + 10) * 1000)), "In": "6000"}
    assert dict(verdict.headers) == told
    assert limiter.take(TIME, T0 + 4).headers == ()
    assert limiter.take(PLACE, T0 + 5).over is None
    verdict = limiter.take(PLACE, T0 + 6)
    assert (verdict.over, verdict.wait_s) == (limit, 4.0)
    assert limiter.take(PLACE, T0 + 10).over is None


def test_a_steady_counter_says_how_long_to_wait() -> None:
    """What runs empty steadily has room for the next request when enough has gone."""
    limiter = Limiter(Throttle("slow", limits=(Limit("slow", 4, {PLACE: 2}, decay_per_s=0.5),)))
    assert [limiter.take(PLACE, T0).over is None for _ in range(3)] == [True, True, False]
    assert limiter.take(PLACE, T0 + 1).wait_s == 3.0
    assert limiter.take(PLACE, T0 + 4).over is None


def keyed(venue: str, permissions: str | None) -> Desk:
    """A venue whose one key has these permissions."""
    desk = Desk(venue)
    keys = dict(desk.keys) if permissions is None else {**desk.keys, "permissions": permissions}
    rng = Random(1)  # noqa: S311 - repeatable, guards nothing
    desk.core = VenueCore(desk.core.kind, keys=keys, books=desk.books, rng=rng)
    return desk


@pytest.mark.parametrize(
    ("permissions", "withdraw"), [(None, False), ("trade", False), ("trade,withdraw", True), ("withdraw", True)]
)
def test_binance_tells_whether_a_key_may_withdraw(permissions: str | None, withdraw: bool) -> None:
    """apiRestrictions is the call by which a client sees what its key may do; it must be signed."""
    desk = keyed("binance", permissions)
    told = desk.json("GET", "/sapi/v1/account/apiRestrictions")
    assert told["enableWithdrawals"] is withdraw
    assert told["enableReading"] is told["enableSpotAndMarginTrading"] is True
    assert desk.get("/sapi/v1/account/apiRestrictions")["code"] == -2014


async def test_the_emulator_hands_out_keys_and_counts_as_it_is_told() -> None:
    """By name a venue's key may withdraw, which only the venue itself tells; limits are on for all venues or none."""
    free, bound = (
        Emulator(seed=1, now=lambda: T0, sleep=asyncio.sleep, withdrawing=who, limits=limits)
        for who, limits in (((), False), (("binance",), True))
    )
    for emulator, may, header in ((free, False, False), (bound, True, True)):
        desk = Desk("binance")
        desk.keys = dict(emulator.credentials["binance"])
        assert "permissions" not in desk.keys
        desk.core = emulator._server("binance").core
        told = desk.ask("GET", "/sapi/v1/account/apiRestrictions")
        assert json.loads(told.body)["enableWithdrawals"] is may
        assert ("X-MBX-USED-WEIGHT-1M" in dict(told.headers)) is header


def test_limits_need_a_kind_that_describes_them() -> None:
    """Counting at a venue without described limits is the same as not counting."""
    kind: VenueKind = KINDS["firi"]
    assert kind.throttle is not None
    assert kind.throttle.limits == ()
    desk = counting("firi")
    assert {desk.ask(*CALLS["firi"][BALANCES]).status for _ in range(200)} == {200}
