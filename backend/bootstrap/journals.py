"""Looking at a journal without routing: it is read, never opened for writing, and not locked."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from backend.bootstrap.parts import journal_path, open_journal, read_settings, system_clock
from backend.bootstrap.sweeping import with_keys
from backend.config.model import Settings
from backend.domain.errors import ConfigurationError, InvalidOrder, JournalError
from backend.domain.lifecycle import AttemptState
from backend.domain.records import IntentRecord
from backend.policies.routing_tables import known_exchange

if TYPE_CHECKING:
    from backend.integrations.journal.restore import Restored
    from backend.integrations.journal.verify import Verdict


def verify_journal(path: Path | None = None) -> tuple[Path, Verdict]:
    """The journal of the settings, or another one, and whether it holds together. Raises JournalError."""
    from backend.integrations.journal.verify import verify

    chosen = path or journal_path(read_settings())
    return chosen, verify(chosen)


PARQUET = "parquet"


def export_journal(table: str, form: str, out: TextIO, path: Path | None = None) -> int:
    """Writes one table; returns how many rows. Raises JournalError, ConfigurationError."""
    from backend.integrations.journal.export import FORMATS, columns, rows

    if form not in FORMATS:
        raise ConfigurationError(
            f"no format {form!r} for a text; there are: {', '.join(FORMATS)}, and parquet with --out"
        )
    chosen = path or journal_path(read_settings())
    return FORMATS[form](columns(chosen, table), rows(chosen, table), out)


def export_file(table: str, form: str, out: Path, path: Path | None = None, *, force: bool = False) -> int:
    """Writes one table to a file, which gets its name when it is whole; returns how many rows. Raises JournalError
    where it would overwrite the journal, or anything without ``force``; ConfigurationError where it cannot be written.
    """
    from backend.integrations.journal import files
    from backend.integrations.journal.parquet import write_parquet

    journal = path or journal_path(read_settings())
    files.check_target(out, journal, force=force)
    draft = out.with_name(f"{out.name}.part")
    try:
        if form == PARQUET:
            count = write_parquet(journal, table, draft)
        else:
            with draft.open("w", encoding="utf-8", newline="") as target:
                count = export_journal(table, form, target, journal)
        files.replace(draft, out)
    except OSError as error:
        raise ConfigurationError(f"{out} cannot be written: {error}") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return count


def back_up_journal(target: Path, *, force: bool, path: Path | None = None) -> int:
    """Copies the journal while it may be in use; returns its events. Raises JournalError."""
    from backend.integrations.journal.backup import back_up

    return back_up(path or journal_path(read_settings()), target, force=force)


def restore_journal(backup: Path, path: Path | None = None) -> Restored:
    """Puts a backup in the journal's place, halted. Raises JournalLocked, JournalError."""
    from backend.integrations.journal.restore import restore

    now = system_clock().now()
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    reason = f"put back from {backup.name} at {stamp}"
    return restore(backup, path or journal_path(read_settings()), reason=reason, stamp=stamp, now=now)


async def confirm_journal(word: str, path: Path | None = None, *, unswept: bool = False) -> str | None:
    """Ends the halt of a journal that was put back; returns why it was halted. Raises NotSwept before a sweep of every
    venue with keys, unless the word alone shall count (``unswept``); JournalLocked, InvalidOrder."""
    if not word.strip():
        raise InvalidOrder("reason", "say what you compared: the reason is kept in the journal")
    settings = read_settings()
    chosen = path or journal_path(settings)
    if not chosen.is_file():
        raise JournalError(f"{chosen} does not exist: there is nothing to confirm")
    journal = open_journal(Settings(journal_path=str(chosen)))
    try:
        return await journal.confirm(
            word=word.strip(), now=system_clock().now(), venues=with_keys(settings), unswept=unswept
        )
    finally:
        await journal.close()


async def acknowledge_account(venue: str, word: str, path: Path | None = None) -> int:
    """Ends the halts of one venue's account; returns how many there were. Raises JournalLocked, InvalidOrder."""
    if not word.strip():
        raise InvalidOrder("reason", "say what was done about it: the reason is kept in the journal")
    settings = read_settings() if path is None else Settings(journal_path=str(path))
    journal = open_journal(settings)
    try:
        return await journal.acknowledge(known_exchange(venue), word=word.strip(), now=system_clock().now())
    finally:
        await journal.close()


def recent_orders(limit: int, *, open_only: bool = False, path: Path | None = None) -> tuple[IntentRecord, ...]:
    """The newest orders, newest first; with ``open_only`` what is not final, oldest first. Raises JournalError."""
    from backend.integrations.journal import reader

    chosen = path or journal_path(read_settings())
    return reader.unfinished(chosen)[:limit] if open_only else reader.recent(chosen, limit)


def stored_order(intent_id: str, *, path: Path | None = None) -> IntentRecord:
    """One order as the journal has it. Raises JournalError."""
    from backend.integrations.journal import reader

    return reader.get(path or journal_path(read_settings()), intent_id)


def unresolved_until(record: IntentRecord) -> float | None:
    """From when on the absence of what is in doubt of a stored order can be proven, by the venues' own rules. A running
    router tells it by those that it works with."""
    from backend.integrations.exchanges.factory import rules_of
    from backend.policies.horizon import horizon
    from backend.services.execution.absence import CLOCK_SPREAD_S

    for attempt in record.open_attempts:
        if attempt.state is not AttemptState.WORKING and attempt.order.client_id:
            limits = horizon(rules_of(attempt.venue), attempt.order.not_after, CLOCK_SPREAD_S)
            return None if limits is None else limits.absent_from
    return None


async def resolve_order(intent_id: str, filled: Decimal, reason: str, *, path: Path | None = None) -> IntentRecord:
    """Ends an order that waits for evidence by an operator's word. Raises JournalLocked when a router runs,
    JournalError, InvalidOrder."""
    from backend.services.execution.resolving import Word, resolve

    settings = read_settings() if path is None else Settings(journal_path=str(path))
    if not journal_path(settings).is_file():
        raise JournalError(f"{journal_path(settings)} does not exist: there is no journal with orders")
    journal = open_journal(settings)
    try:
        return await resolve(journal, system_clock(), intent_id, Word(filled, reason))
    finally:
        await journal.close()
