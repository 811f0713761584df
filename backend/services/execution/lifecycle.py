"""Drives one intent along its chain until it is final or parked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from backend.config.model import Settings
from backend.domain.errors import ConfigurationError, NoRoom
from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.money import ZERO
from backend.domain.reasons import DropReason, EndReason, FailoverFailure, ParkReason, UnknownReason
from backend.domain.records import FIRST_LEG, Attempt, Drop, ExecutionResult, IntentRecord
from backend.policies.candidate import judge_candidate, request_deadline
from backend.policies.late import WATCHED
from backend.policies.reroute import ending, may_move, relief, word_was_given
from backend.policies.resting import RETRY_S, next_look_s, waits_for_a_venue
from backend.ports.clock import Clock
from backend.ports.exchange import ExchangeAdapter
from backend.ports.journal import Journal
from backend.ports.telemetry import Telemetry
from backend.services.execution.absence import horizon_of
from backend.services.execution.attempts import Attempts, Parked
from backend.services.execution.cancels import Cancels
from backend.services.execution.markets import MarketGuard
from backend.services.execution.resting import Resting
from backend.services.execution.snapshot import Listing, Venues
from backend.services.execution.telling import tell_failover, tell_refusal

SURPRISES_MAX = 4
"""So often an attempt is decided anew because late evidence has taken a part of its room meanwhile."""


@dataclass(frozen=True, slots=True)
class Route:
    """The venues of an intent in order. ``unasked`` are tried without a health check: the caller chose them."""

    chain: tuple[str, ...]
    unasked: frozenset[str] = frozenset()

    @property
    def primary(self) -> str:
        return self.chain[0] if self.chain else "none"


OnSettled = Callable[[bool], None]
"""Called when nobody needs to wait any longer for the attempts found at the beginning: each is settled, or stays in
doubt after a round of looks, with all that it blocks. With True: nothing of the order needs to be waited for, as far as
anybody knows until its end: it rests, or waits for a venue where it can."""


@dataclass(slots=True)
class _Journey:
    """What one drive along a chain has met; bounded by the chain."""

    route: Route
    settled: OnSettled
    drops: list[Drop] = field(default_factory=list)
    hasty: bool = False
    """An attempt was given up for now after a short search, because relief may be given."""


def nobody_waits(resting: bool) -> None:
    """Nobody waits for the settling."""


_FAILURES: Mapping[EndReason | ParkReason | None, FailoverFailure] = {
    EndReason.ALL_DOWN: FailoverFailure.ALL_DOWN,
    EndReason.OVER_CAP: FailoverFailure.LIMIT_REFUSED,
    EndReason.EXPIRED: FailoverFailure.DEADLINE,
    EndReason.NO_USABLE_VENUE: FailoverFailure.CHAIN_EXHAUSTED,
    EndReason.REJECTED_BY_VENUE: FailoverFailure.CHAIN_EXHAUSTED,
}


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Each step is stored before the next is taken; a crash anywhere leaves a record that can be driven on."""

    journal: Journal
    attempts: Attempts
    venues: Venues
    markets: MarketGuard
    settings: Settings
    clock: Clock
    telemetry: Telemetry
    cancels: Cancels = field(default_factory=Cancels)

    async def drive(self, record: IntentRecord, route: Route, on_settled: OnSettled = nobody_waits) -> ExecutionResult:
        """The final or parked result. An attempt that is open at the beginning is settled first."""
        journey = _Journey(route, on_settled)
        if record.cancel_requested_at is not None:
            self.cancels.ask(record.intent.id)
        reached = await self._all_settled(record, journey)
        while True:
            if isinstance(reached, Parked):
                more = await self._not_yet_parked(reached, journey)
                if more is None:
                    return await self._park(reached, journey)
                reached = await self._all_settled(more, journey)
                continue
            record = await self._awake(reached)
            on_settled(False)
            reached = await self._along(record, journey)
            if isinstance(reached, Parked):
                continue
            record = reached
            if self._over(record) or not waits_for_a_venue(record, journey.drops):
                return await self._end(record, journey)
            journey.drops.clear()
            on_settled(True)
            pause_s = next_look_s(self.clock.now(), record.valid_until, RETRY_S)
            await self.cancels.wait(record.intent.id, self.clock, pause_s)

    async def _not_yet_parked(self, parked: Parked, journey: _Journey) -> IntentRecord | None:
        """The record to go on with instead of parking: relief was given, or is out of the question by now and the
        uncertain attempt has been looked for only in haste. Not for ever: relief is bounded by its budget."""
        hasty, journey.hasty = journey.hasty, False
        record = await self._relieved(parked.record, journey)
        return parked.record if record is None and hasty else record

    def _relief(self, record: IntentRecord) -> Decimal:
        return ZERO if self._given_up(record) else relief(record)

    async def _relieved(self, record: IntentRecord, journey: _Journey) -> IntentRecord | None:
        """The fate of an attempt stays unknown, and its caller has allowed for that: as much as the overfill budget
        pays for is tried at the other venues. The uncertain attempt stays open, reserved and looked for. None: there is
        no relief to give."""
        quantity = self._relief(record)
        if quantity <= ZERO:
            return None
        try:
            record = await self.journal.add_leg((await self._awake(record)).intent.id, quantity, now=self.clock.now())
        except NoRoom:  # late evidence has come meanwhile: decide anew, with less that is missing
            return await self.attempts.current(record.intent.id)
        self.telemetry.warning(
            "Order relieved - its fate is unknown, and its overfill budget is used",
            order_id=record.intent.id,
            quantity=quantity,
        )
        reached = await self._along(record, journey, record.legs[-1].number)
        return reached.record if isinstance(reached, Parked) else reached

    async def _along(self, record: IntentRecord, journey: _Journey, leg: int = FIRST_LEG) -> IntentRecord | Parked:
        """One pass along the chain."""
        for venue in journey.route.chain:
            record = await self._current(record)
            if self._over(record, leg):
                break
            reached = await self._at_venue(record, venue, journey, leg)
            if isinstance(reached, Parked):
                return reached
            record = reached
        return record

    async def _current(self, record: IntentRecord) -> IntentRecord:
        """The record as it is now, where evidence may have come beside this drive: an attempt was proven dead by time
        or by somebody's word, and is looked for on."""
        if not any(attempt.proof in WATCHED for attempt in record.attempts):
            return record
        return await self.attempts.current(record.intent.id)

    def _over(self, record: IntentRecord, leg: int = FIRST_LEG) -> bool:
        """Is nothing more to be placed?"""
        return record.room(leg) <= 0 or self._given_up(record)

    def _given_up(self, record: IntentRecord) -> bool:
        """Is nothing more wanted, whatever is left?"""
        return self._expired(record) or self.cancels.wanted(record.intent.id) or word_was_given(record)

    async def look_again(
        self, record: IntentRecord, route: Route, on_settled: OnSettled = nobody_waits
    ) -> ExecutionResult:
        """One more look at a parked intent, without waiting; driven on when its order is found or proven dead."""
        for attempt in record.open_attempts:
            record = await self._glanced_at(record, attempt)
        if record.open_attempts and all(one.state is AttemptState.UNKNOWN for one in record.open_attempts):
            return self.result_of(record)
        return await self.drive(record, route, on_settled)

    def block_markets(self, record: IntentRecord) -> None:
        """Before anything else is placed: what may be unanswered keeps its market."""
        for attempt in record.open_attempts:
            self.block_market(attempt)

    def block_market(self, attempt: Attempt) -> None:
        """Blocks or frees it, by the attempt's state."""
        adapter = self.adapter(attempt.venue)
        if not isinstance(adapter, Drop):
            self.markets.note(adapter.rules, attempt)

    async def restore(self, record: IntentRecord, route: Route, on_settled: OnSettled) -> ExecutionResult:
        """Takes up what an earlier process left. Each open attempt is looked at once. What is found is settled; for
        what stays in doubt nobody waits: it is followed from here, with its quantity and reservation blocked."""
        parked = record.state is IntentState.PARKED
        for attempt in record.open_attempts:
            record = await self._doubted(record, attempt)
            record = await self._glanced_at(record, record.attempt(attempt.id))
        doubtful = [one for one in record.open_attempts if one.state is AttemptState.UNKNOWN]
        if parked and doubtful and len(doubtful) == len(record.open_attempts):
            return self.result_of(record)
        if doubtful:
            on_settled(False)
        return await self.drive(record, route, on_settled)

    async def _doubted(self, record: IntentRecord, attempt: Attempt) -> IntentRecord:
        """An attempt found open may have been sent."""
        if attempt.state is not AttemptState.OPEN:
            return record
        return await self.journal.step_attempt(
            attempt.id,
            AttemptState.UNKNOWN,
            now=self.clock.now(),
            outcome_reason=UnknownReason.RESTART,
            evidence="found open when the journal was opened: it may have been sent",
        )

    async def _glanced_at(self, record: IntentRecord, attempt: Attempt) -> IntentRecord:
        """One look at an attempt, without waiting: the record as it is then."""
        adapter = self.adapter(attempt.venue)
        if isinstance(adapter, Drop):
            return record
        self.markets.note(adapter.rules, attempt)
        if attempt.state is not AttemptState.UNKNOWN:
            return record
        count = attempt.lookups + 1
        found = await self.attempts.look_up(attempt, adapter, count)
        if isinstance(found, IntentRecord):
            return found
        proven = await self.attempts.prove_absent(attempt, adapter, count) if found else None
        return record if proven is None else proven

    async def _at_venue(self, record: IntentRecord, venue: str, journey: _Journey, leg: int) -> IntentRecord | Parked:
        """One venue's turn: dropped with a reason, or one attempt that is followed to its end."""
        adapter = self._excluded(record, venue) or self.adapter(venue)
        if isinstance(adapter, Drop):
            journey.drops.append(adapter)
            return record
        symbol = record.intent.symbol
        listing = await self.venues.listing(adapter, symbol, ask_health=venue not in journey.route.unasked)
        if isinstance(listing, Drop):
            journey.drops.append(listing)
            return record
        # The market's turn is over once the place is answered: an order that rests must not keep others waiting.
        async with self.markets.turn(adapter.rules, listing[0].symbol):
            sent = await self._sent(record, adapter, listing, leg)
            for _ in range(SURPRISES_MAX):
                if not isinstance(sent, Drop) or sent.reason is not DropReason.NO_ROOM:
                    break
                room, record = record.room(leg), await self.attempts.current(record.intent.id)
                if self._over(record, leg) or record.room(leg) >= room:
                    break
                sent = await self._sent(record, adapter, listing, leg)
        if isinstance(sent, Drop):
            journey.drops.append(sent)
            return record
        if venue != journey.route.primary:
            health = self.venues.health.known(venue)
            tell_failover(self.telemetry, sent, (journey.route.primary, venue), health, journey.drops)
        return await self._settled(sent, sent.attempts[-1], journey)

    async def _sent(
        self, record: IntentRecord, adapter: ExchangeAdapter, listing: Listing, leg: int
    ) -> IntentRecord | Drop:
        """Look, decide, approve, journal, send: the record with the answered attempt, or why there is none."""
        symbol = listing[0].symbol
        blocker = self.markets.blocked_by(adapter.rules, symbol)
        if blocker is not None:
            detail = f"{symbol} is blocked until order {blocker} is resolved"
            return Drop(adapter.venue, DropReason.UNRESOLVED_ORDER, detail)
        snapshot = await self.venues.quoted(adapter, listing)
        if isinstance(snapshot, Drop):
            return snapshot
        now = self.clock.now()
        not_after = request_deadline(now, self.settings.timeouts.send_window_s, record.valid_until)
        decided = judge_candidate(
            record.intent, record.room(leg), record.worst_price, replace(snapshot, now=now), not_after
        )
        if not may_move(record, leg):
            raise AssertionError(f"{record.intent.id}: an attempt has no proof, no other may follow")
        opened = decided if isinstance(decided, Drop) else await self.attempts.open(record, decided, adapter, leg)
        if isinstance(opened, Drop):
            return opened
        # Before the bytes leave: whatever happens to this task, the market stays blocked until the order is settled.
        self.markets.note(adapter.rules, opened.attempt)
        sent = await self.attempts.send(opened, adapter)
        self.markets.note(adapter.rules, sent.attempts[-1])
        return sent

    async def _all_settled(self, record: IntentRecord, journey: _Journey) -> IntentRecord | Parked:
        """Follows every open attempt to its end; Parked when one of them could not be settled."""
        parked: Parked | None = None
        for attempt in record.open_attempts:
            reached = await self._settled(record, attempt, journey)
            parked = reached if isinstance(reached, Parked) else parked
            record = reached.record if isinstance(reached, Parked) else reached
        return record if parked is None else replace(parked, record=record)

    async def _settled(self, record: IntentRecord, attempt: Attempt, journey: _Journey) -> IntentRecord | Parked:
        """Follows an attempt to its end, if it has not ended."""
        if attempt.state.ended:
            return record
        adapter = self.adapter(attempt.venue)
        if isinstance(adapter, Drop):
            return Parked(record, ParkReason.VENUE_SILENT)
        self.markets.note(adapter.rules, attempt)
        record = await self._doubted(record, attempt)
        reached = await self._followed(record, record.attempt(attempt.id), adapter, journey)
        if not isinstance(reached, Parked):
            self.markets.note(adapter.rules, reached.attempt(attempt.id))
        return reached

    async def _followed(
        self, record: IntentRecord, attempt: Attempt, adapter: ExchangeAdapter, journey: _Journey
    ) -> IntentRecord | Parked:
        if attempt.state is AttemptState.UNKNOWN:
            journey.hasty = self._relief(record) > ZERO
            resolved = await self.attempts.resolve(record, attempt, adapter, hasty=journey.hasty)
            if isinstance(resolved, Parked):
                return resolved
            record, attempt = resolved, resolved.attempt(attempt.id)
            self.markets.note(adapter.rules, attempt)
        if attempt.state is not AttemptState.WORKING:
            return record
        if not record.intent.rests:
            return await self.attempts.settle(attempt, adapter, journey.settled)
        record = await self._awake(record)
        return await self.resting.follow(record, attempt, adapter, journey.settled)

    async def _awake(self, record: IntentRecord) -> IntentRecord:
        if record.state is not IntentState.PARKED:
            return record
        return await self.journal.step_intent(record.intent.id, IntentState.ACTIVE, now=self.clock.now())

    def taken_at_word(self, record: IntentRecord) -> None:
        """An operator has ended the newest attempt: what is kept in memory follows."""
        attempt = next(one for one in reversed(record.attempts) if one.proof is Proof.OPERATOR)
        self.attempts.taken_at_word(record, attempt)
        self.block_market(attempt)

    async def _park(self, parked: Parked, journey: _Journey) -> ExecutionResult:
        record = parked.record
        if record.state is not IntentState.PARKED:
            record = await self.journal.step_intent(
                record.intent.id, IntentState.PARKED, now=self.clock.now(), reason=parked.reason
            )
            self.telemetry.warning(
                "Order parked - its fate at the exchange is unknown, nothing is sent elsewhere",
                order_id=record.intent.id,
                exchange=record.attempts[-1].venue,
                blocked=record.blocked,
                reason=parked.reason,
            )
            self.telemetry.order_ended(IntentState.PARKED)
            self.telemetry.failover_failed(journey.route.primary, FailoverFailure.UNKNOWN_OUTCOME)
        return self.result_of(record, tuple(journey.drops))

    def result_of(self, record: IntentRecord, drops: tuple[Drop, ...] = ()) -> ExecutionResult:
        """With the time from which the venue's bounds allow a proof that what is in doubt is dead."""
        attempt = next((one for one in record.open_attempts if one.state is not AttemptState.WORKING), None)
        adapter = None if attempt is None else self.adapter(attempt.venue)
        if attempt is None or adapter is None or isinstance(adapter, Drop):
            return ExecutionResult.of(record, drops)
        limits = horizon_of(attempt, adapter)
        return ExecutionResult.of(record, drops, unresolved_until=None if limits is None else limits.absent_from)

    async def _end(self, record: IntentRecord, journey: _Journey) -> ExecutionResult:
        record = await self._current(record)
        # The journal may know of the wish a moment before we do.
        refused = any(drop.reason is DropReason.CANCELLED for drop in journey.drops)
        cancelled = refused or self.cancels.wanted(record.intent.id)
        state, reason = ending(record, journey.drops, expired=self._expired(record), cancelled=cancelled)
        now = self.clock.now()
        record = await self.journal.step_intent(record.intent.id, state, now=now, reason=reason)
        self.cancels.forget(record.intent.id)
        self.telemetry.order_ended(state)
        if reason in _FAILURES:
            self.telemetry.failover_failed(journey.route.primary, _FAILURES[reason])
            tell_refusal(self.telemetry, record, journey.drops)
        retry_at = now + self.settings.timeouts.retry_after_all_down_s if reason is EndReason.ALL_DOWN else None
        return ExecutionResult.of(record, tuple(journey.drops), retry_at)

    def _excluded(self, record: IntentRecord, venue: str) -> Drop | None:
        allowed = self.settings.allowed_exchanges
        if allowed and venue not in allowed:
            return Drop(venue, DropReason.NOT_ALLOWED, "not among the allowed exchanges")
        if any(attempt.venue == venue for attempt in record.attempts):
            return Drop(venue, DropReason.ALREADY_TRIED, "this order was already tried there")
        return None

    @property
    def resting(self) -> Resting:
        return Resting(self.attempts, self.cancels, self.clock, self.telemetry)

    def adapter(self, venue: str) -> ExchangeAdapter | Drop:
        try:
            return self.venues.adapter_of(venue)
        except ConfigurationError as error:
            return Drop(venue, DropReason.NO_ADAPTER, str(error))

    def _expired(self, record: IntentRecord) -> bool:
        return self.clock.now() >= record.valid_until
