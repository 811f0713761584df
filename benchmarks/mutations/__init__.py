"""Ways to break the program, each as a change that a careless hand could make. The simulation must notice.

Each function patches modules that are imported already; it runs in a process of its own. With it stands by which
promise it must be noticed: one that is found by something else has not shown that this promise is watched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.mutations import proofs, state, wire


@dataclass(frozen=True, slots=True)
class Mutation:
    """``by``: the beginnings of the violations that count. ``beyond``: it shows only where exchanges break their
    bounds. ``lives``: why no simulation can notice it. ``seeds``: what it needs is so rare that it may live through so
    many worlds, if that is more than others may."""

    change: Callable[[], None]
    by: tuple[str, ...]
    beyond: bool = False
    lives: str = ""
    seeds: int = 0


TWICE = ("S1", "S6")
"""More is executed than was asked for, or what was proven dead executes."""

LISTED = (
    Mutation(wire.timeout_as_refusal, TWICE),
    Mutation(wire.cut_off_as_refusal, TWICE),
    Mutation(wire.broken_answer_as_refusal, TWICE),
    Mutation(wire.server_error_as_refusal, TWICE),
    # A network that repeats an order, and whose second answer comes first: once in a hundred and fifty worlds.
    Mutation(wire.duplicate_read_as_dead, TWICE, seeds=1_500),
    Mutation(wire.sent_counts_as_unsent, TWICE),
    Mutation(wire.deadline_at_the_send, ("S3", "S9")),
    Mutation(wire.no_deadline, ("S3",)),
    Mutation(wire.late_send_is_allowed, ("S9",)),
    Mutation(wire.doubled_at_the_send, ("S3",)),
    Mutation(wire.retry_of_the_library, ("S3",)),
    Mutation(wire.send_before_the_journal, ("S3",)),
    Mutation(wire.keys_in_the_log, ("S11",)),
    Mutation(proofs.no_engine_bound, TWICE),
    Mutation(proofs.no_visibility_bound, TWICE),
    Mutation(proofs.not_found_before_the_deadline, TWICE),
    Mutation(proofs.absence_without_deadline, TWICE),
    Mutation(proofs.silence_is_a_proof, TWICE),
    Mutation(
        proofs.seen_is_forgotten,
        TWICE,
        lives="within the bounds the look-ups find what a cancel knows, and beyond them the emulated exchanges hide an"
        " order from both; what only a cancel knows is in tests/services/execution/test_absence.py",
    ),
    Mutation(proofs.any_order_is_ours, ("S1", "S4", "S8", "L1")),
    Mutation(proofs.new_id_on_recovery, TWICE),
    Mutation(proofs.open_means_unsent, TWICE),
    Mutation(
        proofs.market_is_not_blocked,
        TWICE,
        lives="the fingerprint in the price tells two unknown orders apart all the same; what the guard is for alone"
        " are orders of other programs, which the simulation has not",
    ),
    Mutation(state.parts_are_ignored, ("S1", "S4")),
    Mutation(state.cancel_is_the_last_word, ("S1", "S4")),
    Mutation(state.fills_count_twice, ("S4", "S2")),
    Mutation(state.fees_enlarge_the_rest, ("S1", "S4", "S10")),
    Mutation(state.chain_is_not_kept, ("S10",)),
    Mutation(state.state_without_event, ("S10",)),
    Mutation(state.ends_with_an_open_attempt, ("S8",)),
    Mutation(state.reservation_is_lost, ("S5", "S10")),
    Mutation(state.caps_are_forgotten, ("S5",)),
    Mutation(state.repeated_id_is_a_new_order, ("S1", "S8")),
    Mutation(state.validity_is_forgotten, ("S9",)),
    Mutation(state.budget_is_forgotten, ("S1", "S2")),
    Mutation(state.parked_for_ever, ("L1",)),
    Mutation(state.reviewer_dies, ("an error that nobody heard",)),
    Mutation(state.answered_cancel_is_lost, ("S8",)),
    Mutation(state.cancel_hangs, ("L5",)),
    Mutation(state.late_evidence_is_ignored, ("S1", "S4"), beyond=True),
    Mutation(state.halt_is_forgotten, ("S1",), beyond=True),
)
MUTATIONS: Mapping[str, Mutation] = {one.change.__name__: one for one in LISTED}
