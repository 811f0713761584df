"""Comparing the venues with a journal: it is read, and nothing is sent but questions. One that was put back is told
which venues were looked at; for that it is locked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from backend.bootstrap.parts import journal_path, open_journal, read_settings
from backend.bootstrap.runtime import Runtime
from backend.config.model import Settings
from backend.domain.errors import ConfigurationError, JournalLocked

if TYPE_CHECKING:
    from backend.services.execution.sweep import Swept


def with_keys(settings: Settings) -> tuple[str, ...]:
    """The venues at which there is an account to compare with."""
    return tuple(venue for venue, own in settings.venues.items() if own.credentials)


async def sweep_venues(
    path: Path | None = None, symbols: Collection[str] = (), *, runtime: Runtime | None = None
) -> Swept:
    """Looks at every configured venue for orders of ours that the journal does not know: for the symbols of the
    journal, of the settings' equivalents and those given. Raises JournalError, ConfigurationError.

    A ``runtime`` that is given stays open.
    """
    from backend.integrations.journal import reader
    from backend.services.execution.sweep import OVERLAP_S, Sweep

    used = runtime or Runtime(read_settings())
    try:
        settings = used.settings
        configured = with_keys(settings)
        if not configured:
            raise ConfigurationError("no exchange has keys in the settings: there is no account to compare with")
        chosen = path or journal_path(settings)
        memory = reader.memory(chosen)
        wanted = {*memory.symbols, *symbols, *settings.equivalents}
        wanted |= {equivalent.symbol for group in settings.equivalents.values() for equivalent in group}
        since = max(0.0, (memory.last_at or 0.0) - OVERLAP_S)
        sweep = Sweep(memory.cluster_tag, since, partial(reader.knows, chosen), used.telemetry)
        await used.load(*configured)
        swept = await sweep.look({venue: used.adapter(venue) for venue in configured}, wanted)
        return await _kept(swept, chosen, configured, used.clock.now()) if memory.halted else swept
    finally:
        if runtime is None:
            await used.close()


async def _kept(swept: Swept, path: Path, configured: Collection[str], now: float) -> Swept:
    """Writes into a journal that was put back which venues were looked at. Its confirmation asks for that."""
    try:
        journal = open_journal(Settings(journal_path=str(path)))
    except JournalLocked:
        return replace(swept, kept="not kept: a router has the journal; stop it, and run this again before you confirm")
    try:
        found = [f"{one.venue} {one.venue_order_id}" for one in swept.orphans]
        await journal.record_sweep(swept.looked, found, swept.problems, now=now)
    finally:
        await journal.close()
    missing = ", ".join(venue for venue in configured if venue not in swept.looked)
    if missing:
        return replace(swept, kept=f"kept, but not to its end: {missing}; run this again before you confirm")
    return replace(swept, kept="kept: see to what was found, then `quantum-trader journal confirm --reason ...`")
