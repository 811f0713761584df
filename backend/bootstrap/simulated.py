"""The parts of a simulated router: its journal, and where the exchanges' hosts are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backend.integrations.journal.inline import MemoryStore

__all__ = ["MemoryStore", "memory_store", "venue_hosts"]


def memory_store(tag: str) -> MemoryStore:
    """Tables in memory that outlive the routers on them."""
    from backend.integrations.journal.inline import MemoryStore as Store

    return Store(tag)


def venue_hosts() -> Mapping[str, str]:
    """Host to exchange, for all exchanges."""
    from backend.integrations.exchanges.factory import hosts

    return {host: venue for venue, own in hosts().items() for host in own}
