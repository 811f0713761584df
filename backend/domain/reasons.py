"""Closed reasons. They feed the errors, the log fields, the metric labels, the journal and the reports alike."""

from __future__ import annotations

from enum import StrEnum


class DropReason(StrEnum):
    """Why a candidate venue was not used for an order."""

    NO_ADAPTER = "no_adapter"
    NOT_ALLOWED = "not_allowed"
    UNHEALTHY = "unhealthy"
    NOT_LISTED = "not_listed"
    UNDER_MINIMUM = "under_minimum"
    OVER_MAXIMUM = "over_maximum"
    BALANCE_TOO_SMALL = "balance_too_small"
    OVER_CAP = "over_cap"
    BOOK_UNAVAILABLE = "book_unavailable"
    BALANCE_UNAVAILABLE = "balance_unavailable"
    PRICE_OUT_OF_BOUND = "price_out_of_bound"
    UNRESOLVED_ORDER = "unresolved_order"
    TOO_LITTLE_TIME = "too_little_time"
    CLOCK_UNCERTAIN = "clock_uncertain"
    MISSING_CREDENTIALS = "missing_credentials"
    UNSAFE_KEY = "unsafe_key"
    TYPE_NOT_SUPPORTED = "type_not_supported"
    ALREADY_TRIED = "already_tried"
    CANCELLED = "cancelled"
    ACCOUNT_HALTED = "account_halted"
    NO_ROOM = "no_room"


class RejectReason(StrEnum):
    """Why a place provably did not execute (protocol: proofs 0 and a)."""

    NOT_SENT = "not_sent"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    INVALID_REQUEST = "invalid_request"
    UNDER_MINIMUM = "under_minimum"
    UNKNOWN_SYMBOL = "unknown_symbol"
    WOULD_TAKE = "would_take"
    AUTHENTICATION = "authentication"
    PERMISSION = "permission"
    CLOCK = "clock"
    NONCE = "nonce"
    RATE_LIMITED = "rate_limited"
    BANNED = "banned"
    BLOCKED = "blocked"
    OVERLOADED = "overloaded"
    ORDER_LIMIT = "order_limit"
    MARKET_CLOSED = "market_closed"
    VENUE_MODE = "venue_mode"
    DEADLINE_ELAPSED = "deadline_elapsed"
    ACCOUNT_LOCKED = "account_locked"


class UnknownReason(StrEnum):
    """Why it is not known whether a place executed. Never a permission to send elsewhere."""

    TIMEOUT = "timeout"
    CONNECTION_LOST = "connection_lost"
    BROKEN_ANSWER = "broken_answer"
    NO_ORDER_ID = "no_order_id"
    SERVER_ERROR = "server_error"
    VENUE_SAYS_UNKNOWN = "venue_says_unknown"
    DUPLICATE_ID = "duplicate_id"
    UNLISTED = "unlisted"
    INTERRUPTED = "interrupted"
    RESTART = "restart"
    SEEN = "seen"
    """No look-up finds it, but a cancel of it was answered as only that of an order can be which was there."""


class ParkReason(StrEnum):
    """Why an intent waits for evidence, its quantity blocked."""

    NOT_FOUND_YET = "not_found_yet"
    NO_CLIENT_ID = "no_client_id"
    VENUE_SILENT = "venue_silent"


class EndReason(StrEnum):
    """Why an intent ended the way it did."""

    FILLED = "filled"
    ALL_DOWN = "all_down"
    NO_USABLE_VENUE = "no_usable_venue"
    EXPIRED = "expired"
    REJECTED_BY_VENUE = "rejected_by_venue"
    LIQUIDITY = "liquidity"
    DUST = "dust"
    OVER_CAP = "over_cap"
    INTERRUPTED = "interrupted"
    """Not given any more: how a restart ended what it found, in journals of the first version."""
    CANCELLED = "cancelled"
    RESOLVED = "resolved"
    """An operator's word ended it while it was still wanted: nothing more is sent for it."""


class HealthClass(StrEnum):
    """What an answer says of the venue's health (health.md 4.2); independent of what it proves of the order."""

    GOOD = "good"
    FAILED = "failed"
    UNKNOWN = "unknown"
    LIMITED = "limited"
    OURS = "ours"
    MODE = "mode"


class FailoverFailure(StrEnum):
    """Label ``reason`` of exchange_failover_failures_total."""

    CHAIN_EXHAUSTED = "chain_exhausted"
    ALL_DOWN = "all_down"
    LIMIT_REFUSED = "limit_refused"
    UNKNOWN_OUTCOME = "unknown_outcome"
    DEADLINE = "deadline"
    MISCONFIGURED = "misconfigured"
