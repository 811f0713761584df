"""What every venue's adapter has in common: the flow of a place, of a read and of a health check.

A venue's adapter says which endpoints there are and how their answers are read. It holds no policy.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from typing import TypeVar

from backend.config.model import Timeouts, VenueSettings
from backend.domain.approval import Approved
from backend.domain.books import Book
from backend.domain.errors import (
    ConfigurationError,
    InvalidOrder,
    KeyCanWithdraw,
    MissingCredentials,
    VenueCallFailed,
    VenueLimited,
)
from backend.domain.health import HealthReading, VenueMode
from backend.domain.instruments import Instrument
from backend.domain.limits import CallKind
from backend.domain.orders import Intent, OrderRef, VenueOrder
from backend.domain.outcomes import CancelOutcome, CancelState, Evidence, Outcome, ProvenNotExecuted, Unknown
from backend.domain.reasons import HealthClass, RejectReason, UnknownReason
from backend.domain.records import ExecutionResult
from backend.domain.rules import VenueRules
from backend.integrations.exchanges.shared.http_fact import NOT_JSON, HttpFact, elsewhere
from backend.integrations.exchanges.shared.limits import Limiter, NoTurn, PerLoop
from backend.integrations.exchanges.shared.operations import KINDS, PASSING_S
from backend.integrations.exchanges.shared.outcomes import (
    CancelTable,
    PlaceAnswer,
    Table,
    VenueError,
    cancel_state,
    classify,
    evidence_of,
    row_of,
)
from backend.integrations.exchanges.shared.parsing import Malformed
from backend.integrations.exchanges.shared.ported import Call, PortedExchange
from backend.ports.clock import Clock
from backend.ports.exchange import AttemptRunner
from backend.ports.ids import Ids
from backend.ports.transport import HttpRequest, Transport

BOOK_DEPTH = 20
SEARCH_MARGIN_S = 60.0
"""A search for an order begins so much before it was made, for clocks that differ."""
T = TypeVar("T")
ORDER_WAIT_S_MAX = 0.25
"""How long an order waits for the venue's limits: longer, and it is better off at the next venue."""

NOT_TOLD = (RejectReason.AUTHENTICATION, RejectReason.PERMISSION)
"""Refusals to tell what a key may do: asking again would not help."""


class CcxtAdapter(ABC):
    """Base of the adapters. Subclasses set the class attributes and write the abstract methods."""

    RULES: VenueRules
    OUTCOMES: Table
    CANCELS: CancelTable
    TIME: Call
    STATUS: Call | None = None
    KEY_INFO: Call | None = None
    """The call that tells what the key may do, where there is one."""
    NONCE_HOLD_S: float | None = None
    """Set where requests of one key must arrive in the order they were signed: how long one waits for the other."""

    def __init__(
        self,
        *,
        settings: VenueSettings,
        timeouts: Timeouts,
        transport: Transport,
        clock: Clock,
        ids: Ids,
        runner: AttemptRunner | None = None,
        rules: VenueRules | None = None,
    ) -> None:
        """``rules`` replaces the venue's own, for a venue that is emulated."""
        self._rules = rules or self.RULES
        self._settings = settings
        self._timeouts = timeouts
        self._clock = clock
        self._ids = ids
        self._runner = runner
        self._ccxt = self._make_ccxt(transport)
        self._limiter = Limiter(self._rules.call_limits, clock, key_hold_s=self.NONCE_HOLD_S)
        self._warming = PerLoop(asyncio.Lock)
        self._key_is_safe: bool | None = None
        self._key_withdraws = False
        self._instruments: Mapping[str, Instrument] = {}
        self._symbols: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(markets={len(self._instruments)})"

    @property
    def venue(self) -> str:
        return self._rules.venue

    @property
    def rules(self) -> VenueRules:
        return self._rules

    async def close(self) -> None:  # noqa: B027 - a base class with a default, not an interface
        """Nothing to do: connections belong to the transport."""

    # --- What a venue says ------------------------------------------------------------------------------------------

    @abstractmethod
    def _make_ccxt(self, transport: Transport) -> PortedExchange: ...

    @abstractmethod
    def _errors_of(self, fact: HttpFact) -> tuple[VenueError, ...]:
        """The errors that an answer names, by code; empty when it names none. Raises Malformed."""

    @abstractmethod
    def _content_of(self, fact: HttpFact) -> object:
        """What an answer without errors holds, without its envelope. Raises Malformed."""

    @abstractmethod
    def _server_time(self, content: object) -> float:
        """Epoch seconds. Raises Malformed."""

    def _mode(self, content: object) -> VenueMode:
        """The mode that a status answer tells. Raises Malformed."""
        raise Malformed(f"no status endpoint ({type(content).__name__})")

    @abstractmethod
    async def _load_instruments(self) -> Mapping[str, Instrument]:
        """Reads the markets; also sets whatever names the venue's answers use. Raises VenueCallFailed."""

    @abstractmethod
    def _book_call(self, instrument: Instrument, depth: int) -> Call: ...

    @abstractmethod
    def _read_book(self, content: object, instrument: Instrument) -> Book:
        """Raises Malformed."""

    @abstractmethod
    def _place_call(self, order: VenueOrder, instrument: Instrument) -> Call:
        """The request of an order, built from its frozen fields alone."""

    @abstractmethod
    def _read_place(self, fact: HttpFact, order: VenueOrder) -> PlaceAnswer: ...

    def _may_withdraw(self, content: object) -> bool:
        """What the answer to KEY_INFO tells. Raises Malformed."""
        raise Malformed(f"no endpoint for keys ({type(content).__name__})")

    # --- Health and markets -----------------------------------------------------------------------------------------

    async def health(self) -> HealthReading:
        """The time endpoint decides; the status endpoint only advises. Needs neither keys nor markets.

        Never waits for a turn: it must speak of the venue, not of our own queue. Raises VenueLimited, with nothing
        sent, while the venue is closed to us.
        """
        status = asyncio.create_task(self._asked_mode(), name=f"{self.venue} status")
        try:
            sent_at = self._clock.monotonic()
            fact = await self._fetch("health", self.TIME, self._timeouts.health_s)
            asked = sent_at, self._clock.monotonic()
            with self._valid("health"):
                server_time = self._server_time(self._checked("health", fact))
            return HealthReading(fact.elapsed_s, server_time, await status, asked)
        finally:
            status.cancel()

    async def _asked_mode(self) -> VenueMode:
        """UNKNOWN without a valid answer. Half the time of a check, so that it cannot make the venue look silent."""
        if self.STATUS is None:
            return VenueMode.UNKNOWN
        try:
            fact = await self._fetch("status", self.STATUS, self._timeouts.health_s / 2)
            with self._valid("status"):
                return self._mode(self._checked("status", fact))
        except VenueCallFailed:
            return VenueMode.UNKNOWN

    async def check_key(self) -> bool:
        """One call in the adapter's life, where the venue tells. A venue that refuses to tell is not asked again."""
        if self._key_withdraws:
            raise KeyCanWithdraw(self.venue)
        if self._key_is_safe is None:
            self._key_is_safe = await self._asked_key()
        return self._key_is_safe

    async def _asked_key(self) -> bool:
        if self.KEY_INFO is None or self._missing_credentials():
            return False
        fact = await self._fetch("key_permissions", self.KEY_INFO, self._timeouts.read_s)
        with self._valid("key_permissions"):
            errors = self._errors_of(fact)
            rows = [row_of(fact.status or 0, error, self.OUTCOMES) for error in errors]
            if rows and all(row is not None and row.proves in NOT_TOLD for row in rows):
                return False
            self._key_withdraws = self._may_withdraw(self._checked("key_permissions", fact))
        if self._key_withdraws:
            raise KeyCanWithdraw(self.venue)
        return True

    async def warm(self) -> None:
        """Loads the markets once. Raises VenueCallFailed."""
        async with self._warming.get():
            if not self._instruments:
                instruments = await self._load_instruments()
                self._symbols = {listed.native_id: symbol for symbol, listed in instruments.items()}
                self._instruments = instruments

    async def instruments(self) -> Mapping[str, Instrument]:
        await self.warm()
        return self._instruments

    async def _instrument(self, symbol: str) -> Instrument:
        """Raises InvalidOrder for a market that the venue does not list."""
        listed = (await self.instruments()).get(symbol)
        if listed is None:
            raise InvalidOrder("symbol", f"{symbol!r} is not listed at {self.venue}")
        return listed

    def _symbol_of(self, native_id: str) -> str:
        """Raises Malformed for a market that is not loaded."""
        if native_id not in self._symbols:
            raise Malformed(f"market {native_id!r} is not known")
        return self._symbols[native_id]

    async def order_book(self, symbol: str, depth: int = BOOK_DEPTH) -> Book:
        instrument = await self._instrument(symbol)
        content = await self._read("order_book", self._book_call(instrument, depth))
        with self._valid("order_book"):
            return self._read_book(content, instrument)

    # --- Orders -----------------------------------------------------------------------------------------------------

    async def place_order(self, order_request: Intent) -> ExecutionResult:
        """One attempt on this venue, journaled and checked by the router. Raises ConfigurationError without one."""
        if self._runner is None:
            raise ConfigurationError(
                f"{self.venue}: this adapter was built without a router, so nothing would journal the order; "
                "use backend.bootstrap.open_router"
            )
        return await self._runner.run_on_venue(self.venue, order_request)

    async def _place(self, approved: Approved) -> Outcome:
        """Sends once. Whatever the venue or the network does is an outcome; only a cancelled task raises."""
        order = approved.order
        instrument = self._instruments.get(order.symbol)
        if missing := self._missing_credentials():
            return _not_sent(f"not configured: {', '.join(missing)}")
        if instrument is None:
            return _not_sent(f"markets are not loaded, or {order.symbol} is not one of them")
        latest = order.not_after - self._rules.deadline_min_s.value
        async with AsyncExitStack() as held:
            try:
                call = self._place_call(order, instrument)
                patience_s = max(0.0, latest - self._clock.now())
                await self._turn(held, CallKind.ORDER, call, patience_s, min(ORDER_WAIT_S_MAX, patience_s))
                request = self._signed("place", call, self._timeouts.place_s)
            except NoTurn as error:
                return _not_sent(error.problem, HealthClass.LIMITED if error.refused else HealthClass.OURS)
            except VenueCallFailed as error:
                return _not_sent(error.problem)
            # The last look before the bytes: the wait, the signing and the loop took their time.
            if self._clock.now() > latest:
                return _not_sent(f"the deadline {order.not_after:.3f} is passed, or nearer than the venue allows")
            return await self._sent(request, call, order)

    async def _sent(self, request: HttpRequest, call: Call, order: VenueOrder) -> Outcome:
        fact = HttpFact(headers_written=True)
        try:
            fact = await self._ccxt.send(request)
            self._note(CallKind.ORDER, call, fact)
            return classify(fact, self._read_place(fact, order), self.OUTCOMES)
        except Exception as error:  # noqa: BLE001 - from here on bytes may have left: whatever trips us, it is unknown
            message = f"what happened could not be read ({type(error).__name__})"
            return Unknown(
                UnknownReason.BROKEN_ANSWER, Evidence(headers_written=True, status=fact.status, message=message)
            )

    async def _cancelled(self, call: Call) -> tuple[HttpFact, tuple[VenueError, ...]]:
        """Sends a cancel. Raises VenueCallFailed when there is no answer that can be read."""
        fact = await self._fetch("cancel_order", call, self._timeouts.cancel_s)
        with self._valid("cancel_order"):
            return fact, self._errors_of(fact)

    def _not_cancelled(self, fact: HttpFact, errors: tuple[VenueError, ...]) -> CancelOutcome | None:
        """What the venue says of an order that it did not cancel, by its table; None: the table has no such answer."""
        state = cancel_state(errors, self.CANCELS)
        return None if state is None else CancelOutcome(state, evidence_of(fact, errors))

    def _cancelled_as(self, fact: HttpFact, filled: str | None = None) -> CancelOutcome:
        return CancelOutcome(CancelState.CANCELLED, evidence_of(fact), filled)

    def _searched_from(self, ref: OrderRef) -> float:
        """Raises VenueCallFailed: without an id or a time there is nothing to search for."""
        if not ref.client_id or ref.created_at is None:
            raise VenueCallFailed(self.venue, "search_order", "needs our id of the order, and when it was made")
        return ref.created_at - SEARCH_MARGIN_S

    # --- The wire ---------------------------------------------------------------------------------------------------

    async def _read(self, operation: str, call: Call) -> object:
        """The content of a valid answer. Raises VenueCallFailed, and MissingCredentials before anything is sent."""
        fact = await self._fetch(operation, call, self._timeouts.read_s)
        with self._valid(operation):
            return self._checked(operation, fact)

    async def _read_as(self, operation: str, call: Call, parse: Callable[[object], T]) -> T:
        """A valid answer, parsed; a large one in another thread, where it does not hold up the event loop."""
        fact = await self._fetch(operation, call, self._timeouts.read_s)

        def read() -> T:
            return parse(self._checked(operation, fact))

        with self._valid(operation):
            return await elsewhere(read) if fact.large else read()

    async def _fetch(self, operation: str, call: Call, timeout_s: float) -> HttpFact:
        """A whole answer, whatever it says. Raises VenueCallFailed without one; VenueLimited: it was not sent."""
        if call.private and (missing := self._missing_credentials()):
            raise MissingCredentials(self.venue, missing)
        kind = KINDS.get(operation, CallKind.READ)
        async with AsyncExitStack() as held:
            try:
                await self._turn(held, kind, call, 0.0 if kind is CallKind.HEALTH else timeout_s)
            except NoTurn as error:
                lasting = error.refused and error.until > self._clock.now() + PASSING_S
                limited = VenueLimited(self.venue, operation, error.problem, until=error.until, lasting=lasting)
                raise limited from None
            fact = await self._ccxt.send(self._signed(operation, call, timeout_s))
        self._note(kind, call, fact)
        if fact.status is None:
            problem = ": ".join(part for part in (fact.fault and fact.fault.value, fact.detail) if part)
            raise VenueCallFailed(self.venue, operation, problem, not_sent=not fact.headers_written)
        return fact

    async def _turn(
        self, held: AsyncExitStack, kind: CallKind, call: Call, patience_s: float, limited_s: float | None = None
    ) -> None:
        """Raises NoTurn."""
        turn = self._limiter.turn(kind, call.name, private=call.private, patience_s=patience_s, limited_s=limited_s)
        await held.enter_async_context(turn)

    def _note(self, kind: CallKind, call: Call, fact: HttpFact) -> None:
        """What an answer tells of the venue's limits. An answer that cannot be read tells by its status alone."""
        if fact.status is None:
            return
        try:
            errors = self._errors_of(fact)
        except Malformed:
            errors = ()
        self._limiter.note(kind, call.name, fact.status, fact.headers, errors)

    def _signed(self, operation: str, call: Call, timeout_s: float) -> HttpRequest:
        """Raises VenueCallFailed when the configured keys cannot sign; nothing was sent."""
        try:
            return self._ccxt.request_of(call, timeout_s)
        except Exception as error:  # noqa: BLE001 - any of several crypto libraries; its words may quote the key
            problem = f"the request cannot be signed ({type(error).__name__}); check the configured secret"
            raise VenueCallFailed(self.venue, operation, problem, not_sent=True) from None

    def _checked(self, operation: str, fact: HttpFact) -> object:
        """The content, when the answer is a success that names no error. Raises VenueCallFailed, Malformed."""
        errors = self._errors_of(fact)
        if not fact.success or errors or fact.document is NOT_JSON:
            raise self._refused(operation, fact, errors)
        return self._content_of(fact)

    def _refused(self, operation: str, fact: HttpFact, errors: tuple[VenueError, ...]) -> VenueCallFailed:
        evidence = evidence_of(fact, errors)
        if fact.success and not errors:
            evidence = Evidence(fact.headers_written, fact.status, message="the answer is not what was asked for")
        return VenueCallFailed(self.venue, operation, str(evidence).removeprefix("sent, "))

    @contextmanager
    def _valid(self, operation: str) -> Iterator[None]:
        """Inside, an answer that is not shaped as documented is a failed call."""
        try:
            yield
        except Malformed as error:
            raise VenueCallFailed(self.venue, operation, f"answer not as documented: {error}") from error

    def _missing_credentials(self) -> tuple[str, ...]:
        return tuple(name for name in self._rules.credential_fields if not self._settings.credentials.value(name))


def _not_sent(problem: str, health: HealthClass = HealthClass.OURS) -> ProvenNotExecuted:
    """Our own refusal, before any byte (proof 0)."""
    evidence = Evidence(headers_written=False, message=problem)
    return ProvenNotExecuted(RejectReason.NOT_SENT, evidence, health)
