"""Builds a venue's adapter by name. Importing this module imports neither ccxt nor an HTTP library."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from threading import Lock

from backend.config.model import Timeouts, VenueSettings
from backend.domain.errors import NoAdapterYet
from backend.domain.rules import VenueRules
from backend.integrations.exchanges.binance.rules import RULES as BINANCE
from backend.integrations.exchanges.firi.rules import RULES as FIRI
from backend.integrations.exchanges.kraken.rules import RULES as KRAKEN
from backend.ports.clock import Clock
from backend.ports.exchange import AttemptRunner, ExchangeAdapter
from backend.ports.ids import Ids
from backend.ports.transport import Transport

ADAPTERS: Mapping[str, str] = {
    "binance": "backend.integrations.exchanges.binance.adapter:BinanceAdapter",
    "kraken": "backend.integrations.exchanges.kraken.adapter:KrakenAdapter",
    "firi": "backend.integrations.exchanges.firi.adapter:FiriAdapter",
}
"""Venue to ``module:class``. The modules load ccxt, so they are imported when an adapter is built."""

RULES: Mapping[str, VenueRules] = {rules.venue: rules for rules in (BINANCE, KRAKEN, FIRI)}


def rules_of(venue: str) -> VenueRules:
    """The venue's rules, without loading its adapter. Raises NoAdapterYet."""
    return RULES[_with_adapter(venue)]


_LOADING = Lock()


def load(venue: str) -> None:
    """Imports the venue's adapter, which takes about a second the first time; safe in another thread. A venue without
    an adapter is nothing to load."""
    if venue in ADAPTERS:
        # One at a time: two threads that import parts of one package can wait for each other.
        with _LOADING:
            import_module(ADAPTERS[venue].partition(":")[0])


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
    """The venue's adapter. The first one takes about a second: ccxt is loaded. Raises NoAdapterYet.

    ``rules`` replaces the venue's own, for a venue that is emulated.
    """
    module, _, name = ADAPTERS[_with_adapter(venue)].partition(":")
    adapter: ExchangeAdapter = getattr(import_module(module), name)(
        settings=settings, timeouts=timeouts, transport=transport, clock=clock, ids=ids, runner=runner, rules=rules
    )
    return adapter


def _with_adapter(venue: str) -> str:
    if venue not in ADAPTERS:
        raise NoAdapterYet(venue, tuple(ADAPTERS))
    return venue
