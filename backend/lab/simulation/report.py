"""What a run of many seeds says, and what it must have seen to say anything."""

from __future__ import annotations

import re
from collections.abc import Sequence

from backend.emulator.faults import FaultKind
from backend.lab.simulation.plan import Outcome
from backend.lab.simulation.run import Tally

SEEDS_FOR_ALL = 1_000
"""From so many seeds on, everything in SOMETIMES must have happened."""

CRASHES = (*range(13), 14, 15)
"""Crash points of protocol 2.7; 13 belongs to a database of several machines."""

UNUSED_FAULTS = {FaultKind.CLOCK, FaultKind.STATUS, FaultKind.REJECT}
"""Clocks are wrong all the time; the others answer from the table of refusals, which tests/conformance drives whole."""

SOMETIMES: tuple[str, ...] = (
    *(f"crash point {number}" for number in CRASHES),
    *(f"proof {proof}" for proof in ("not_sent", "definite_reject", "terminal_state", "deadline", "operator")),
    *(f"fault {kind.value}" for kind in FaultKind if kind not in UNUSED_FAULTS),
    "attempt unknown -> working",
    "attempt unknown -> closed",
    "attempt working -> working",
    "moved on after a part",
    "moved on after a proof by deadline",
    "partly filled",
    "filled at several exchanges",
    "rested",
    "cancelled",
    "cancelled after a part",
    "relief leg",
    "dropped for a cap",
    "a late order was refused",
    "found after it was not found",
    "order repeated by the network",
    "info: The trades do not add up to what the order says",
    "request lost",
    "answer lost",
    "cut before it arrived",
    "cut on its way",
    "cut after the effect",
    "heavy-tail delay",
    "connection refused",
    "the disk failed before a commit",
    "the disk failed after a commit",
    "router opened",
)

TRACE_BEFORE, TRACE_AFTER = 50, 10


def unseen(tally: Tally) -> list[str]:
    """What should have happened at least once, and did not."""
    return [name for name in SOMETIMES if not tally.sightings[name]]


def passed(tally: Tally) -> bool:
    """No promise was broken; and over many seeds, everything that can happen did."""
    return not tally.violated and (tally.seeds < SEEDS_FOR_ALL or not unseen(tally))


def document(tally: Tally, policy: str, processes: int) -> dict[str, object]:
    """For programs."""
    return {
        "policy": policy,
        "seeds": tally.seeds,
        "intents": tally.intents,
        "violated_seeds": tally.violated,
        "failures": [{"seed": one.seed, "violations": list(one.violations)} for one in tally.failures],
        "overfilled": tally.overfilled,
        "overfilled_share": tally.overfilled / max(1, tally.intents),
        "unseen": unseen(tally),
        "kills_and_pauses_per_intent": round(disturbed(tally), 3),
        "partly_filled_share": round(parted(tally), 3),
        "simulated_hours": round(tally.seconds / 3600, 2),
        "wall_seconds": round(tally.wall_s, 1),
        "processes": processes,
        "intents_per_second_per_core": round(tally.intents / max(tally.wall_s, 1e-9) / processes, 1),
        "simulated_hours_per_hour": round(tally.seconds / max(tally.wall_s, 1e-9)),
        "digest": tally.digest,
        "sightings": dict(sorted(tally.sightings.items())),
    }


def disturbed(tally: Tally) -> float:
    """Kills and pauses for each intent."""
    return (tally.sightings["kill"] + tally.sightings["pause"]) / max(1, tally.intents)


def parted(tally: Tally) -> float:
    """The share of intents of which an exchange executed a part."""
    return tally.sightings["in parts"] / max(1, tally.intents)


def shortened(outcome: Outcome) -> Sequence[str]:
    """The lines of the trace about the order that the first violation names, around it; or the lines before it."""
    names = re.findall(r"intent-\d+", outcome.violations[0])[:1] if outcome.violations else []
    told = [line for line in outcome.trace if not names or names[0] in line]
    first = next((number for number, line in enumerate(told) if "VIOLATION" in line), len(told))
    return told[max(0, first - TRACE_BEFORE) : first + TRACE_AFTER]
