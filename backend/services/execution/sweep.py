"""Orders of ours at the venues that the journal does not know: what a journal that was put back has forgotten.

It only reads and tells: what is to be done about such an order is an operator's decision (docs/operating/restore.md).
Finding none proves nothing where a venue's lists are cut, or where it keeps no id of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from backend.domain.errors import QuantumTraderError
from backend.domain.ids import CLUSTER_TAG_LENGTH, DIGEST_LENGTH, INCARNATION_LENGTH
from backend.domain.orders import OrderRef, OrderReport
from backend.ports.exchange import ExchangeAdapter
from backend.ports.telemetry import Telemetry

ID_LENGTH = CLUSTER_TAG_LENGTH + INCARNATION_LENGTH + DIGEST_LENGTH
SYMBOLS_MAX = 200
ORDERS_MAX = 1_000
"""So many executed orders of one venue and symbol are asked for one by one; more is told as a problem."""

OVERLAP_S = 300.0
"""The trades of so long before the backup's last event are looked at too: clocks differ, and lists lag."""


@dataclass(frozen=True, slots=True)
class Swept:
    """``orphans``: ours by their id, and not in the journal. ``problems``: what could not be looked at, in words.
    ``looked``: the venues that were looked at as far as they can be: one that failed, or whose lists were cut short by
    our own bounds, is none of them. ``kept``: what became of the sweep, in words, where the journal waits for one."""

    orphans: tuple[OrderReport, ...]
    problems: tuple[str, ...]
    looked: tuple[str, ...] = ()
    kept: str = ""

    @property
    def clean(self) -> bool:
        return not self.orphans and not self.problems


def ours(report: OrderReport, cluster_tag: str) -> bool:
    """Did a router of this cluster make that id? Orders of other programs, and by hand, are not ours to judge."""
    name = report.client_id or ""
    return len(name) == ID_LENGTH and name.startswith(cluster_tag)


def orphans(reports: Iterable[OrderReport], cluster_tag: str, known: Callable[[str], bool]) -> tuple[OrderReport, ...]:
    """Those that are ours and whose client id the journal does not know, each once, in the order told."""
    found = {(r.venue, r.venue_order_id): r for r in reports if ours(r, cluster_tag) and not known(r.client_id or "")}
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class Sweep:
    """``since``: from when on trades are looked at, in epoch seconds. ``known``: is that client id in the journal?"""

    cluster_tag: str
    since: float
    known: Callable[[str], bool]
    telemetry: Telemetry

    async def look(self, adapters: Mapping[str, ExchangeAdapter], symbols: Collection[str]) -> Swept:
        """Asks every venue for every symbol that it has. A venue that does not answer is a problem, not an end."""
        found: list[OrderReport] = []
        problems: list[str] = []
        cut = set(adapters) if len(symbols) > SYMBOLS_MAX else set()
        if cut:
            problems.append(f"{len(symbols)} symbols: only the first {SYMBOLS_MAX} were looked at; name the others")
        for venue, adapter in adapters.items():
            if adapter.rules.client_id is None:
                problems.append(f"{venue} keeps no id of ours: compare its orders by hand")
                continue
            try:
                await adapter.warm()
                here = [s for s in sorted(symbols)[:SYMBOLS_MAX] if s in await adapter.instruments()]
            except QuantumTraderError as error:
                problems.append(f"{venue}: {error}")
                cut.add(venue)
                continue
            for symbol in here:
                found += await self._seen(adapter, symbol, problems, cut)
        lost = orphans(found, self.cluster_tag, self.known)
        for report in lost:
            self.telemetry.error(
                "An order of ours that the journal does not know",
                exchange=report.venue,
                symbol=report.symbol,
                exchange_order_id=report.venue_order_id,
                client_id=report.client_id,
                status=report.status.value,
                filled=report.filled,
            )
        return Swept(lost, tuple(problems), tuple(venue for venue in adapters if venue not in cut))

    async def _seen(
        self, adapter: ExchangeAdapter, symbol: str, problems: list[str], cut: set[str]
    ) -> list[OrderReport]:
        """What rests, and what executed since: a trade names its order, and the order names its client id. ``cut`` gets
        the venue where that is not all of it."""
        seen: list[OrderReport] = []
        try:
            seen += await adapter.open_orders(symbol)
            trades = await adapter.my_trades(symbol, since=self.since)
        except QuantumTraderError as error:
            problems.append(f"{symbol} at {adapter.venue}: {error}")
            cut.add(adapter.venue)
            return seen
        listed = {report.venue_order_id for report in seen}
        executed = [name for name in dict.fromkeys(t.venue_order_id for t in trades) if name not in listed]
        if len(executed) > ORDERS_MAX:
            problems.append(f"{symbol} at {adapter.venue}: {len(executed)} orders; only {ORDERS_MAX} were looked at")
            cut.add(adapter.venue)
        for name in executed[:ORDERS_MAX]:
            try:
                report = await adapter.get_order(OrderRef(symbol, name))
            except QuantumTraderError as error:
                problems.append(f"order {name} at {adapter.venue}: {error}")
                cut.add(adapter.venue)
                continue
            if report is None:
                problems.append(f"order {name} at {adapter.venue} has trades, but its id is not told any more")
            else:
                seen.append(report)
        return seen
