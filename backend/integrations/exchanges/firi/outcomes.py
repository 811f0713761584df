"""Firi: what an error answer to POST /v2/orders proves. Decided by ``name``, whatever the status below 500.

Basis: Firi Trading API 1.0.0 [documented]; answers logged by users [seen by others]; names known only from the code
base this API descends from [lineage, unverified]. Names that the docs write with a space are listed without it too:
the docs do not say which of the two is the ``name`` and which the message.

429 is taken at HTTP's own word (RFC 6585): the request was not served. The venue documents no limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from backend.domain.outcomes import CancelState
from backend.domain.reasons import HealthClass, RejectReason
from backend.integrations.exchanges.firi.rules import ORDER_NOT_FOUND
from backend.integrations.exchanges.shared.outcomes import CancelTable, Key, Row, Table

DOCUMENTED = "Firi Trading API 1.0.0"
LOGGED = "answers logged by API users, 2021"
LINEAGE = "names of the code base this API descends from, unverified"


def _ours(reason: RejectReason, source: str, *names: str) -> Mapping[Key, Row]:
    return _named(names, Row(reason, HealthClass.OURS, source))


def _named(names: Iterable[str], row: Row) -> Mapping[Key, Row]:
    return {(None, name, None): row for name in names}


CANCELS: CancelTable = {(ORDER_NOT_FOUND.value, None): CancelState.NOT_OPEN}
"""Whether an order that has ended is answered so too is not known. Nothing rests on it: absence proves nothing here."""

OUTCOMES: Table = {
    **_ours(RejectReason.INSUFFICIENT_FUNDS, LOGGED, "InsufficientFunds"),
    **_ours(RejectReason.AUTHENTICATION, DOCUMENTED, "ApiKeyNotFound", "Invalid Signature", "InvalidSignature"),
    **_ours(RejectReason.PERMISSION, DOCUMENTED, "SecurityLevelTooLow"),
    **_ours(RejectReason.CLOCK, DOCUMENTED, "Expired Signature", "ExpiredSignature"),
    **_ours(RejectReason.INVALID_REQUEST, LINEAGE, "TooHighPriceAccuracy", "TooHighVolumeAccuracy", "InvalidAmount"),
    **_ours(RejectReason.UNKNOWN_SYMBOL, LINEAGE, "MarketNotFound"),
    (None, "BadRequest", "Volume too low"): Row(RejectReason.UNDER_MINIMUM, HealthClass.OURS, LINEAGE),
    (None, "BadRequest", "Price is invalid"): Row(RejectReason.INVALID_REQUEST, HealthClass.OURS, LINEAGE),
    (429, None, None): Row(RejectReason.RATE_LIMITED, HealthClass.LIMITED, "RFC 6585; no limit is documented"),
}
