"""OKX v5 spot: what the code of an answer to POST /api/v5/trade/order proves.

Basis: OKX v5 API docs, mid-2026. The row's ``sCode`` is the result, else the envelope's ``code``; both are texts of
digits and share one list. No 5xx row proves anything, 50001 with 503 included. 50013 ("busy, try later") is unknown:
the docs do not say that the order did not execute.

50036 and 50037 are proofs: the docs promise that a request is not processed after its expTime.
"""

from __future__ import annotations

from collections.abc import Mapping

from backend.domain.outcomes import CancelState
from backend.domain.reasons import HealthClass, RejectReason, UnknownReason
from backend.integrations.exchanges.shared.outcomes import CancelTable, Key, Row, Table

DOCS = "OKX v5 API docs, 2026-07"

UNKNOWN_TO_QUERY = frozenset({"51603"})
CANCELS: CancelTable = {
    # "Filled, canceled or does not exist": it may be about an order that is there, but the venue has no other code for
    # a cancel of one that is not. Not to take it would mean that nothing is ever proven here.
    ("51400", None): CancelState.NO_SUCH_ORDER,
    ("51603", None): CancelState.NO_SUCH_ORDER,
    ("51401", None): CancelState.ENDED,  # already cancelled
    ("51402", None): CancelState.ENDED,  # already completed
    ("51410", None): CancelState.ENDED,  # already being cancelled
}


def _refused(health: HealthClass, reason: RejectReason, note: str, *codes: str) -> Mapping[Key, Row]:
    return {(None, code, None): Row(reason, health, f"{DOCS}: {note}") for code in codes}


def _ours(reason: RejectReason, note: str, *codes: str) -> Mapping[Key, Row]:
    return _refused(HealthClass.OURS, reason, note, *codes)


def _limited(note: str, *codes: str) -> Mapping[Key, Row]:
    return _refused(HealthClass.LIMITED, RejectReason.RATE_LIMITED, note, *codes)


def _mode(reason: RejectReason, note: str, *codes: str) -> Mapping[Key, Row]:
    return _refused(HealthClass.MODE, reason, note, *codes)


def _unknown(reason: UnknownReason, note: str, *codes: str) -> Mapping[Key, Row]:
    return {(None, code, None): Row(reason, HealthClass.UNKNOWN, f"{DOCS}: {note}") for code in codes}


OUTCOMES: Table = {
    # Without a code: the edge's own limit, before the order handling. A code that says "unknown" beats it.
    (429, None, None): Row(RejectReason.RATE_LIMITED, HealthClass.LIMITED, "RFC 6585: not served; the edge's limit"),
    # The request.
    **_ours(RejectReason.INVALID_REQUEST, "a parameter is wrong", "51000", "50002", "50014", "50015", "50016"),
    **_ours(RejectReason.INVALID_REQUEST, "not a multiple of the lot", "51121"),
    **_ours(RejectReason.INVALID_REQUEST, "price out of the permitted range", "51006", "51137", "51138"),
    **_ours(RejectReason.INVALID_REQUEST, "nothing to reduce", "51169"),
    **_ours(RejectReason.UNDER_MINIMUM, "under the minimum quantity", "51007", "51020"),
    **_ours(RejectReason.UNKNOWN_SYMBOL, "no such instrument", "51001"),
    **_ours(RejectReason.CLOCK, "timestamp over 30 s off, not processed", "50102"),
    # The account.
    **_ours(RejectReason.INSUFFICIENT_FUNDS, "not enough funds", "51008", "51119", "51127", "51131"),
    **_ours(RejectReason.CLOCK, "no such timestamp, not processed", "50112"),
    **_ours(RejectReason.AUTHENTICATION, "key, passphrase or signature", "50111", "50105", "50113", "50119"),
    **_ours(RejectReason.AUTHENTICATION, "a header is missing", "50103", "50104", "50106", "50107"),
    **_ours(RejectReason.AUTHENTICATION, "the key belongs to another environment", "50101"),
    **_ours(RejectReason.PERMISSION, "address or permission of the key, mode of the account", "50110", "50120"),
    **_ours(RejectReason.PERMISSION, "address or permission of the key, mode of the account", "51010"),
    **_ours(RejectReason.PERMISSION, "the instrument is view-only", "54072"),
    **_ours(RejectReason.ACCOUNT_LOCKED, "account restricted or blocked", "50027", "50029", "51009", "51024"),
    **_ours(RejectReason.ACCOUNT_LOCKED, "blocked after a mass cancel", "54008"),
    # The venue refuses for now.
    **_limited("request limit", "50011", "50040"),
    **_limited("1000 orders per 2 s of a sub-account", "50061"),
    **_mode(RejectReason.VENUE_MODE, "the endpoint or the feature is not available", "50005", "50046", "50062"),
    **_mode(RejectReason.MARKET_CLOSED, "not listed yet, suspended or expired", "51021", "51022", "51027"),
    **_mode(RejectReason.MARKET_CLOSED, "delivery, settlement or funding", "51028", "51029", "51030"),
    **_refused(
        HealthClass.FAILED, RejectReason.DEADLINE_ELAPSED, "expTime has passed, not processed", "50036", "50037"
    ),
    # An order of this id is open.
    **_unknown(UnknownReason.DUPLICATE_ID, "an open order has this clOrdId", "51016", "50071"),
    **_unknown(UnknownReason.DUPLICATE_ID, "repeated request: an equal one came before", "50042"),
    # The outcome is not known.
    **_unknown(UnknownReason.VENUE_SAYS_UNKNOWN, "time-out: neither success nor failure", "50004", "51149", "51054"),
    **_unknown(UnknownReason.VENUE_SAYS_UNKNOWN, "a cancel timed out; it says nothing of a place", "51412"),
    **_unknown(UnknownReason.VENUE_SAYS_UNKNOWN, "system error", "50026"),
    **_unknown(UnknownReason.VENUE_SAYS_UNKNOWN, "unavailable or busy; not said that nothing executed", "50001"),
    **_unknown(UnknownReason.VENUE_SAYS_UNKNOWN, "unavailable or busy; not said that nothing executed", "50013"),
    **_unknown(UnknownReason.VENUE_SAYS_UNKNOWN, "the gateway's own error, a number instead of a text", "500"),
}
