"""What befalls a world is as rich as it is said to be, and within what exchanges promise."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from backend.domain.orders import TimeInForce
from backend.emulator.dialect import Mode, VenueKind
from backend.emulator.fault_kinds import arm
from backend.emulator.faults import FaultKind
from backend.emulator.registry import KINDS
from backend.lab.simulation import workload
from backend.lab.simulation.process import EPOCH_S

COUNT = 3_000
SEEDS = 300


def kinds(bounds: int) -> dict[str, VenueKind]:
    return {venue: replace(kind, bounds=workload.BOUNDS[bounds]) for venue, kind in KINDS.items()}


def drawn(bounds: int = 0) -> list[workload.Strike]:
    venues = kinds(bounds)
    return [one for seed in range(SEEDS) for one in workload.strikes(Random(seed), venues)]


def test_a_third_of_the_orders_live_for_five_minutes() -> None:
    """Whatever kind they are: only those can move on after a proof that takes its time."""
    wishes = workload.wishes(Random(1), COUNT)
    lives = [(one.intent.valid_until or 0.0) - EPOCH_S - one.at for one in wishes]
    patient = [round(life) == workload.PATIENT_S for life in lives]
    rests = [one.intent.time_in_force is TimeInForce.GTC for one in wishes]
    assert 0.30 < sum(patient) / COUNT < 0.37
    assert 0.12 < sum(rests) / COUNT < 0.18
    assert any(long and rested for long, rested in zip(patient, rests, strict=True))


def test_every_mode_of_every_exchange_occurs_and_some_exchanges_deny_theirs() -> None:
    """Maintenance, cancels only, makers only; and a status endpoint that says "normal" meanwhile."""
    strikes = drawn()
    modes = {(one.venue, one.fault.params["mode"]) for one in strikes if one.fault.kind is FaultKind.MODE}
    assert modes == {(venue, mode.value) for venue, kind in KINDS.items() for mode in kind.modes}
    restricted = {(one.venue, one.at) for one in strikes if one.fault.kind is FaultKind.MODE}
    lies = {(one.venue, one.at) for one in strikes if one.fault.kind is FaultKind.STATUS_LIE}
    assert lies
    assert lies < restricted
    assert all(Mode.MAINTENANCE in KINDS[venue].modes for venue, _ in lies)


def test_faults_stay_within_what_the_exchange_promises() -> None:
    """An emulated exchange refuses a fault that would break its bounds; the wide bounds are used, too."""
    longest = 0.0
    for bounds in range(len(workload.BOUNDS)):
        venues = kinds(bounds)
        for strike in drawn(bounds):
            if strike.fault.kind is not FaultKind.PRICE:  # its market is chosen where it strikes
                arm(strike.fault, venues[strike.venue])
            if strike.fault.kind is FaultKind.LOST_ANSWER:
                longest = max(longest, float(str(strike.fault.params["max"])))
    assert longest > 8.0


def test_orders_and_strikes_come_from_the_seed_alone() -> None:
    """The same draws, the same life."""
    assert workload.wishes(Random("a"), 20) == workload.wishes(Random("a"), 20)
    assert workload.wishes(Random("a"), 20) != workload.wishes(Random("b"), 20)
    assert workload.strikes(Random("a"), KINDS) == workload.strikes(Random("a"), KINDS)
