"""Binance spot: what an error answer to POST /api/v3/order proves.

Basis: Binance spot API docs, 2026-07-17. The docs promise for spot that HTTP 4xx is "the sender's side" and that a 5xx
must NOT be treated as a failed operation: its execution status is unknown. So no 5xx row proves anything, -1008 with
503 included: only the futures docs call that one a certain failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from backend.domain.outcomes import CancelState
from backend.domain.reasons import HealthClass, RejectReason, UnknownReason
from backend.integrations.exchanges.shared.outcomes import CancelTable, Key, Row, Table

DOCS = "Binance spot API docs, 2026-07-17"


def _ours(reason: RejectReason, note: str) -> Row:
    return Row(reason, HealthClass.OURS, f"{DOCS}: {note}")


def _limited(reason: RejectReason, note: str) -> Row:
    return Row(reason, HealthClass.LIMITED, f"{DOCS}: {note}")


def _unknown(reason: UnknownReason, note: str) -> Row:
    return Row(reason, HealthClass.UNKNOWN, f"{DOCS}: {note}")


def _each(codes: Iterable[str], row: Row) -> Mapping[Key, Row]:
    return {(None, code, None): row for code in codes}


BAD_PARAMETERS = (
    *("-1014", "-1020", "-1100", "-1101", "-1102", "-1103", "-1104", "-1105", "-1106", "-1108", "-1111", "-1114"),
    *("-1115", "-1116", "-1117", "-1118", "-1128", "-1130"),
)

REJECTED = "-2010"
CANCELS: CancelTable = {("-2011", "Unknown order sent."): CancelState.NO_SUCH_ORDER}
"""The documents say "could not be found", and have no other words for an order that has ended."""
UNKNOWN_TO_QUERY = ("-2013",)
"""-2026 (archived) is not among them: such an order did exist."""

OUTCOMES: Table = {
    # Whatever the body says: answered before the order handling.
    (429, None, None): _limited(RejectReason.RATE_LIMITED, "request or order-count limit"),
    (418, None, None): _limited(RejectReason.BANNED, "address banned after going on behind a 429"),
    (403, None, None): Row(RejectReason.BLOCKED, HealthClass.OURS, f"{DOCS}: the web application firewall's limit"),
    (451, None, None): Row(RejectReason.BLOCKED, HealthClass.OURS, f"{DOCS}: region block"),
    (408, None, None): _unknown(UnknownReason.TIMEOUT, "backend time-outs; the order may be with the engine"),
    (503, "-1008", None): _unknown(
        UnknownReason.SERVER_ERROR, "overload; a certain failure in the futures docs only, spot: any 5xx is unknown"
    ),
    # The message bus and the engine.
    (None, "-1000", None): _unknown(UnknownReason.VENUE_SAYS_UNKNOWN, "unknown error while processing"),
    (None, "-1001", None): _unknown(UnknownReason.VENUE_SAYS_UNKNOWN, "internal error, disconnected"),
    (None, "-1006", None): _unknown(UnknownReason.VENUE_SAYS_UNKNOWN, "execution status unknown"),
    (None, "-1007", None): _unknown(UnknownReason.VENUE_SAYS_UNKNOWN, "engine silent for 10 s, status unknown"),
    # Limits and modes that come with another status.
    (None, "-1003", None): _limited(RejectReason.RATE_LIMITED, "too many requests"),
    (None, "-1015", None): _limited(RejectReason.RATE_LIMITED, "too many new orders"),
    (None, "-1016", None): Row(RejectReason.VENUE_MODE, HealthClass.MODE, f"{DOCS}: service is shutting down"),
    # The request.
    **_each(BAD_PARAMETERS, _ours(RejectReason.INVALID_REQUEST, "a parameter is wrong")),
    (None, "-1121", None): _ours(RejectReason.UNKNOWN_SYMBOL, "invalid symbol"),
    (None, "-1021", None): _ours(RejectReason.CLOCK, "outside recvWindow or ahead of the server, not processed"),
    (None, "-1131", None): _ours(RejectReason.CLOCK, "recvWindow over 60000"),
    # The account.
    (None, "-1002", None): _ours(RejectReason.AUTHENTICATION, "not authorized"),
    (None, "-1022", None): _ours(RejectReason.AUTHENTICATION, "invalid signature"),
    (None, "-2014", None): _ours(RejectReason.AUTHENTICATION, "malformed key"),
    (None, "-2015", None): _ours(RejectReason.AUTHENTICATION, "invalid key, address or permissions"),
    # -1013: "the request didn't reach the matching engine"; the message names the filter.
    (None, "-1013", None): _ours(RejectReason.INVALID_REQUEST, "filter failure, not forwarded"),
    (None, "-1013", "Filter failure: NOTIONAL"): _ours(RejectReason.UNDER_MINIMUM, "under the minimum notional"),
    (None, "-1013", "Filter failure: MIN_NOTIONAL"): _ours(RejectReason.UNDER_MINIMUM, "under the minimum notional"),
    (None, "-1013", "Filter failure: MAX_NUM_ORDERS"): _ours(RejectReason.ORDER_LIMIT, "too many open orders"),
    # -2010: the engine's own words decide. A duplicate means that an order of this id exists.
    (None, REJECTED, "Duplicate order sent."): _unknown(UnknownReason.DUPLICATE_ID, "an open order has this id"),
    (None, REJECTED, "Account has insufficient balance for requested action."): _ours(
        RejectReason.INSUFFICIENT_FUNDS, "not enough funds"
    ),
    (None, REJECTED, "Order would immediately match and take."): _ours(RejectReason.WOULD_TAKE, "post-only"),
    (None, REJECTED, "Market is closed."): Row(
        RejectReason.MARKET_CLOSED, HealthClass.MODE, f"{DOCS}: the symbol is not trading"
    ),
    (None, REJECTED, "This symbol is not permitted for this account."): _ours(
        RejectReason.PERMISSION, "account and symbol differ in permissions"
    ),
    (None, REJECTED, "This symbol is restricted for this account."): _ours(RejectReason.PERMISSION, "restricted"),
    (None, REJECTED, "This action is disabled on this account."): _ours(RejectReason.ACCOUNT_LOCKED, "disabled"),
    (None, REJECTED, "This account may not place or cancel orders."): _ours(RejectReason.ACCOUNT_LOCKED, "disabled"),
}
