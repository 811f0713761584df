"""Questions about an attempt at its venue, and what may be believed of the answers."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TypeVar

from backend.domain.errors import VenueCallFailed, VenueLimited
from backend.domain.money import ZERO
from backend.domain.orders import Fill, OrderReport
from backend.domain.records import Attempt
from backend.policies.reroute import contradiction
from backend.ports.exchange import ExchangeAdapter
from backend.ports.telemetry import Telemetry

T = TypeVar("T")


class NoAnswer(Enum):
    """The venue told nothing that can be used; never to be taken for "not found". NOT_ASKED: nothing was sent, because
    its limits leave no room for a moment; that says nothing of the venue either."""

    NO_ANSWER = "no answer"
    NOT_ASKED = "not asked"


NO_ANSWER = NoAnswer.NO_ANSWER
NOT_ASKED = NoAnswer.NOT_ASKED


@dataclass(frozen=True, slots=True)
class Asking:
    """Reads only; each may be repeated."""

    telemetry: Telemetry

    async def ask(self, attempt: Attempt, question: Coroutine[object, object, T]) -> T | NoAnswer:
        """A read at the venue. Whatever goes wrong is no answer, and so is an answer that contradicts itself or what is
        booked: an order that may be out there must not be lost to a removed key, a delisted market or a bug in a
        parser."""
        try:
            answer = await question
        except VenueCallFailed as error:
            if isinstance(error, VenueLimited) and not error.lasting:
                self.log(attempt, "The exchange was not asked", problem=error.problem)
                return NOT_ASKED
            self.log(attempt, "The exchange gave no answer", problem=error.problem)
            return NO_ANSWER
        except Exception as error:  # noqa: BLE001 - see above; only a cancelled task may end this
            self.telemetry.error("A look-up failed", order_id=attempt.intent_id, error=repr(error))
            return NO_ANSWER
        if isinstance(answer, OrderReport):
            problem = contradiction(attempt.order, answer, booked=attempt.filled)
            if problem is not None:
                self.telemetry.error("An answer contradicts itself", order_id=attempt.intent_id, problem=problem)
                return NO_ANSWER
        return answer

    async def fills(self, attempt: Attempt, adapter: ExchangeAdapter, report: OrderReport) -> tuple[Fill, ...] | None:
        """Every trade of the order; None while those that are visible do not add up to what the venue says."""
        if report.filled == ZERO:
            return ()
        if report.fills and total(report.fills) == report.filled:
            return report.fills
        question = adapter.my_trades(
            attempt.order.symbol, venue_order_id=report.venue_order_id, since=attempt.order.created_at
        )
        found = await self.ask(attempt, question)
        if isinstance(found, NoAnswer):
            return None
        if total(found) != report.filled:
            self.log(attempt, "The trades do not add up to what the order says", told=report.filled, added=total(found))
            return None
        return found

    def log(self, attempt: Attempt, message: str, **fields: object) -> None:
        """A record with everything that names the attempt."""
        order = attempt.order
        self.telemetry.info(
            message,
            order_id=attempt.intent_id,
            attempt=attempt.number,
            exchange=order.venue,
            symbol=order.symbol,
            side=order.side,
            quantity=order.quantity,
            price=order.price,
            **fields,
        )


def total(fills: tuple[Fill, ...]) -> Decimal:
    """Base quantity of the fills."""
    return sum((fill.quantity for fill in fills), ZERO)
