"""What a venue must offer for a case to apply, read from its rules and the emulator's facts, and where it says no."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from importlib import import_module
from typing import TypeVar

from backend.domain.orders import TimeInForce
from backend.domain.reasons import RejectReason
from backend.domain.rules import DeadlineClass, Fact, VenueRules, Verification
from backend.emulator.dialect import Mode, VenueKind
from backend.emulator.registry import KINDS
from backend.integrations.exchanges.factory import PACKAGE, rules_of
from backend.integrations.exchanges.shared.outcomes import Table

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a case does not apply at a venue, and the document that says so."""

    text: str
    source: str


class Need(StrEnum):
    CLIENT_ID = "client id"
    LOOKUP_BY_CLIENT_ID = "look-up by client id"
    DEADLINE = "deadline"
    IOC = "immediate or cancel"
    STATUS = "status endpoint"
    MAINTENANCE = "maintenance"
    CANCEL_ONLY = "cancel only"
    POST_ONLY = "post only"
    COST_MINIMUM = "minimum notional"
    PASSPHRASE = "passphrase"
    BAN = "ban"
    BAN_IN_A_STORM = "ban in a storm"


@dataclass(frozen=True, slots=True)
class Rule:
    """When a need is met, and how its absence is told."""

    met: Callable[[VenueRules, VenueKind], bool]
    absent: str
    source: Callable[[VenueRules], str]


def document_of(rules: VenueRules) -> str:
    """The document that most of the venue's rules are read from."""
    facts = [
        value
        for value in (getattr(rules, field.name) for field in fields(rules))
        if isinstance(value, Fact) and value.how is Verification.DOCUMENTED
    ]
    return Counter(fact.source.partition(":")[0] for fact in facts).most_common(1)[0][0]


def told(fact: Fact[T]) -> str:
    """Where a fact is from, and whether it is more than a belief."""
    return fact.source if fact.how is not Verification.UNVERIFIED else f"{fact.source} [unverified]"


def _has_status(rules: VenueRules, _kind: VenueKind) -> bool:
    return import_module(f"{PACKAGE}.{rules.venue}.adapter").ADAPTER.STATUS is not None


def _has_ban(rules: VenueRules, _kind: VenueKind) -> bool:
    table: Table = import_module(f"{PACKAGE}.{rules.venue}.outcomes").OUTCOMES
    return any(row.proves is RejectReason.BANNED for row in table.values())


def _bans(_rules: VenueRules, kind: VenueKind) -> bool:
    return kind.throttle is not None and kind.throttle.banned is not None


def _mode(mode: Mode) -> Rule:
    return Rule(lambda _, kind: mode in kind.modes, f"no {mode.value.replace('_', '-')} mode", document_of)


RULES: Mapping[Need, Rule] = {
    Need.CLIENT_ID: Rule(lambda rules, _: rules.has_client_id, "no client order id", lambda r: told(r.id_class)),
    Need.LOOKUP_BY_CLIENT_ID: Rule(
        lambda rules, _: rules.lookup_by_client_id.value,
        "no look-up by client order id",
        lambda r: told(r.lookup_by_client_id),
    ),
    Need.DEADLINE: Rule(
        lambda rules, _: rules.deadline_class.value is not DeadlineClass.NONE,
        "no deadline of an order",
        lambda r: told(r.deadline_class),
    ),
    Need.IOC: Rule(
        lambda rules, _: TimeInForce.IOC in rules.time_in_force.value,
        "no immediate-or-cancel order",
        lambda r: told(r.time_in_force),
    ),
    Need.STATUS: Rule(_has_status, "no status endpoint", document_of),
    Need.MAINTENANCE: _mode(Mode.MAINTENANCE),
    Need.CANCEL_ONLY: _mode(Mode.CANCEL_ONLY),
    Need.POST_ONLY: _mode(Mode.POST_ONLY),
    Need.COST_MINIMUM: Rule(lambda _, kind: kind.markets[0].cost_min > 0, "no minimum notional", document_of),
    Need.PASSPHRASE: Rule(
        lambda rules, _: "passphrase" in rules.credential_fields, "no passphrase beside key and secret", document_of
    ),
    Need.BAN: Rule(_has_ban, "no answer that tells a ban", document_of),
    Need.BAN_IN_A_STORM: Rule(_bans, "no ban for going on behind a limit", document_of),
}


def missing(venue: str, needs: tuple[Need, ...]) -> Explanation | None:
    """The first need that the venue does not meet."""
    rules, kind = rules_of(venue), KINDS[venue]
    for need in needs:
        rule = RULES[need]
        if not rule.met(rules, kind):
            return Explanation(rule.absent, rule.source(rules))
    return None
