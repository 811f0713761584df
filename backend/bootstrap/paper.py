"""A runtime for orders on paper: beside the real one, with a journal and an exposure of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from backend.bootstrap.parts import journal_path, open_journal
from backend.bootstrap.runtime import Runtime
from backend.config.model import Settings
from backend.domain.errors import UnknownExchange
from backend.policies.routing_tables import PAPER
from backend.ports.exchange import AttemptRunner, ExchangeAdapter

if TYPE_CHECKING:
    from backend.services.execution.router import Router

NO_STRATEGIES: Mapping[str, str] = {}


class PaperRuntime(Runtime):
    """Its one venue is paper, over the books of ``source``, which is read without keys. Has no transport of its own."""

    def __init__(self, parent: Runtime, source: str, runner: AttemptRunner | None = None) -> None:
        from backend.integrations.exchanges.paper import PaperExchangeAdapter

        super().__init__(
            _on_paper(parent.settings, source),
            clock=parent.clock,
            ids=parent.ids,
            telemetry=parent.telemetry,
            runner=runner,
            strategies=NO_STRATEGIES,
        )
        self._paper = PaperExchangeAdapter(
            source=parent.without_keys(source),
            balances=parent.settings.paper.balances,
            clock=self.clock,
            ids=self.ids,
            runner=self._runner,
        )

    def adapter(self, venue: str) -> ExchangeAdapter:
        """Raises UnknownExchange for every name but the paper's."""
        if venue != PAPER:
            raise UnknownExchange(venue, (PAPER,))
        return self._paper

    async def load(self, *venues: str) -> None:
        """Only what the books need, whatever is named."""
        del venues
        await super().load(self._paper.source)

    async def _opened_router(self) -> Router:
        journal = self._journal = self._journal or open_journal(self.settings)
        self._paper.restore([fill for _, fill in await journal.all_fills()])
        return await super()._opened_router()


def _on_paper(settings: Settings, source: str) -> Settings:
    """The settings with the paper's own journal, and without what is of the real exchanges: keys and use."""
    path = paper_journal_path(settings, source)
    return replace(settings, journal_path=str(path), allowed_exchanges=(), venues={})


def paper_journal_path(settings: Settings, source: str) -> Path:
    """Beside the real journal, one for each exchange whose books are used: ``journal-paper-binance.sqlite``."""
    path = journal_path(settings)
    return path.with_name(f"{path.stem}-{PAPER}-{source}{path.suffix}")
