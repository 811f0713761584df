"""Bybit v5 spot: what the ``retCode`` of an answer to POST /v5/order/create proves.

Basis: Bybit v5 API docs, 2026-07-24. Nearly every error comes with HTTP 200, so the code decides. 110xxx are the
unified account's codes, 170xxx those of spot. A time-out or an internal error at any stage is unknown: the request may
have reached the engine. Where the docs only give a name, without saying that nothing was created, the row says unknown
as well (-1, 429, 10014, 170149, 170210).
"""

from __future__ import annotations

from collections.abc import Mapping

from backend.domain.outcomes import CancelState
from backend.domain.reasons import HealthClass, RejectReason, UnknownReason
from backend.integrations.exchanges.shared.outcomes import CancelTable, Key, Row, Table

DOCS = "Bybit v5 API docs, 2026-07-24"

CANCELS: CancelTable = {
    ("170213", None): CancelState.NO_SUCH_ORDER,  # spot's own word: does not exist
    ("110001", None): CancelState.NOT_OPEN,  # "not exists or too late to cancel"
    ("170143", None): CancelState.NOT_OPEN,  # not on the order book
    ("110008", None): CancelState.ENDED,  # finished or cancelled
    ("110010", None): CancelState.ENDED,  # already cancelled
    ("170139", None): CancelState.ENDED,  # filled
    ("170142", None): CancelState.ENDED,  # cancelled
    ("170190", None): CancelState.ENDED,  # finished
    ("110079", None): CancelState.ENDED,  # being processed, cannot be operated
    ("170144", None): CancelState.ENDED,  # locked
}


def _refused(health: HealthClass, reason: RejectReason, note: str, *codes: str) -> Mapping[Key, Row]:
    return {(None, code, None): Row(reason, health, f"{DOCS}: {note}") for code in codes}


def _ours(reason: RejectReason, note: str, *codes: str) -> Mapping[Key, Row]:
    return _refused(HealthClass.OURS, reason, note, *codes)


def _limited(reason: RejectReason, note: str, *codes: str) -> Mapping[Key, Row]:
    return _refused(HealthClass.LIMITED, reason, note, *codes)


def _closed(note: str, *codes: str) -> Mapping[Key, Row]:
    return _refused(HealthClass.MODE, RejectReason.MARKET_CLOSED, note, *codes)


def _unknown(reason: UnknownReason, note: str, *codes: str) -> Mapping[Key, Row]:
    return {(None, code, None): Row(reason, HealthClass.UNKNOWN, f"{DOCS}: {note}") for code in codes}


OUTCOMES: Table = {
    # Without a code: answered before the order handling. A code that says "unknown" beats these.
    (403, None, None): Row(
        RejectReason.BANNED, HealthClass.LIMITED, f"{DOCS}: address limit or region, 10 min or more"
    ),
    (429, None, None): Row(RejectReason.RATE_LIMITED, HealthClass.LIMITED, f"{DOCS}: system frequency protection"),
    # The request.
    **_ours(RejectReason.INVALID_REQUEST, "a parameter is wrong", "10001"),
    **_ours(RejectReason.INVALID_REQUEST, "spot: a parameter is empty or wrong", "170105", "170115", "170116"),
    **_ours(RejectReason.INVALID_REQUEST, "spot: a parameter is empty or wrong", "170117", "170130"),
    **_ours(RejectReason.UNKNOWN_SYMBOL, "spot: no such symbol", "170121"),
    **_ours(RejectReason.INVALID_REQUEST, "price out of the permitted range", "110003", "30208", "30209"),
    **_ours(RejectReason.INVALID_REQUEST, "price too high, too low or with too many decimals", "170132"),
    **_ours(RejectReason.INVALID_REQUEST, "price too high, too low or with too many decimals", "170133", "170134"),
    **_ours(RejectReason.INVALID_REQUEST, "quantity with too many decimals or too large", "170137", "170381"),
    **_ours(RejectReason.INVALID_REQUEST, "reduce-only rule or zero quantity", "110017"),
    **_ours(RejectReason.UNDER_MINIMUM, "under the minimum quantity or amount", "110094", "170136", "170140"),
    **_ours(RejectReason.WOULD_TAKE, "post-only", "170218"),
    **_ours(RejectReason.CLOCK, "outside the time window, not processed", "10002"),
    # The account.
    **_ours(RejectReason.AUTHENTICATION, "key invalid or expired", "10003", "10007", "33004", "-2015"),
    **_ours(RejectReason.AUTHENTICATION, "signature wrong", "10004"),
    **_ours(RejectReason.PERMISSION, "permission or address of the key", "10005", "10010"),
    **_ours(RejectReason.INSUFFICIENT_FUNDS, "unified account: not enough", "110004", "110006", "110007", "110012"),
    **_ours(RejectReason.INSUFFICIENT_FUNDS, "unified account: not enough", "110044", "110045", "110051"),
    **_ours(RejectReason.INSUFFICIENT_FUNDS, "unified account: not enough", "110052", "110053"),
    **_ours(RejectReason.INSUFFICIENT_FUNDS, "spot: not enough", "170131"),
    **_ours(RejectReason.ORDER_LIMIT, "too many open orders", "110020", "170810"),
    **_ours(RejectReason.ACCOUNT_LOCKED, "trading banned, compliance, or user banned", "10027", "10024", "10008"),
    **_ours(RejectReason.BLOCKED, "address or region not served", "10009"),
    # The venue refuses for now.
    **_limited(RejectReason.RATE_LIMITED, "user or address limit", "10006", "10018", "170222"),
    **_limited(RejectReason.RATE_LIMITED, "too many new orders", "170005"),
    **_closed("settlement, not live, call auction or delisting", "110063", "110066", "110074", "110095", "30228"),
    **_closed("pair not open, not for the API, or not for market orders yet", "170151", "170157", "170159"),
    **_refused(HealthClass.MODE, RejectReason.VENUE_MODE, "the feature is suspended", "170031"),
    # An order of this id exists.
    **_unknown(UnknownReason.DUPLICATE_ID, "an order has this orderLinkId", "110072", "170141", "12141"),
    **_unknown(UnknownReason.DUPLICATE_ID, "duplicate request: an equal one came before", "10014"),
    # The outcome is not known.
    **_unknown(UnknownReason.VENUE_SAYS_UNKNOWN, "server time-out", "10000", "5004"),
    **_unknown(UnknownReason.VENUE_SAYS_UNKNOWN, "internal error or restart", "10016"),
    **_unknown(UnknownReason.VENUE_SAYS_UNKNOWN, "time-out behind the gateway", "170007"),
    **_unknown(UnknownReason.VENUE_SAYS_UNKNOWN, "time-out of creation, cancel or amend", "170146", "170147", "170310"),
    **_unknown(UnknownReason.VENUE_SAYS_UNKNOWN, "internal, network or system error", "170001", "170032", "170234"),
    **_unknown(UnknownReason.VENUE_SAYS_UNKNOWN, "submitted, being processed", "170035", "110079"),
    **_unknown(UnknownReason.VENUE_SAYS_UNKNOWN, "creation failed or rejected, without a reason", "170149", "170210"),
    **_unknown(UnknownReason.VENUE_SAYS_UNKNOWN, "expired; at which stage is not said", "-1"),
    **_unknown(UnknownReason.VENUE_SAYS_UNKNOWN, "high load; not said that nothing was created", "429"),
}
