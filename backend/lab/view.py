"""How a running demo looks: a live table on a terminal, plain lines elsewhere; and the report's tables."""

from __future__ import annotations

from collections import Counter, deque
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from backend.domain.lifecycle import IntentState
from backend.domain.money import plain
from backend.lab.report import DemoReport, Played, Recovery, failover_of

EVENTS_SHOWN = 8
FAILOVERS_SHOWN = 12


class DemoView(Protocol):
    """Is told what happens; decides nothing."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def said(self, line: str) -> None:
        """A sentence about the run."""
        ...

    def act(self, name: str, what: str, orders: int) -> None:
        """An act begins."""
        ...

    def done(self, played: Played) -> None:
        """An order ended."""
        ...


class LineView:
    """Plain lines on the error stream: one for each act and sentence."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Nothing to put back."""

    def said(self, line: str) -> None:
        self._console.print(line, highlight=False)

    def act(self, name: str, what: str, orders: int) -> None:
        self._console.print(f"{name}: {what} ({orders} orders)", highlight=False)

    def done(self, played: Played) -> None:
        """Single orders are not worth a line here."""


class LiveView:
    """A live panel: progress of the acts, fills per venue, and the last things that happened."""

    def __init__(self, console: Console, orders: int) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
        )
        self._all = self._progress.add_task("all orders", total=orders)
        self._act = self._progress.add_task("", total=1, visible=False)
        self._states: Counter[str] = Counter()
        self._filled: Counter[str] = Counter()
        self._events: deque[str] = deque(maxlen=EVENTS_SHOWN)
        self._live = Live(console=console, refresh_per_second=8, get_renderable=self._picture)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def said(self, line: str) -> None:
        self._events.append(line)

    def act(self, name: str, what: str, orders: int) -> None:
        self._progress.update(self._act, description=name, total=orders, completed=0, visible=True)
        self._events.append(f"[bold]{name}[/bold]: {what}")

    def done(self, played: Played) -> None:
        result = played.result
        self._progress.advance(self._all)
        self._progress.advance(self._act)
        self._states[result.state.value] += 1
        self._filled.update(fill.venue for fill in result.fills)
        failover = failover_of(played)
        if failover is not None:
            self._events.append(
                f"{failover.order}: {failover.primary} → {failover.selected} ({failover.cause}) {failover.detail[:60]}"
            )
        elif result.state is IntentState.PARKED:
            self._events.append(f"{result.intent_id}: parked, {plain(result.blocked)} blocked ({result.reason})")

    def _picture(self) -> Group:
        counts = Table.grid(padding=(0, 3))
        counts.add_row("orders", *(f"{state} {count}" for state, count in sorted(self._states.items())))
        counts.add_row("fills", *(f"{venue} {count}" for venue, count in sorted(self._filled.items())))
        return Group(
            self._progress, counts, Panel("\n".join(self._events), title="what happens", height=EVENTS_SHOWN + 2)
        )


def print_report(console: Console, report: DemoReport) -> None:
    """The report as tables, ending with the verdict in one sentence."""
    console.print(_acts(report), _venues(report), sep="\n")
    if report.failovers:
        console.print(_failovers(report))
    if report.unknowns:
        console.print(_unknowns(report))
    for line in verdict_lines(report):
        console.print(line, highlight=False)


def verdict_lines(report: DemoReport) -> list[str]:
    """The reconciliation in sentences."""
    verdict = report.verdict
    lines = [
        *_recovery(report.recovery),
        f"Reconciliation with the exchanges' own books: intended {plain(verdict.intended)}, "
        f"executed {plain(verdict.executed)}, reported short {plain(verdict.shortfall)}; "
        f"duplicates {verdict.duplicates}, lost {verdict.lost}, "
        f"parked {verdict.parked} (executed while parked: {verdict.parked_executed}).",
        *(f"MISMATCH: {mismatch}" for mismatch in verdict.mismatches),
    ]
    told = "PASSED: every order accounted for, none executed twice" if report.passed else "FAILED: see above"
    return [*lines, f"{told} (seed {report.seed}, {report.orders} orders, {report.seconds:.0f} s)."]


def _recovery(recovery: Recovery | None) -> list[str]:
    if recovery is None:
        return []
    return [
        f"The router was killed with {recovery.in_flight} orders under way and {recovery.attempts} attempts open, "
        f"{recovery.executed} of them executed without its knowing; the next one took orders after "
        f"{recovery.took_s:.1f} s. Of the open attempts {recovery.adopted} were found and adopted, "
        f"{recovery.proven_dead} proven dead, {recovery.parked} parked; every order under way was repeated with its id."
    ]


def _acts(report: DemoReport) -> Table:
    table = Table(title="Acts", title_justify="left")
    table.add_column("act")
    table.add_column("what happens", overflow="fold")
    for name in ("orders", "filled %", "refused", "parked", "unknown"):
        table.add_column(name, justify="right")
    for act in report.acts:
        share = f"{act.filled_share * 100:.1f}"
        table.add_row(act.act, act.what, str(act.orders), share, str(act.rejected), str(act.parked), str(act.unknown))
    return table


def _venues(report: DemoReport) -> Table:
    table = Table(title="Exchanges (latency in venue time)", title_justify="left")
    for name in ("exchange", "books"):
        table.add_column(name)
    for name in ("attempts", "fills", "in its ledger", "refused", "unknown", "p50 ms", "p95 ms"):
        table.add_column(name, justify="right")
    for v in report.venues:
        latencies = ("-" if ms is None else f"{ms:.0f}" for ms in (v.order_ms_p50, v.order_ms_p95))
        counts = (str(n) for n in (v.attempts, v.fills, v.ledger_trades, v.refused, v.unknown))
        table.add_row(v.venue, v.stands_for, *counts, *latencies)
    return table


def _failovers(report: DemoReport) -> Table:
    causes = Counter((f.primary, f.selected, f.cause) for f in report.failovers)
    table = Table(title=f"Failovers ({len(report.failovers)})", title_justify="left")
    for name in ("from", "to", "cause", "for example"):
        table.add_column(name, overflow="fold")
    table.add_column("orders", justify="right")
    table.add_column("first at s", justify="right")
    for (primary, selected, cause), count in causes.most_common(FAILOVERS_SHOWN):
        first = next(f for f in report.failovers if (f.primary, f.selected, f.cause) == (primary, selected, cause))
        table.add_row(primary, selected, cause, first.detail[:70], str(count), f"{first.at:.1f}")
    return table


def _unknowns(report: DemoReport) -> Table:
    table = Table(title=f"Orders whose answer was lost ({len(report.unknowns)})", title_justify="left")
    for name in ("act", "order", "exchange", "why unknown", "how settled"):
        table.add_column(name)
    for line in report.unknowns[:FAILOVERS_SHOWN]:
        table.add_row(line.act, line.order, line.venue, line.reason, line.settled)
    if len(report.unknowns) > FAILOVERS_SHOWN:
        table.add_row("…", "", "", "", f"and {len(report.unknowns) - FAILOVERS_SHOWN} more (see --json)")
    return table
