"""The parts that a runtime is put together from: settings, clock, ids, journal, transport, rules of an emulation."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from backend.config.model import Settings
from backend.domain.errors import ConfigurationError
from backend.domain.rules import Fact, RateRule, VenueRules, Verification
from backend.policies.routing_tables import known_exchange
from backend.ports.clock import Clock
from backend.ports.ids import Ids
from backend.ports.journal import Journal
from backend.ports.transport import Transport

if TYPE_CHECKING:
    from backend.integrations.system.clock import ScaledClock

APPLICATION = "quantum-trader"
JOURNAL_NAME = "journal.sqlite"
EMULATED_RATE = RateRule(requests=1_000, period_s=1.0)
T = TypeVar("T")


def checked(settings: Settings) -> Settings:
    """The settings, if every exchange they name exists. Raises ConfigurationError."""
    for name in (settings.default_exchange, *settings.allowed_exchanges, *settings.venues, *settings.limits.per_venue):
        known_exchange(name)
    return settings


def read_settings() -> Settings:
    """The settings of file and environment. Raises ConfigurationError."""
    from backend.config.load import load_settings

    return checked(load_settings(os.environ, Path.cwd()))


def journal_path(settings: Settings) -> Path:
    """Where the journal lies: the setting, or the user's data directory."""
    if settings.journal_path is not None:
        return Path(settings.journal_path).expanduser()
    import platformdirs

    return platformdirs.user_data_path(APPLICATION) / JOURNAL_NAME


def open_journal(settings: Settings) -> Journal:
    """Opens and locks the journal. Raises JournalLocked, JournalCorrupt, JournalError; ConfigurationError for a path of
    the settings whose folder does not exist: a journal begun at a mistyped place would know of no order."""
    from backend.integrations.journal.journal import SqliteJournal

    path = journal_path(settings)
    if settings.journal_path is None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    elif not path.parent.is_dir():
        raise ConfigurationError(
            f"journal_path {path}: the folder {path.parent} does not exist; make it, or correct it"
        )
    return SqliteJournal.open(path)


def http_transport(settings: Settings, clock: Clock) -> Transport:
    """The real HTTP transport, with the venues' endpoints of the settings."""
    from backend.integrations.exchanges.factory import hosts
    from backend.integrations.transport.aiohttp_transport import AiohttpTransport

    endpoints = {}
    for venue, own_hosts in hosts().items():
        endpoint = settings.venue(venue).endpoint
        if endpoint is not None:
            endpoints.update(dict.fromkeys(own_hosts, endpoint))
    return AiohttpTransport(clock=clock, endpoints=endpoints)


def system_clock() -> Clock:
    """The machine's clock."""
    from backend.integrations.system.clock import SystemClock

    return SystemClock()


def scaled_clock(scale: float, origin: tuple[float, float] | None = None) -> ScaledClock:
    """A clock that runs ``scale`` times faster from now on (1 to 5), for demos and drills; with another one's
    ``origin``, in step with it."""
    from backend.integrations.system.clock import ScaledClock

    return ScaledClock(scale, origin=origin)


def fresh_id() -> str:
    """An id that nobody else has."""
    from backend.integrations.system.ids import SystemIds

    return SystemIds().new_id()


def seeded_ids(seed: int) -> Ids:
    """Ids that repeat with the seed, for demos and drills."""
    from backend.integrations.system.ids import SeededIds

    return SeededIds(seed)


def emulated_rules(venue: str, *, engine_s: float, visibility_s: float) -> VenueRules:
    """The venue's rules with what differs at its emulation: its own short bounds, and plain pools at a rate that it can
    serve. What the venue says when we are too many stays.

    Only for a runtime that is pointed at an emulator: a live venue's rules are never shrunk.
    """
    from backend.integrations.exchanges.factory import rules_of

    def emulated(value: T) -> Fact[T]:
        return Fact(value, Verification.RUN, "2026-11-23", "the emulator's own rules")

    rules = rules_of(venue)
    return replace(
        rules,
        engine_bound_s=emulated(engine_s),
        visibility_bound_s=emulated(visibility_s),
        order_rate=emulated(EMULATED_RATE),
        read_rate=emulated(EMULATED_RATE),
        limits=replace(rules.limits, pools=(), costs={}, told=()),
    )


def environment_names(variable: str) -> tuple[str, ...]:
    """The comma-separated names of an environment variable, in lower case."""
    return tuple(name.strip().lower() for name in os.environ.get(variable, "").split(",") if name.strip())
