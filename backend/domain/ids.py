"""Identities that are computed, so that the same attempt always carries the same id (protocol 2.3)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields

from backend.domain.orders import Intent

CLUSTER_TAG_LENGTH = 8
INCARNATION_LENGTH = 4
DIGEST_LENGTH = 20


def client_id(
    *, cluster_tag: str, incarnation: str, intent_id: str, leg: int, attempt_number: int, venue: str, account: str
) -> str:
    """32 hex characters: 8 cluster tag, 4 incarnation, 20 digest of what is attempted. Fits every venue's alphabet."""
    material = json.dumps([intent_id, leg, attempt_number, venue, account]).encode()
    digest = hashlib.sha256(material).hexdigest()[:DIGEST_LENGTH]
    return f"{cluster_tag[:CLUSTER_TAG_LENGTH]:0<8}{incarnation[:INCARNATION_LENGTH]:0>4}{digest}"


def body_hash(intent: Intent) -> str:
    """Digest of everything the caller said except the id: tells a repeat from a different order. What is computed from
    a clock is no part of it: a duration stays a duration."""
    body = [
        intent.strategy_id,
        intent.symbol,
        intent.side.value,
        str(intent.quantity.normalize()),
        intent.order_type.value,
        None if intent.limit_price is None else str(intent.limit_price.normalize()),
        None if intent.slippage_bps is None else str(intent.slippage_bps.normalize()),
        intent.exchange,
        intent.valid_until,
    ]
    if intent.rests:  # appended only then: the digests of orders from before there was a choice stay what they were
        body.append(intent.time_in_force.value)
    if intent.overfill_budget:
        body.append(f"{intent.on_unknown.value} {intent.overfill_budget.normalize()}")
    if intent.valid_for_s is not None:
        body.append(f"valid for {float(intent.valid_for_s)!r}")
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()


_SAID = tuple(field.name for field in fields(Intent) if field.name != "id")
_DURATION = frozenset({"valid_until", "valid_for_s"})


def differences(stored: Intent, said: Intent) -> tuple[str, ...]:
    """The fields in which ``said`` is another order than the one that is stored under its id; none: it is a repeat.

    A duration used to be stored as the moment that it came to. Said as a duration again, such an order is judged by
    everything else: answering with the stored order is safe, a refusal would invite the caller to a second one.
    """
    was_computed = stored.valid_until is not None and said.valid_for_s is not None
    compared = [name for name in _SAID if not (was_computed and name in _DURATION)]
    return tuple(name for name in compared if getattr(stored, name) != getattr(said, name))
