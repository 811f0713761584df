"""The balances of the one account that an emulated venue has: free and held, per asset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from backend.emulator.market import ZERO

ASSETS_MAX = 1_000

View = Callable[[Mapping[str, "Balance"]], Mapping[str, "Balance"]]


@dataclass(frozen=True, slots=True)
class Balance:
    """``free`` can be ordered with, ``held`` backs open orders."""

    free: Decimal = ZERO
    held: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """Everything the account owns of the asset."""
        return self.free + self.held


class Account:
    """Moves amounts between free and held. It never checks: the engine asks ``free`` before it takes an order."""

    def __init__(self, free: Mapping[str, Decimal]) -> None:
        self._balances = {asset: Balance(amount) for asset, amount in free.items()}
        self.view: View | None = None  # what is told instead of the truth, while a request is answered

    def balances(self) -> Mapping[str, Balance]:
        """All assets in the order in which they were first used."""
        return dict(self._balances) if self.view is None else self.view(dict(self._balances))

    def free(self, asset: str) -> Decimal:
        """What a new order may use."""
        return self._of(asset).free

    def set_free(self, asset: str, amount: Decimal) -> None:
        """Replace the free part, as a deposit or a withdrawal would. At most ASSETS_MAX assets are kept."""
        if asset not in self._balances and len(self._balances) >= ASSETS_MAX:
            raise ValueError(f"an account keeps at most {ASSETS_MAX} assets")
        self._balances[asset] = Balance(amount, self._of(asset).held)

    def hold(self, asset: str, amount: Decimal) -> None:
        """Set aside for an open order; a negative amount gives back."""
        balance = self._of(asset)
        self._balances[asset] = Balance(balance.free - amount, balance.held + amount)

    def pay(self, asset: str, amount: Decimal) -> None:
        """Money leaves the held part."""
        balance = self._of(asset)
        self._balances[asset] = Balance(balance.free, balance.held - amount)

    def receive(self, asset: str, amount: Decimal) -> None:
        """Money arrives, free at once."""
        balance = self._of(asset)
        self._balances[asset] = Balance(balance.free + amount, balance.held)

    def _of(self, asset: str) -> Balance:
        return self._balances.get(asset, Balance())
