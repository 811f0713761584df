"""The commands ``quantum-trader journal verify`` and ``journal export``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

OK, FAILED = 0, 1

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
    form: Annotated[str, typer.Option("--format", help="csv or jsonl.")] = "csv",
    file: File = None,
    out: Annotated[Path | None, typer.Option(help="Where to; without it standard output.")] = None,
) -> None:
    """Writes one table for other programs. Amounts are exact texts, times are epoch seconds."""
    from backend.bootstrap import export_journal

    if out is None:
        export_journal(table, form, sys.stdout, file)
        return
    with out.open("w", encoding="utf-8", newline="") as target:
        count = export_journal(table, form, target, file)
    sys.stderr.write(f"{count} {table} written to {out}\n")
