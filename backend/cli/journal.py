"""The commands ``quantum-trader journal``: verify, export, backup, restore, orphans, confirm,
acknowledge."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from backend.cli.statuses import FAILED, OK
from backend.cli.words import exchange_name
from backend.domain.money import plain

app = typer.Typer(help="Looks at the journal: what it holds, and whether it holds together.", no_args_is_help=True)

File = Annotated[Path | None, typer.Option("--file", help="The journal; without it the one of the settings.")]


@app.command()
def verify(
    file: File = None, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False
) -> None:
    """Replays every event and compares: rows that were changed, added or lost, sums, states, the chain, the file.
    Exit status 1 when anything is wrong. A router may be running."""
    from backend.bootstrap import verify_journal

    path, verdict = verify_journal(file)
    counts = {
        "intents": verdict.intents,
        "attempts": verdict.attempts,
        "fills": verdict.fills,
        "events": verdict.events,
    }
    if as_json:
        document = {"file": str(path), "whole": verdict.whole, **counts, "problems": list(verdict.problems)}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        told = ", ".join(f"{count} {name}" for name, count in counts.items())
        sys.stdout.write(f"{path}: {told}\n")
        for problem in verdict.problems:
            sys.stdout.write(f"  {problem}\n")
        sys.stdout.write("whole\n" if verdict.whole else "NOT WHOLE: restore it from a backup, or ask what happened\n")
    raise typer.Exit(OK if verdict.whole else FAILED)


@app.command()
def export(
    table: Annotated[str, typer.Argument(help="intents, attempts, fills or events.")],
    form: Annotated[str, typer.Option("--format", help="csv, jsonl, or parquet (with --out).")] = "csv",
    file: File = None,
    out: Annotated[Path | None, typer.Option(help="Where to; without it standard output.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file of that name.")] = False,
) -> None:
    """Writes one table for other programs. Amounts are exact texts, times are epoch seconds."""
    from backend.bootstrap import export_file, export_journal

    if out is None:
        export_journal(table, form, sys.stdout, file)
        return
    count = export_file(table, form, out, file, force=force)
    sys.stderr.write(f"{count} {table} written to {out}\n")


Reason = Annotated[str, typer.Option(help="How you know it; kept in the journal.")]


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="The file to write.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file of that name.")] = False,
    file: File = None,
) -> None:
    """Copies the journal and verifies the copy. A router may be running."""
    from backend.bootstrap import back_up_journal

    count = back_up_journal(target, force=force, path=file)
    sys.stdout.write(f"{target}: {count} events, whole\n")


@app.command()
def restore(source: Annotated[Path, typer.Argument(help="A backup.")], file: File = None) -> None:
    """Puts a backup in the journal's place and keeps the one that stood there. The journal is halted then: nothing is
    accepted or sent until you have compared it with the exchanges and confirmed it. No router may be running."""
    from backend.bootstrap import restore_journal

    restored = restore_journal(source, file)
    sys.stdout.write(f"{restored.journal}: {restored.events} events, halted\n")
    if restored.aside is not None:
        sys.stdout.write(f"the journal that stood there is {restored.aside}\n")
    sys.stdout.write(
        "look for what it has forgotten: `quantum-trader journal orphans`; compare it with the exchanges;\n"
    )
    sys.stdout.write("then `quantum-trader journal confirm --reason ...`\n")


@app.command()
def orphans(
    symbol: Annotated[
        list[str] | None, typer.Option(help="Look at this market too, beside those of the journal and the settings.")
    ] = None,
    file: File = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Lists orders at the exchanges that carry our id and are not in the journal, resting or executed since its last
    event. Only asks; a journal that was put back keeps which exchanges were looked at, for `confirm`. Exit status 1
    when there are any, or when something could not be looked at."""
    from backend.bootstrap import sweep_venues

    swept = asyncio.run(sweep_venues(file, symbol or ()))
    rows = [
        {
            "exchange": report.venue,
            "symbol": report.symbol,
            "exchange_order_id": report.venue_order_id,
            "client_id": report.client_id,
            "side": report.side.value,
            "quantity": plain(report.quantity),
            "filled": plain(report.filled),
            "status": report.status.value,
        }
        for report in swept.orphans
    ]
    if as_json:
        document = {
            "clean": swept.clean,
            "orphans": rows,
            "problems": list(swept.problems),
            "looked": list(swept.looked),
            "kept": swept.kept,
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        for row in rows:
            sys.stdout.write(" ".join(str(value) for value in row.values()) + "\n")
        for problem in swept.problems:
            sys.stdout.write(f"not looked at: {problem}\n")
        sys.stdout.write(f"{len(rows)} orders of ours that the journal does not know\n")
        if swept.kept:
            sys.stdout.write(f"{swept.kept}\n")
    raise typer.Exit(OK if swept.clean else FAILED)


@app.command()
def confirm(
    reason: Reason,
    file: File = None,
    unswept: Annotated[
        bool, typer.Option("--unswept", help="Your word alone, without a sweep of every exchange; kept in the journal.")
    ] = False,
) -> None:
    """Ends the halt of a journal that was put back, by your word, after `journal orphans` has looked at every exchange
    that has keys. No router may be running."""
    from backend.bootstrap import confirm_journal

    halted = asyncio.run(confirm_journal(reason, file, unswept=unswept))
    sys.stdout.write("the journal was not halted\n" if halted is None else f"confirmed: {halted}\n")


@app.command()
def acknowledge(
    exchange: Annotated[str, typer.Argument(help="Whose account was halted.", callback=exchange_name)],
    reason: Reason,
    file: File = None,
) -> None:
    """Lets an account take orders again after more had executed there than was asked for. No router may be running."""
    from backend.bootstrap import acknowledge_account

    count = asyncio.run(acknowledge_account(exchange, reason, file))
    sys.stdout.write(f"{exchange}: {count} halts acknowledged\n")
