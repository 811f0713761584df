"""KuCoin spot: what an error of POST /api/v1/hf/orders/sync proves.

Basis: KuCoin REST API docs (spot and gateway error codes), 2026. An error is ``{"code": "400100", "msg": ...}``, with
HTTP 200 as often as not.

400100 means "parameter error", and the same code tells a duplicate clientOid, where an order of that id does exist. So
the bare code proves nothing; only wordings that speak of a wrong parameter do. 200002 speaks of cancels and 300002 of
futures: neither is promised for a spot order. Which code an order gets that comes after its allowMaxTimeWindow stands
in no document that was read, so that refusal is unlisted, hence unknown.
"""

from __future__ import annotations

from collections.abc import Mapping

from backend.domain.outcomes import CancelState
from backend.domain.reasons import HealthClass, RejectReason, UnknownReason
from backend.integrations.exchanges.shared.outcomes import CancelTable, Key, Row, Table

DOCS = "KuCoin REST API docs, 2026"
CCXT = "ccxt 4.5.90, recorded wording of the documented parameter error"
ISSUE = "wording of the documented parameter error in"

PARAMETERS = "400100"
DUPLICATE = "validation.createOrder.clientOidDuplicated"

UNKNOWN_TO_QUERY = frozenset(
    {
        (PARAMETERS, "order not exist"),
        (PARAMETERS, "order not exist."),
        (PARAMETERS, "The order does not exist."),
        (PARAMETERS, "Order does not exist"),
        ("order_not_exist", "order_not_exist"),
    }
)
CANCELS: CancelTable = {
    **dict.fromkeys(UNKNOWN_TO_QUERY, CancelState.NO_SUCH_ORDER),
    # "Not exist, or not allowed to cancel": the answer for an order that is not there, and for one that has ended. Not
    # to take it would mean that nothing is ever proven here.
    (PARAMETERS, "order_not_exist_or_not_allow_to_cancel"): CancelState.NO_SUCH_ORDER,
    (PARAMETERS, "Order not exist or not allow to be cancelled"): CancelState.NO_SUCH_ORDER,
}


def _codes(health: HealthClass, reasons: Mapping[RejectReason, tuple[tuple[str, str], ...]]) -> Mapping[Key, Row]:
    return {
        (None, code, None): Row(reason, health, f"{DOCS}: {note}")
        for reason, rows in reasons.items()
        for code, note in rows
    }


def _parameter(reason: RejectReason, message: str, source: str) -> Mapping[Key, Row]:
    return {(None, PARAMETERS, message): Row(reason, HealthClass.OURS, source)}


def _unknown(code: str, note: str, message: str | None = None, *, duplicate: bool = False) -> Mapping[Key, Row]:
    reason = UnknownReason.DUPLICATE_ID if duplicate else UnknownReason.VENUE_SAYS_UNKNOWN
    return {(None, code, message): Row(reason, HealthClass.UNKNOWN, note)}


OUTCOMES: Table = {
    # Whatever the body says: answered before the order handling.
    (429, None, None): Row(RejectReason.RATE_LIMITED, HealthClass.LIMITED, f"{DOCS}: request limit"),
    (403, None, None): Row(RejectReason.BANNED, HealthClass.LIMITED, f"{DOCS}: the edge bans the address (1015)"),
    (408, None, None): Row(UnknownReason.TIMEOUT, HealthClass.UNKNOWN, f"{DOCS}: gateway time-out"),
    **_codes(
        HealthClass.OURS,
        {
            RejectReason.INSUFFICIENT_FUNDS: (("200004", "balance insufficient"),),
            RejectReason.ORDER_LIMIT: (("200003", "too many open orders"), ("400350", "upper limit for holding")),
            RejectReason.UNKNOWN_SYMBOL: (("400600", "symbol not available"),),
            RejectReason.CLOCK: (("400002", "timestamp more than 5 s off"),),
            RejectReason.AUTHENTICATION: (
                ("400001", "a header of the signature is missing"),
                ("400003", "no such key"),
                ("400004", "wrong passphrase"),
                ("400005", "wrong signature"),
                ("400006", "address not in the key's list"),
            ),
            RejectReason.PERMISSION: (
                ("400007", "access denied"),
                ("400200", "forbidden to place an order"),
                ("400500", "region not supported for this token"),
                ("200009", "KYC needed for this token"),
                ("230001", "account not eligible"),
            ),
            RejectReason.ACCOUNT_LOCKED: (("400700", "risk problem, restricted"), ("411100", "user is frozen")),
        },
    ),
    **_codes(
        HealthClass.MODE,
        {
            RejectReason.MARKET_CLOSED: (
                ("200001", "order creation for this pair suspended"),
                ("600203", "symbol cannot be traded"),
                ("126009", "pair suspended from creating orders"),
            ),
            RejectReason.VENUE_MODE: (("900001", "system upgrade"),),
        },
    ),
    **_codes(HealthClass.LIMITED, {RejectReason.RATE_LIMITED: (("429000", "too many requests, or overload"),)}),
    **_parameter(RejectReason.INSUFFICIENT_FUNDS, "account.available.amount", f"{DOCS}: balance insufficient"),
    **_parameter(RejectReason.UNDER_MINIMUM, "Order size below the minimum requirement.", CCXT),
    **_parameter(RejectReason.UNDER_MINIMUM, "The quantity is below the minimum requirement.", CCXT),
    **_parameter(RejectReason.UNKNOWN_SYMBOL, "Unsupported trading pair.", CCXT),
    **_parameter(RejectReason.INVALID_REQUEST, "price not in the given range!", CCXT),
    **_parameter(RejectReason.INVALID_REQUEST, "validation.createOrder.clientOidIsRequired", CCXT),
    **_parameter(RejectReason.INVALID_REQUEST, "Order size increment invalid.", f"{ISSUE} kucoin-php-sdk #112"),
    **_parameter(RejectReason.INVALID_REQUEST, "Price increment invalid.", f"{ISSUE} kucoin-php-sdk #126"),
    # An order of this id exists.
    **_unknown(PARAMETERS, "Kucoin.Net #120: a used clientOid", DUPLICATE, duplicate=True),
    **_unknown("126044", f"{DOCS}: clientOid duplicate (margin)", duplicate=True),
    **_unknown("126033", f"{DOCS}: duplicate order (margin)", duplicate=True),
    # The order may be with the engine.
    **_unknown(PARAMETERS, f"{DOCS}: parameter error, but a duplicate clientOid has this code too"),
    **_unknown("408000", f"{DOCS}: network timeout; ccxt takes it for a wrong parameter"),
    **_unknown("500000", f"{DOCS}: internal server error"),
    **_unknown("503000", f"{DOCS}: service unavailable; ccxt takes it for a refusal"),
    **_unknown("200002", f"{DOCS}: cancels are suspended; it says nothing of a place"),
}
