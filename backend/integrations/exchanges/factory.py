"""Builds a venue's adapter by name. Importing this module imports neither ccxt nor an HTTP library."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from threading import Lock

from backend.config.model import Timeouts, VenueSettings
from backend.domain.rules import VenueRules
from backend.policies.routing_tables import EXCHANGES, known_exchange
from backend.ports.clock import Clock
from backend.ports.exchange import AttemptRunner, ExchangeAdapter
from backend.ports.ids import Ids
from backend.ports.transport import Transport

PACKAGE = "backend.integrations.exchanges"
"""Each venue is a folder here. ``rules`` holds RULES and is light; ``adapter`` holds ADAPTER and loads ccxt."""

RULES: Mapping[str, VenueRules] = {venue: import_module(f"{PACKAGE}.{venue}.rules").RULES for venue in EXCHANGES}


def rules_of(venue: str) -> VenueRules:
    """The venue's rules, without loading its adapter. Raises UnknownExchange."""
    return RULES[known_exchange(venue)]


_LOADING = Lock()


def load(venue: str) -> None:
    """Imports the venue's adapter, which takes about a second the first time; safe in another thread. An unknown
    name is nothing to load."""
    if venue in RULES:
        # One at a time: two threads that import parts of one package can wait for each other.
        with _LOADING:
            import_module(f"{PACKAGE}.{venue}.adapter")


def hosts() -> Mapping[str, tuple[str, ...]]:
    """The hosts that each venue's requests go to: what an endpoint setting replaces."""
    return {venue: (rules.host,) for venue, rules in RULES.items()}


def build_adapter(
    venue: str,
    *,
    settings: VenueSettings,
    timeouts: Timeouts,
    transport: Transport,
    clock: Clock,
    ids: Ids,
    runner: AttemptRunner | None = None,
    rules: VenueRules | None = None,
) -> ExchangeAdapter:
    """The venue's adapter. The first one takes about a second: ccxt is loaded. Raises UnknownExchange.

    ``rules`` replaces the venue's own, for a venue that is emulated.
    """
    module = import_module(f"{PACKAGE}.{known_exchange(venue)}.adapter")
    adapter: ExchangeAdapter = module.ADAPTER(
        settings=settings, timeouts=timeouts, transport=transport, clock=clock, ids=ids, runner=runner, rules=rules
    )
    return adapter
