"""What orders on paper keep of the rules of the exchange whose books they use."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from backend.domain.rules import ClientIdRule, DeadlineClass, Fact, IdClass, VenueRules, Verification
from backend.policies.routing_tables import PAPER

T = TypeVar("T")


def _ours(value: T) -> Fact[T]:
    return Fact(value, Verification.RUN, "2026-11-23", "this program: nothing leaves it")


def paper_rules(rules: VenueRules) -> VenueRules:
    """Times in force, order types, fees and rates stay. Nothing is sent, so ids, look-ups and deadlines are exact, and
    no key is needed."""
    return replace(
        rules,
        venue=PAPER,
        host="",
        id_class=_ours(IdClass.PERMANENT),
        deadline_class=_ours(DeadlineClass.ENGINE),
        client_id=_ours(ClientIdRule(r"[0-9a-f]{32}", 32)),
        duplicate_refused=_ours(True),
        deadline_min_s=_ours(0.0),
        lookup_by_client_id=_ours(True),
        visibility_bound_s=_ours(0.0),
        engine_bound_s=_ours(0.0),
        clock_resolution_s=None,
        credential_fields=(),
        one_unanswered_place_per_market=False,
    )
