"""Paper: an exchange that exists in memory and fills against the books of a real one."""

from __future__ import annotations

from backend.integrations.exchanges.paper.adapter import PaperExchangeAdapter

__all__ = ["PaperExchangeAdapter"]
