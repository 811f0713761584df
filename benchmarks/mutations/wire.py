"""What leaves, and how its answer is read."""

# mypy: ignore-errors
# What is put in its place need not fit.

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from typing import Any

from backend.domain.orders import VenueOrder
from backend.domain.outcomes import Outcome, ProvenNotExecuted, Unknown
from backend.domain.reasons import HealthClass, RejectReason, UnknownReason
from backend.domain.records import Attempt
from backend.integrations.exchanges.shared import adapter as shared
from backend.integrations.exchanges.shared import ported
from backend.policies.routing_tables import EXCHANGES
from backend.ports.transport import HttpRequest, TransportFault
from backend.services.execution import asking, attempts

ADAPTERS = {venue: import_module(f"backend.integrations.exchanges.{venue}.adapter").ADAPTER for venue in EXCHANGES}
SEEN_HEADERS: dict[str, str] = {}


def _read_as_refused(*reasons: UnknownReason) -> None:
    real = shared.classify

    def classify(*given: Any) -> Outcome:
        outcome = real(*given)
        if isinstance(outcome, Unknown) and (not reasons or outcome.reason in reasons):
            return ProvenNotExecuted(RejectReason.OVERLOADED, outcome.evidence, HealthClass.FAILED)
        return outcome

    shared.classify = classify


def timeout_as_refusal() -> None:
    """A place without an answer counts as refused."""
    _read_as_refused(UnknownReason.TIMEOUT)


def cut_off_as_refusal() -> None:
    """A connection that breaks after the send counts as not executed."""
    _read_as_refused(UnknownReason.CONNECTION_LOST)


def broken_answer_as_refusal() -> None:
    """An answer that cannot be read counts as refused."""
    _read_as_refused(UnknownReason.BROKEN_ANSWER, UnknownReason.NO_ORDER_ID)


def server_error_as_refusal() -> None:
    """A 5xx counts as refused."""
    _read_as_refused(UnknownReason.SERVER_ERROR)


def sent_counts_as_unsent() -> None:
    """Every failure of the connection counts as one before the first byte."""
    real = ported.HttpFact.of_error

    def of_error(error: Any) -> Any:
        return dataclasses.replace(real(error), headers_written=False)

    ported.HttpFact.of_error = staticmethod(of_error)


def _other_orders(change: Callable[[Any, VenueOrder], VenueOrder]) -> None:
    for kind in ADAPTERS.values():
        real = kind._place_call

        def place_call(self: Any, order: VenueOrder, instrument: Any, real: Any = real) -> Any:
            return real(self, change(self, order), instrument)

        kind._place_call = place_call


def deadline_at_the_send() -> None:
    """The deadline is counted from when the request is made, not from when the attempt was journaled."""
    real = attempts.Attempts.send

    async def send(self: Any, opened: Any, adapter: Any) -> Any:
        now = self.clock.now()
        order = dataclasses.replace(opened.attempt.order, created_at=now, not_after=now + 5.0)
        late_one = attempts.Opened(
            dataclasses.replace(opened.attempt, order=order),
            dataclasses.replace(opened.approved, order=order),
            self.clock.monotonic() + 5.0,
        )
        return await real(self, late_one, adapter)

    attempts.Attempts.send = send


def no_deadline() -> None:
    """The request may arrive as late as the venue allows."""
    _other_orders(lambda _, order: dataclasses.replace(order, not_after=order.created_at + 55.0))


def retry_of_the_library() -> None:
    """The client library repeats a request that timed out."""
    real = ported.PortedExchange.send

    async def send(self: Any, request: HttpRequest) -> Any:
        fact = await real(self, request)
        return await real(self, request) if fact.fault is TransportFault.TIMEOUT else fact

    ported.PortedExchange.send = send


def send_before_the_journal() -> None:
    """The bytes leave while the attempt is still being written."""
    real, writing = attempts.Attempts._journaled, []

    async def journaled(self: Any, attempt: Attempt, approved: Any, worst_price: Decimal) -> Any:
        writing.append(asyncio.ensure_future(real(self, attempt, approved, worst_price)))

    attempts.Attempts._journaled = journaled


def keys_in_the_log() -> None:
    """A request is told with its headers."""
    real = asking.Asking.log

    def log(self: Any, attempt: Attempt, message: str, **fields: object) -> None:
        headers = SEEN_HEADERS.get(attempt.venue, "")
        real(self, attempt, message, headers=headers, **fields)

    asking.Asking.log = log
    sent = ported.PortedExchange.send

    async def send(self: Any, request: HttpRequest) -> Any:
        SEEN_HEADERS[self.id] = f"{request.headers} {self.apiKey}"
        return await sent(self, request)

    ported.PortedExchange.send = send


def duplicate_read_as_dead() -> None:
    """An exchange that knows the id already counts as one that refused the order."""
    _read_as_refused(UnknownReason.DUPLICATE_ID)


def late_send_is_allowed() -> None:
    """Nobody looks at the deadline before the bytes leave."""

    async def send(self: Any, opened: Any, adapter: Any) -> Any:
        return await self._store(opened.attempt, await adapter._place(opened.approved))

    async def place(self: Any, approved: Any) -> Outcome:
        order = approved.order
        call = self._place_call(order, self._instruments[order.symbol])
        return await self._sent(self._signed("place", call, self._timeouts.place_s), call, order)

    attempts.Attempts.send = send
    shared.CcxtAdapter._place = place


def doubled_at_the_send() -> None:
    """The bytes ask for twice of what the journal has."""
    _other_orders(lambda _, order: dataclasses.replace(order, quantity=order.quantity * 2))
