"""What a demo says at its end: one document, as data for ``--json`` and as tables for people."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal

from backend.domain.health import HealthCause
from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.money import plain
from backend.domain.reasons import EndReason, RejectReason, UnknownReason
from backend.domain.records import Attempt, ExecutionResult, IntentRecord
from backend.lab.referee import Verdict

_DOWN = {HealthCause.UNREACHABLE: "refused", HealthCause.SLOW: "degraded", HealthCause.RESTRICTED_MODE: "degraded"}


@dataclass(frozen=True, slots=True)
class Played:
    """One order of the demo with its result. ``at`` seconds after the demo's start, ``took_s`` in venue time."""

    act: str
    symbol: str
    primary: str
    result: ExecutionResult
    at: float
    took_s: float


@dataclass(frozen=True, slots=True)
class Failover:
    """An order that went elsewhere than to its primary exchange, and why."""

    at: float
    act: str
    order: str
    primary: str
    selected: str
    cause: str
    detail: str


@dataclass(frozen=True, slots=True)
class ActLine:
    """One act: what happened, how many orders, and how much of their quantity was filled (a share of 1)."""

    act: str
    what: str
    orders: int
    filled_share: float
    rejected: int
    parked: int
    unknown: int


@dataclass(frozen=True, slots=True)
class VenueLine:
    """One venue over the whole run. Latencies in milliseconds of venue time, from request to answer of a place."""

    venue: str
    stands_for: str
    attempts: int
    fills: int
    ledger_trades: int
    refused: int
    unknown: int
    order_ms_p50: float | None
    order_ms_p95: float | None


@dataclass(frozen=True, slots=True)
class UnknownLine:
    """One order whose answer was lost, in which act, and how it was settled."""

    act: str
    order: str
    venue: str
    reason: str
    settled: str


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a kill of the router left behind, and what became of it.

    ``in_flight``: orders whose caller got no answer, all repeated with the same id. ``attempts``: attempts that were
    open in the journal; of those ``executed`` had executed at their exchange without the router knowing it. ``took_s``:
    real seconds from the kill until the next router took orders.
    """

    in_flight: int
    attempts: int
    executed: int
    adopted: int
    proven_dead: int
    parked: int
    took_s: float


@dataclass(frozen=True, slots=True)
class DemoReport:
    """Everything a reader or a script needs to believe the run, or not."""

    seed: int
    orders: int
    verdict: Verdict
    acts: tuple[ActLine, ...]
    venues: tuple[VenueLine, ...]
    failovers: tuple[Failover, ...]
    unknowns: tuple[UnknownLine, ...]
    all_down_refused: int
    recovered: int
    seconds: float
    clock_scale: float
    books: Mapping[str, str] = field(default_factory=dict)
    recovery: Recovery | None = None

    @property
    def unknown_adopted(self) -> int:
        return sum(line.settled.startswith("adopted") for line in self.unknowns)

    @property
    def passed(self) -> bool:
        return self.verdict.passed

    def document(self) -> dict[str, object]:
        """The ``--json`` document. Decimals are strings."""
        verdict = self.verdict
        return {
            "passed": self.passed,
            "seed": self.seed,
            "orders": self.orders,
            "intended": plain(verdict.intended),
            "filled": plain(verdict.intended - verdict.shortfall),
            "executed_by_ledgers": plain(verdict.executed),
            "shortfall": plain(verdict.shortfall),
            "duplicates": verdict.duplicates,
            "lost": verdict.lost,
            "parked": verdict.parked,
            "parked_executed": verdict.parked_executed,
            "unknown": len(self.unknowns),
            "unknown_adopted": self.unknown_adopted,
            "ledger_matches": verdict.ledger_matches,
            "mismatches": list(verdict.mismatches),
            "recovery": None if self.recovery is None else asdict(self.recovery),
            "all_down": {"refused": self.all_down_refused, "recovered": self.recovered},
            "failovers": [asdict(failover) for failover in self.failovers],
            "unknowns": [asdict(line) for line in self.unknowns],
            "acts": [asdict(line) for line in self.acts],
            "venues": [asdict(line) for line in self.venues],
            "books": dict(self.books),
            "seconds": round(self.seconds, 1),
            "clock_scale": self.clock_scale,
        }


def failover_of(played: Played) -> Failover | None:
    """None when the order went to its primary only, or nowhere."""
    result, primary = played.result, played.primary
    elsewhere = next((attempt for attempt in result.attempts if attempt.venue != primary), None)
    if elsewhere is None:
        return None
    cause, detail = _cause(result, primary)
    return Failover(round(played.at, 3), played.act, result.intent_id, primary, elsewhere.venue, cause, detail)


def _cause(result: ExecutionResult, primary: str) -> tuple[str, str]:
    for drop in result.dropped:
        if drop.venue == primary:
            return (drop.reason.value if drop.health is None else _DOWN.get(drop.health, "down")), drop.detail
    attempt = next((a for a in result.attempts if a.venue == primary), None)
    if attempt is None:
        return "unknown", ""
    if attempt.outcome_reason is RejectReason.NOT_SENT:
        return "refused", attempt.evidence
    if attempt.proof is Proof.DEADLINE:
        return "deadline", attempt.evidence
    if attempt.state is AttemptState.REJECTED:
        return "rejected", f"{attempt.outcome_reason}: {attempt.evidence}"
    return "liquidity", f"{plain(attempt.filled)} of {plain(attempt.order.quantity)} filled at {primary}"


def was_unknown(attempt: Attempt) -> bool:
    """Did the place's own answer leave it open whether it executed?"""
    return isinstance(attempt.outcome_reason, UnknownReason)


def unknown_lines(records: Sequence[IntentRecord], played: Sequence[Played]) -> tuple[UnknownLine, ...]:
    """Every order whose answer was lost, in order of time."""
    acts = {one.result.intent_id: one.act for one in played}
    return tuple(
        UnknownLine(
            acts[record.intent.id],
            record.intent.id,
            attempt.venue,
            str(attempt.outcome_reason),
            _settled(record, attempt),
        )
        for record in records
        for attempt in record.attempts
        if was_unknown(attempt)
    )


def _settled(record: IntentRecord, attempt: Attempt) -> str:
    if attempt.proof is Proof.DEADLINE:
        rest = record.attempts[attempt.number :]
        return f"proven dead by its deadline, {f'done at {rest[-1].venue}' if rest else 'not wanted any more'}"
    if attempt.state is AttemptState.CLOSED:
        return f"adopted by {attempt.settled_by}, filled {plain(attempt.filled)}"
    return f"parked ({record.reason}), {plain(record.blocked)} blocked"


def recovery_of(
    in_flight: int, left: Sequence[Attempt], executed: Collection[str], records: Sequence[IntentRecord], took_s: float
) -> Recovery:
    """What became of the attempts that a killed router had left open. ``executed``: the client ids that the exchanges
    had executed at that moment."""
    ended = {attempt.id: attempt for record in records for attempt in record.attempts}
    final = [ended[attempt.id] for attempt in left]
    return Recovery(
        in_flight=in_flight,
        attempts=len(left),
        executed=sum(attempt.order.client_id in executed for attempt in left),
        adopted=sum(one.state is AttemptState.CLOSED and one.proof is Proof.TERMINAL_STATE for one in final),
        proven_dead=sum(one.proof is Proof.DEADLINE for one in final),
        parked=sum(not one.state.ended for one in final),
        took_s=round(took_s, 2),
    )


def act_line(name: str, what: str, played: Sequence[Played]) -> ActLine:
    """The sums of one act."""
    results = [p.result for p in played]
    return ActLine(
        act=name,
        what=what,
        orders=len(results),
        filled_share=round(_filled_share(played), 4),
        rejected=sum(r.state is IntentState.REJECTED for r in results),
        parked=sum(r.state is IntentState.PARKED for r in results),
        unknown=sum(was_unknown(a) for r in results for a in r.attempts),
    )


def _filled_share(played: Sequence[Played]) -> float:
    """Filled over asked quantity, of the symbol where it is least (bitcoins and ethers do not add up)."""
    asked: defaultdict[str, Decimal] = defaultdict(Decimal)
    filled: defaultdict[str, Decimal] = defaultdict(Decimal)
    for one in played:
        asked[one.symbol] += one.result.quantity
        filled[one.symbol] += one.result.filled
    return min((float(filled[symbol] / asked[symbol]) for symbol in asked), default=0.0)


def venue_line(
    venue: str, stands_for: str, records: Sequence[IntentRecord], ledger_trades: int, latencies_ms: Sequence[float]
) -> VenueLine:
    """The sums of one venue."""
    attempts = [a for r in records for a in r.attempts if a.venue == venue]
    ordered = sorted(latencies_ms)
    return VenueLine(
        venue=venue,
        stands_for=stands_for,
        attempts=len(attempts),
        fills=sum(f.venue == venue for r in records for f in r.fills),
        ledger_trades=ledger_trades,
        refused=sum(a.state is AttemptState.REJECTED for a in attempts),
        unknown=sum(was_unknown(a) for a in attempts),
        order_ms_p50=round(statistics.median(ordered), 1) if ordered else None,
        order_ms_p95=round(ordered[int(len(ordered) * 0.95)], 1) if ordered else None,
    )


def all_down_count(played: Sequence[Played]) -> int:
    """Orders refused because no exchange of their chain was usable."""
    return sum(p.result.reason is EndReason.ALL_DOWN for p in played)
