"""OKX v5 spot. ``OkxAdapter`` is imported when it is asked for, because that loads ccxt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backend.integrations.exchanges.okx.adapter import OkxAdapter

__all__ = ["OkxAdapter"]


def __getattr__(name: str) -> object:
    if name == "OkxAdapter":
        from backend.integrations.exchanges.okx.adapter import OkxAdapter

        return OkxAdapter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
