"""The emulated venues together: started, spoken to and stopped as one."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from decimal import Decimal
from random import Random
from types import MappingProxyType

from backend.emulator.accounts import Balance
from backend.emulator.books import BookSource, GeneratedBooks, UsdPrice
from backend.emulator.control import ControlServer
from backend.emulator.core import VenueCore
from backend.emulator.dialect import VenueKind
from backend.emulator.faults import Fault, FaultError
from backend.emulator.ledger import Ledger
from backend.emulator.market import EmulatedBounds
from backend.emulator.registry import KINDS
from backend.emulator.scenario import Phase
from backend.emulator.server import VenueServer


def generated_books(seed: int, venues: Sequence[str], usd: UsdPrice | None = None) -> GeneratedBooks:
    """Books for some of the emulated venues; ``usd`` replaces the invented price movement where it knows one."""
    kinds = {name: KINDS[name] for name in venues}
    shapes = {name: kind.shape for name, kind in kinds.items()}
    markets = {name: {market.symbol: market for market in kind.markets} for name, kind in kinds.items()}
    return GeneratedBooks(seed, shapes, markets, usd)


class Emulator:
    """Venues on loopback ports, each with its own protocol, account, books and faults.

    ``now`` gives epoch seconds of a clock that may run faster than the world; ``sleep`` sleeps in that clock's seconds.
    The seed decides books, faults and ids of orders; the keys are fresh at every start of the program.

    ``venues``: all of the registry, unless named. ``limits``: they count requests and refuse too many, as far as their
    folders describe that. ``withdrawing``: venues whose key may also withdraw.
    """

    def __init__(
        self,
        *,
        seed: int,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        books: BookSource | None = None,
        venues: Sequence[str] | None = None,
        balances: Mapping[str, Mapping[str, Decimal]] | None = None,
        limits: bool = False,
        withdrawing: Collection[str] = (),
    ) -> None:
        venues = tuple(KINDS) if venues is None else venues
        unknown = sorted({*venues, *withdrawing} - set(KINDS))
        if unknown:
            raise ValueError(f"no such emulated venue: {', '.join(unknown)}; there are: {', '.join(KINDS)}")
        kinds = {name: KINDS[name] for name in venues}
        self._now = now
        source = books or generated_books(seed, venues)
        self.credentials: Mapping[str, Mapping[str, str]] = MappingProxyType(
            {name: MappingProxyType(dict(kind.new_keys(secrets.token_bytes))) for name, kind in kinds.items()}
        )
        self._servers = {
            name: VenueServer(
                VenueCore(
                    kind,
                    keys={**self.credentials[name], "permissions": _permissions(name in withdrawing)},
                    books=source,
                    rng=Random(f"{seed}/{name}"),  # noqa: S311 - repeatable, guards nothing
                    balances=(balances or {}).get(name),
                    limits=limits,
                ),
                now=now,
                sleep=sleep,
            )
            for name, kind in kinds.items()
        }
        self._control = ControlServer(self)

    async def start(self, ports: Mapping[str, int] | None = None, control_port: int | None = None) -> None:
        """Open all ports on 127.0.0.1; port 0 takes any free one. Without a control port there is no control API."""
        try:
            for name, server in self._servers.items():
                await server.start((ports or {}).get(name, 0))
            if control_port is not None:
                await self._control.start(control_port)
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close all ports and drop what is in flight."""
        await self._control.stop()
        for server in self._servers.values():
            await server.stop()

    async def serve_forever(self) -> None:
        """Wait until cancelled."""
        await asyncio.Event().wait()

    @property
    def venues(self) -> tuple[str, ...]:
        """The names of the emulated venues."""
        return tuple(self._servers)

    @property
    def addresses(self) -> Mapping[str, str]:
        """Venue to address, as in http://127.0.0.1:PORT. Known after ``start``."""
        return {name: server.address for name, server in self._servers.items()}

    @property
    def control_address(self) -> str | None:
        """Where the control API is, if it was started."""
        return self._control.address

    def inject(self, venue: str, fault: Fault) -> str:
        """Let a fault begin (now, or after its ``start``); returns its id. Raises FaultError if it makes no sense."""
        return self._server(venue).inject(fault)

    def clear(self, venue: str, fault_id: str | None = None) -> None:
        """End one fault, or all of a venue. An unknown id is a KeyError."""
        self._server(venue).clear(fault_id)

    def faults(self, venue: str) -> Mapping[str, tuple[Fault, bool]]:
        """The faults of a venue that are not over, by id, with whether they are active."""
        return self._server(venue).core.faults(self._now())

    def banned_s(self, venue: str) -> float:
        """For how much longer a venue bans its caller, in seconds; zero when it does not."""
        return self._server(venue).core.banned_s(self._now())

    def check(self, phases: Sequence[Phase]) -> None:
        """Could all phases of a scenario be played? Raises FaultError with the number of the first that could not."""
        for number, (venue, fault) in enumerate(phases, start=1):
            if venue not in self._servers:
                there = ", ".join(self._servers)
                raise FaultError(f"phase {number}: no such emulated venue: {venue}; there are: {there}")
            try:
                self._server(venue).core.check(fault)
            except FaultError as error:
                raise FaultError(f"phase {number}: {error}") from error

    def play(self, phases: Sequence[Phase]) -> list[str]:
        """Start a scenario now; returns the ids of its faults. Nothing begins if any phase is wrong (FaultError)."""
        self.check(phases)
        return [self.inject(venue, fault) for venue, fault in phases]

    def time(self) -> float:
        """Epoch seconds of the emulated clock."""
        return self._now()

    def describe(self, venue: str) -> VenueKind:
        """A venue's facts: markets, errors by name, modes, bounds, words for limits."""
        return self._server(venue).core.kind

    def ledger(self, venue: str) -> Ledger:
        """What really happened at a venue, brought up to now."""
        core = self._server(venue).core
        core.advance(self._now())
        return core.ledger

    def balances(self, venue: str) -> Mapping[str, Balance]:
        """What the account at a venue owns, brought up to now."""
        core = self._server(venue).core
        core.advance(self._now())
        return core.account.balances()

    def set_balances(self, venue: str, free: Mapping[str, Decimal]) -> None:
        """Replace the free part of some assets."""
        for asset, amount in free.items():
            self._server(venue).core.set_free(asset, amount, self._now())

    def bounds(self, venue: str) -> EmulatedBounds:
        """What a venue promises about time."""
        return self._server(venue).core.kind.bounds

    def _server(self, venue: str) -> VenueServer:
        if venue not in self._servers:
            raise KeyError(f"no such emulated venue: {venue}")
        return self._servers[venue]


def _permissions(withdraw: bool) -> str:
    return "trade,withdraw" if withdraw else "trade"
