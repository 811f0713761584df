"""KuCoin spot. ``KucoinAdapter`` is imported when it is asked for, because that loads ccxt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backend.integrations.exchanges.kucoin.adapter import KucoinAdapter

__all__ = ["KucoinAdapter"]


def __getattr__(name: str) -> object:
    if name == "KucoinAdapter":
        from backend.integrations.exchanges.kucoin.adapter import KucoinAdapter

        return KucoinAdapter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
