"""The commands ``quantum-trader order``: what the journal holds of orders, and an operator's word about one."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer
from rich.table import Column, Table

from backend.cli.output import paper
from backend.cli.statuses import OK, UNKNOWN
from backend.domain.lifecycle import IntentState
from backend.domain.money import plain
from backend.services.control.documents import order_document, summary

if TYPE_CHECKING:
    from backend.domain.records import IntentRecord

DEAD, FILLED = "dead", "filled="

app = typer.Typer(help="Orders as the journal has them.", no_args_is_help=True)

File = Annotated[Path | None, typer.Option("--file", help="The journal; without it the one of the settings.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


@app.command("list")
def list_orders(
    open_only: Annotated[bool, typer.Option("--open", help="Only orders that are not final.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest first.")] = 20,
    file: File = None,
    as_json: Json = False,
) -> None:
    """The newest orders, or those that wait for something."""
    from backend.bootstrap import recent_orders

    records = recent_orders(limit, open_only=open_only, path=file)
    if as_json:
        sys.stdout.write(json.dumps([summary(record) for record in records], indent=2) + "\n")
        return
    # An id that is cut could not be asked for.
    table = Table(Column("order", overflow="fold"), "when (UTC)", "what", "state", "filled", "blocked", "where")
    for record in records:
        intent = record.intent
        table.add_row(
            intent.id,
            _when(record.created_at),
            f"{intent.side.value} {plain(intent.quantity)} {intent.symbol}",
            _state(record),
            plain(record.filled),
            plain(record.blocked),
            " → ".join(attempt.venue for attempt in record.attempts),
        )
    paper().print(table)


@app.command()
def show(
    order: Annotated[str, typer.Argument(help="The order's id.")], file: File = None, as_json: Json = False
) -> None:
    """One order: every attempt with its evidence and the proof that ended it, and every fill."""
    from backend.bootstrap import stored_order, unresolved_until

    record = stored_order(order, path=file)
    until = unresolved_until(record)
    if as_json:
        sys.stdout.write(json.dumps(order_document(record, until), indent=2) + "\n")
        return
    intent, screen = record.intent, paper()
    screen.print(f"{intent.id}: {intent.side.value} {plain(intent.quantity)} {intent.symbol}, {_state(record)}")
    screen.print(f"accepted {_when(record.created_at)}, wanted until {_when(record.valid_until)} (UTC)")
    if until is not None:
        screen.print(f"in doubt: that it did not execute can be proven from {_when(until)} (UTC)")
    attempts = Table("#", "exchange", "quantity", "limit", "state", "proof", "evidence", title="Attempts", expand=True)
    for attempt in record.attempts:
        request = attempt.order
        attempts.add_row(
            str(attempt.number),
            attempt.venue,
            plain(request.quantity),
            f"{plain(request.price)} {request.symbol.partition('/')[2]}",
            attempt.state.value,
            "-" if attempt.proof is None else attempt.proof.value,
            attempt.evidence + (f" ({attempt.lookups} look-ups)" if attempt.lookups else ""),
        )
    screen.print(attempts)
    fills = Table("exchange", "trade", "quantity", "price", "fee", "when (UTC)", title="Fills", expand=True)
    for fill in record.fills:
        fee = f"{plain(fill.fee)} {fill.fee_asset}".strip()
        fills.add_row(fill.venue, fill.trade_id, plain(fill.quantity), plain(fill.price), fee, _when(fill.at))
    screen.print(fills)


@app.command()
def resolve(
    order: Annotated[str, typer.Argument(help="The id of an order that waits for evidence.")],
    word: Annotated[str, typer.Option("--as", help="What you saw there: dead, or filled=ALL THAT IT EXECUTED.")],
    reason: Annotated[str, typer.Option(help="How you know it; kept in the journal.")],
    file: File = None,
    as_json: Json = False,
) -> None:
    """Ends a parked order by your word, which no program can check: look at the exchange's own page first. The journal
    keeps it with the reason. Exit status 6 while the order waits for more than you have told."""
    from backend.bootstrap import resolve_order, running_router
    from backend.cli.remote import ask

    filled, router = _quantity(word), running_router(file)
    told: Any
    if router is None:
        told = order_document(asyncio.run(resolve_order(order, filled, reason, path=file)))
    else:
        body = {"filled": plain(filled), "reason": reason}
        told = ask(router, "POST", f"/v1/orders/{quote(order, safe='')}/resolve", body=body)
    if as_json:
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    else:
        state = told["state"] if told["reason"] is None else f"{told['state']} ({told['reason']})"
        sys.stdout.write(f"{order}: {state}, filled {told['filled']} of {told['quantity']}\n")
    raise typer.Exit(OK if IntentState(told["state"]).final else UNKNOWN)


def _quantity(word: str) -> Decimal:
    if word == DEAD:
        return Decimal(0)
    text = word.removeprefix(FILLED)
    if text == word or not text.replace(".", "", 1).isdecimal():
        raise typer.BadParameter(f"--as {word!r}: say dead, or filled=QUANTITY with a plain decimal number")
    return Decimal(text)


def _state(record: IntentRecord) -> str:
    return record.state.value if record.reason is None else f"{record.state.value} ({record.reason.value})"


def _when(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"
