"""Comparing the venues with a journal: it is read, not locked, and nothing is sent but questions."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from backend.bootstrap.parts import journal_path, read_settings
from backend.bootstrap.runtime import Runtime
from backend.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from backend.services.execution.sweep import Swept


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
        configured = [venue for venue, own in settings.venues.items() if own.credentials]
        if not configured:
            raise ConfigurationError("no exchange has keys in the settings: there is no account to compare with")
        chosen = path or journal_path(settings)
        memory = reader.memory(chosen)
        wanted = {*memory.symbols, *symbols, *settings.equivalents}
        wanted |= {equivalent.symbol for group in settings.equivalents.values() for equivalent in group}
        since = max(0.0, (memory.last_at or 0.0) - OVERLAP_S)
        sweep = Sweep(memory.cluster_tag, since, partial(reader.knows, chosen), used.telemetry)
        await used.load(*configured)
        return await sweep.look({venue: used.adapter(venue) for venue in configured}, wanted)
    finally:
        if runtime is None:
            await used.close()
