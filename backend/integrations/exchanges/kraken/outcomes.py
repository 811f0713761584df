"""Kraken spot: what an error of AddOrder proves.

Basis: Kraken REST API docs and official command-line client, 2026. An error is ``ECategory:text`` or
``ECategory:text:detail``; the first two parts are the code and the message of a row. A warning (``WCategory:text``) is
no error.

EService:Deadline elapsed: the docs promise that the engine refuses an order after its deadline, so the row is a proof;
because that promise was never seen live, the adapter looks the order up once before it believes it.
"""

from __future__ import annotations

from collections.abc import Mapping

from backend.domain.outcomes import CancelState
from backend.domain.reasons import HealthClass, RejectReason, UnknownReason
from backend.integrations.exchanges.shared.outcomes import CancelTable, Key, Row, Table

DOCS = "Kraken REST API docs, 2026"

TAKES_DETAIL = frozenset({("EGeneral", "Invalid arguments"), ("EService", "Throttled")})
"""Messages that are followed by ``:`` and a detail (the argument at fault, the time from which to retry)."""

UNKNOWN_ORDER = ("EOrder", "Unknown order")
CANCELS: CancelTable = {UNKNOWN_ORDER: CancelState.NO_SUCH_ORDER}
"""No other error is documented for an order that has ended."""


def _rows(health: HealthClass, reasons: Mapping[RejectReason, tuple[tuple[str, str], ...]]) -> Mapping[Key, Row]:
    return {
        (None, category, message): Row(reason, health, f"{DOCS}: refused before or by the engine")
        for reason, errors in reasons.items()
        for category, message in errors
    }


def _unknown(category: str, message: str, note: str) -> Mapping[Key, Row]:
    return {(None, category, message): Row(UnknownReason.VENUE_SAYS_UNKNOWN, HealthClass.UNKNOWN, f"{DOCS}: {note}")}


OFFLINE = "engine or API offline; the docs do not say that the order did not execute"

OUTCOMES: Table = {
    **_rows(
        HealthClass.OURS,
        {
            RejectReason.INSUFFICIENT_FUNDS: (("EOrder", "Insufficient funds"), ("EOrder", "Insufficient margin")),
            RejectReason.UNDER_MINIMUM: (("EOrder", "Order minimum not met"), ("EOrder", "Cost minimum not met")),
            RejectReason.INVALID_REQUEST: (("EGeneral", "Invalid arguments"), ("EOrder", "Tick size check failed")),
            RejectReason.WOULD_TAKE: (("EOrder", "Post only order"),),
            RejectReason.ORDER_LIMIT: (("EOrder", "Orders limit exceeded"),),
            RejectReason.PERMISSION: (
                ("EOrder", "Trading agreement required"),
                ("EOrder", "Cannot open position"),
                ("EGeneral", "Permission denied"),
            ),
            RejectReason.UNKNOWN_SYMBOL: (("EQuery", "Unknown asset pair"),),
            RejectReason.AUTHENTICATION: (("EAPI", "Invalid key"), ("EAPI", "Invalid signature")),
            RejectReason.NONCE: (("EAPI", "Invalid nonce"),),
            RejectReason.ACCOUNT_LOCKED: (("ETrade", "User Locked"),),
        },
    ),
    **_rows(
        HealthClass.MODE,
        {
            RejectReason.VENUE_MODE: (
                ("EService", "Market in cancel_only mode"),
                ("EService", "Market in post_only mode"),
                ("EService", "Market in limit_only mode"),
                ("EService", "Market in reduce_only mode"),
                ("EService", "Market in maintenance mode"),
            ),
        },
    ),
    **_rows(
        HealthClass.LIMITED,
        {
            RejectReason.RATE_LIMITED: (
                ("EAPI", "Rate limit exceeded"),
                ("EOrder", "Rate limit exceeded"),
                ("EOrder", "Domain rate limit exceeded"),
                ("EGeneral", "Too many requests"),
                ("EService", "Throttled"),
            ),
            RejectReason.BANNED: (("EGeneral", "Temporary lockout"),),
        },
    ),
    **_rows(HealthClass.FAILED, {RejectReason.DEADLINE_ELAPSED: (("EService", "Deadline elapsed"),)}),
    **_unknown("EService", "Unavailable", OFFLINE),
    **_unknown("EService", "Busy", OFFLINE),
    **_unknown("EService", "Timeout", "no answer from the engine"),
    **_unknown("EGeneral", "Internal error", OFFLINE),
    **_unknown("EGeneral", "Internal error:500", OFFLINE),
    **_unknown("EDatabase", "Internal error", OFFLINE),
    **_unknown(*UNKNOWN_ORDER, "an answer to a cancel; it says nothing of a place"),
    (408, None, None): Row(UnknownReason.TIMEOUT, HealthClass.UNKNOWN, f"{DOCS}: gateway time-out"),
}
