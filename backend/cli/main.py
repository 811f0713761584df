"""The command: data on standard output, progress and logs on standard error, one exit-code table.

The table is in ``backend.cli.statuses``. Each command imports what it needs when it runs.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from backend.cli.desk import events, venues
from backend.cli.journal import app as journal
from backend.cli.order import app as order
from backend.cli.output import PIPE_WIDTH, complain, drop_output, open_streams, paper
from backend.cli.simulate import simulate
from backend.cli.statuses import FAILED, OK, status_of_error
from backend.cli.words import exchange_name, exchange_names
from backend.domain.errors import QuantumTraderError

app = typer.Typer(
    name="quantum-trader",
    help="An order router that knows which exchange is healthy and never executes an order twice.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)

app.add_typer(order, name="order")
app.add_typer(journal, name="journal")
app.command()(events)
app.command()(venues)
app.command()(simulate)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


@app.command()
def demo(
    books: Annotated[Path | None, typer.Option(help="Recorded quotes to replay: a folder or a mapping file.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed asks for the same orders and faults.")] = 1,
    orders: Annotated[int, typer.Option(min=50, max=5_000, help="How many orders to route.")] = 320,
    as_json: Json = False,
) -> None:
    """Routes orders to six emulated exchanges while they fail, and proves from their own books that nothing was
    executed twice or lost. Exit status 0 only if that holds exactly."""
    from backend.lab.demo import DemoOptions, run_demo
    from backend.lab.view import LineView, LiveView, print_report

    live = sys.stderr.isatty() and not as_json
    screen = Console(stderr=True, width=None if sys.stderr.isatty() else PIPE_WIDTH, markup=live)
    view = LiveView(screen, orders) if live else LineView(screen)
    report = asyncio.run(run_demo(DemoOptions(seed=seed, orders=orders, books=books), view))
    if as_json:
        sys.stdout.write(json.dumps(report.document(), indent=2) + "\n")
    else:
        print_report(paper(), report)
    raise typer.Exit(OK if report.passed else FAILED)


@app.command()
def emulator(
    ports: Annotated[
        str, typer.Option(help="Control port, the venues follow at their places; or several: kraken=5000,control=4100.")
    ] = "4100",
    venues: Annotated[str | None, typer.Option(help="Venues with commas between them; without it all.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of books, ids and faults.")] = 1,
    scenario: Annotated[Path | None, typer.Option(help="Scenario file with timed faults, JSON or TOML.")] = None,
    limits: Annotated[bool, typer.Option("--limits", help="Count requests and refuse too many.")] = False,
    withdrawing: Annotated[str, typer.Option(help="Venues whose key may also withdraw, with commas.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as one line of JSON.")] = False,
) -> None:
    """Serves the emulated exchanges on loopback ports until it is stopped."""
    from backend.cli.emulator import serve

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    work = serve(ports, seed, scenario, venues=venues, limits=limits, withdrawing=withdrawing, as_json=as_json)
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(OK) from None


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Loopback port; 0 takes any free one.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as one line of JSON.")] = False,
) -> None:
    """Runs a router until it is stopped; the other commands then ask it, over a loopback port with a token."""
    from backend.cli.serve import serve as served

    asyncio.run(served(port, as_json=as_json))


@app.command()
def health(
    exchanges: Annotated[
        list[str] | None, typer.Argument(help="Exchanges to ask; without any, all.", callback=exchange_names)
    ] = None,
    as_json: Json = False,
) -> None:
    """Asks each exchange's public time endpoint once. Exit status 1 when none is ok."""
    from backend.bootstrap import read_settings
    from backend.policies.exchange_failover_policy import get_exchange_health, is_healthy
    from backend.policies.routing_tables import EXCHANGES

    read_settings()  # a mistake in the settings is told as such, not as six exchanges that are down
    names = exchanges or EXCHANGES

    async def ask() -> dict[str, dict[str, object]]:
        answers = await asyncio.gather(*(get_exchange_health(name) for name in names))
        return {name: {**answer} for name, answer in zip(names, answers, strict=True)}

    answers = asyncio.run(ask())
    if as_json:
        sys.stdout.write(json.dumps(answers, indent=2) + "\n")
    else:
        table = Table("exchange", "status", "latency ms", "last error")
        for name, answer in answers.items():
            latency = answer["latency_ms"]
            table.add_row(
                name,
                str(answer["status"]),
                "-" if latency is None else f"{latency:.0f}",
                str(answer["last_error"] or ""),
            )
        paper().print(table)
    raise typer.Exit(OK if any(is_healthy(answer) for answer in answers.values()) else FAILED)


@app.command()
def chain(
    exchange: Annotated[
        str | None, typer.Argument(help="One exchange; without it, all.", callback=exchange_name)
    ] = None,
    as_json: Json = False,
) -> None:
    """Prints the failover chains in force: those of the exchanges that the settings allow."""
    from backend.bootstrap import read_settings
    from backend.policies.exchange_failover_policy import get_failover_chain
    from backend.policies.routing_tables import EXCHANGES

    allowed = read_settings().allowed_exchanges
    names = [exchange] if exchange else list(EXCHANGES)
    chains = {name: [link for link in get_failover_chain(name) if not allowed or link in allowed] for name in names}
    if as_json:
        sys.stdout.write(json.dumps(chains, indent=2) + "\n")
        return
    table = Table("exchange", "failover chain")
    for name, links in chains.items():
        table.add_row(name, " → ".join(links))
    paper().print(table)


@app.command()
def version() -> None:
    """Prints the version."""
    from importlib.metadata import version as installed

    sys.stdout.write(f"quantum-trader {installed('quantum-trader')}\n")


def main() -> None:
    """Runs the command; typed errors become one line on standard error and an exit status."""
    open_streams()
    try:
        app()
    except QuantumTraderError as error:
        complain(f"quantum-trader: {error}")
        sys.exit(status_of_error(error))
    except OSError as error:
        complain(f"quantum-trader: the output cannot be written, or a file not be used: {error}")
        drop_output()
        sys.exit(FAILED)
