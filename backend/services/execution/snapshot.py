"""Gathers what a decision about one venue needs. Every wait is here, so that the decision itself has none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from backend.domain.books import Book
from backend.domain.errors import KeyCanWithdraw, MissingCredentials, VenueCallFailed
from backend.domain.instruments import Instrument
from backend.domain.orders import Balance
from backend.domain.reasons import DropReason, HealthClass
from backend.domain.records import Drop, Equivalents
from backend.policies.candidate import Snapshot, judge_health
from backend.policies.live_health import cause_of
from backend.policies.pricing import listed_market
from backend.ports.clock import Clock
from backend.ports.exchange import ExchangeAdapter
from backend.services.health.board import HealthBoard

Listing = tuple[Instrument, Decimal]
"""A venue's market and its quote per unit of the intent's quote."""


@dataclass(frozen=True, slots=True)
class Venues:
    """The venues as the router sees them. ``adapter_of`` raises ConfigurationError for a name without an adapter."""

    adapter_of: Callable[[str], ExchangeAdapter]
    health: HealthBoard
    equivalents: Equivalents
    clock: Clock

    async def listing(self, adapter: ExchangeAdapter, symbol: str, *, ask_health: bool) -> Listing | Drop:
        """The venue's market for the symbol, if the venue is healthy and lists it. Its clock is asked for if an order
        needs to know it better."""
        venue = adapter.venue
        if ask_health:
            unhealthy = judge_health(venue, await self.health.verdict(venue))
            if unhealthy is not None:
                return unhealthy
        try:
            await adapter.warm()
            instruments = await adapter.instruments()
        except VenueCallFailed as error:
            return Drop(venue, DropReason.UNHEALTHY, f"markets not loaded: {error.problem}", cause_of(error))
        market = listed_market(symbol, instruments, tuple(self.equivalents.get(symbol, ())))
        if market is None:
            detail = f"{symbol} is not listed, and no equivalent of it is both configured and listed"
            return Drop(venue, DropReason.NOT_LISTED, detail)
        if not market[0].active:
            return Drop(venue, DropReason.NOT_LISTED, f"{market[0].symbol} does not trade at the moment")
        if await self.health.clocks.narrow(adapter.rules) and ask_health:
            # That took its time: what was known of the venue's health is older now, or was found out anew.
            return judge_health(venue, await self.health.verdict(venue)) or market
        return market

    async def quoted(self, adapter: ExchangeAdapter, listing: Listing) -> Snapshot | Drop:
        """Book and balances of a listed market, and what is known of the venue's clock: all that a decision needs. A
        key that can withdraw, or that nobody could ask about yet, sends nothing."""
        try:
            await adapter.check_key()
        except (KeyCanWithdraw, VenueCallFailed) as error:
            return Drop(adapter.venue, DropReason.UNSAFE_KEY, str(error))
        try:
            book, balances = await _both(adapter, listing[0].symbol)
        except _ReadFailed as failed:
            # What was known of its health is no longer believed: the next order asks.
            self.health.order_evidence(adapter.venue, HealthClass.FAILED)
            return Drop(adapter.venue, failed.reason, failed.detail)
        error_s = self.health.clocks.error_s(adapter.venue)
        return Snapshot(adapter.venue, adapter.rules, listing, book, balances, self.clock.now(), error_s)


class _ReadFailed(Exception):
    def __init__(self, reason: DropReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


async def _both(adapter: ExchangeAdapter, symbol: str) -> tuple[Book, Mapping[str, Balance]]:
    """Book and balances at once; the first failure ends both. Raises _ReadFailed."""
    try:
        async with asyncio.TaskGroup() as group:
            book = group.create_task(_book(adapter, symbol))
            balances = group.create_task(_balances(adapter))
    except* _ReadFailed as failures:
        first = failures.exceptions[0]
        raise first from None
    return book.result(), balances.result()


async def _book(adapter: ExchangeAdapter, symbol: str) -> Book:
    try:
        return await adapter.order_book(symbol)
    except VenueCallFailed as error:
        raise _ReadFailed(DropReason.BOOK_UNAVAILABLE, error.problem) from error


async def _balances(adapter: ExchangeAdapter) -> Mapping[str, Balance]:
    try:
        return await adapter.balances()
    except VenueCallFailed as error:
        raise _ReadFailed(DropReason.BALANCE_UNAVAILABLE, error.problem) from error
    except MissingCredentials as error:
        raise _ReadFailed(DropReason.MISSING_CREDENTIALS, str(error)) from error
