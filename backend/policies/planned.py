"""An attempt as it will be stored and sent: every field of the order is frozen here."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.ids import client_id
from backend.domain.lifecycle import AttemptState
from backend.domain.orders import VenueOrder
from backend.domain.records import Attempt, IntentRecord
from backend.domain.rules import VenueRules
from backend.policies.candidate import Candidate

ACCOUNT = "main"


@dataclass(frozen=True, slots=True)
class Origin:
    """The journal that an order's id tells of."""

    cluster_tag: str
    incarnation: str


def planned(
    record: IntentRecord, candidate: Candidate, rules: VenueRules, leg: int, origin: Origin, *, now: float
) -> Attempt:
    """The next attempt of the record. Its client id follows from the journal, the intent and the attempt's number: the
    same for the same decision, and never that of another attempt."""
    number = len(record.attempts) + 1
    identity = ""
    if rules.has_client_id:
        identity = client_id(
            cluster_tag=origin.cluster_tag,
            incarnation=origin.incarnation,
            intent_id=record.intent.id,
            leg=leg,
            attempt_number=number,
            venue=candidate.venue,
            account=ACCOUNT,
        )
    order = VenueOrder(
        venue=candidate.venue,
        attempt_id=f"{record.intent.id}/{number}",
        client_id=identity,
        symbol=candidate.instrument.symbol,
        side=record.intent.side,
        quantity=candidate.quantity,
        price=candidate.price,
        time_in_force=candidate.time_in_force,
        created_at=now,
        not_after=candidate.not_after,
        rate=candidate.rate,
    )
    return Attempt(
        id=order.attempt_id,
        intent_id=record.intent.id,
        number=number,
        order=order,
        reserved_notional=candidate.notional,
        state=AttemptState.OPEN,
        opened_at=now,
        leg=leg,
    )
