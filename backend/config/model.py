"""Frozen settings with their defaults. Times in seconds, caps in units of the order's own quote currency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from backend.domain.orders import Credentials
from backend.domain.records import Equivalent


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each kind of call may take, and when a slow health answer counts as degraded."""

    health_s: float = 5.0
    degraded_after_s: float = 1.0
    read_s: float = 3.0
    place_s: float = 12.0
    cancel_s: float = 12.0
    send_window_s: float = 5.0
    lookup_window_s: float = 60.0
    health_max_age_s: float = 1.0
    retry_after_all_down_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Notional caps, in USD-like quote units after conversion. ``per_venue`` overrides ``per_exchange`` by name."""

    per_order: Decimal = Decimal(100_000)
    per_exchange: Decimal = Decimal(1_000_000)
    per_venue: Mapping[str, Decimal] = field(default_factory=dict)

    def of_venue(self, venue: str) -> Decimal:
        return self.per_venue.get(venue, self.per_exchange)


@dataclass(frozen=True, slots=True)
class VenueSettings:
    """One venue's account. ``endpoint`` replaces scheme, host and port of every request (an emulator's address)."""

    credentials: Credentials = field(default_factory=Credentials)
    account: str = "main"
    endpoint: str | None = None


PAPER_CURRENCIES = ("USD", "USDT", "USDC", "EUR", "GBP", "NOK")


@dataclass(frozen=True, slots=True)
class PaperSettings:
    """What an account on paper starts with, by asset; what is not named is zero."""

    balances: Mapping[str, Decimal] = field(default_factory=lambda: dict.fromkeys(PAPER_CURRENCIES, Decimal(100_000)))


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a runtime is built from."""

    default_exchange: str = "binance"
    allowed_exchanges: tuple[str, ...] = ()
    journal_path: str | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    limits: Limits = field(default_factory=Limits)
    venues: Mapping[str, VenueSettings] = field(default_factory=dict)
    equivalents: Mapping[str, tuple[Equivalent, ...]] = field(default_factory=dict)
    paper: PaperSettings = field(default_factory=PaperSettings)

    def venue(self, name: str) -> VenueSettings:
        return self.venues.get(name, VenueSettings())


@dataclass(frozen=True, slots=True)
class ExecutionConfig:
    """How ``run_execution_loop`` and ``build_execution_adapter`` execute; the defaults need no set-up.

    ``exchange`` is the exchange of ``build_execution_adapter``. ``default_exchange`` is tried when every exchange of a
    chain is down. ``concurrency`` bounds the signals worked on at once.
    """

    exchange: str = "binance"
    default_exchange: str = "binance"
    slippage_bps: Decimal = Decimal(50)
    valid_for_s: float = 30.0
    concurrency: int = 8
