"""The commands that ask a router: ``order submit``, ``order cancel``, ``events``, ``venues``.

They use the router that runs on the journal; without one they start their own for this one thing, under the lock.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import traceback
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer
from rich.table import Table

from backend.cli.order import File, Json
from backend.cli.order import app as order_app
from backend.cli.output import complain, drop_output, paper
from backend.cli.remote import ask
from backend.cli.statuses import UNKNOWN, USAGE, RouterSilent, RouterUnreachable, status_of_lost_answer, status_of_order
from backend.cli.words import exchange_name
from backend.domain.errors import ConfigurationError, QuantumTraderError
from backend.domain.lifecycle import AttemptState, IntentState

if TYPE_CHECKING:
    from backend.api.endpoint import Endpoint

WAIT_S = 60.0
VALID_S = 30.0
RESTS_S = 3_600.0
FOLLOW_S = 0.5
STORED_S = 1.0
SHORT = 80
PAGE = 1_000
SEQ_MAX = 2**63 - 1
Wait = Annotated[float, typer.Option(min=0, max=300, help="Seconds to wait for the result.")]


@order_app.command()
def submit(
    side: Annotated[str, typer.Argument(help="buy or sell.")],
    quantity: Annotated[str, typer.Argument(help="How much, in the base asset: a plain decimal number.")],
    symbol: Annotated[str, typer.Argument(help="BASE/QUOTE, for example BTC/USDT.")],
    name: Annotated[str | None, typer.Option("--id", help="Your id of it: repeat it to get the same order.")] = None,
    limit: Annotated[str | None, typer.Option(help="A limit price; without it a market order with a bound.")] = None,
    slippage_bps: Annotated[str | None, typer.Option(help="The bound of a market order, in basis points.")] = None,
    rest: Annotated[bool, typer.Option("--rest", help="Let a limit order rest in one exchange's book.")] = False,
    overfill_budget: Annotated[
        str | None, typer.Option(help="Base units that may execute beyond it while an attempt's fate is unknown.")
    ] = None,
    exchange: Annotated[
        str | None, typer.Option(help="The primary exchange; else the strategy's.", callback=exchange_name)
    ] = None,
    strategy: Annotated[str, typer.Option(help="Which strategy it is of.")] = "manual",
    valid: Annotated[float | None, typer.Option(min=1, help="Seconds for which it is wanted.")] = None,
    wait: Wait = WAIT_S,
    file: File = None,
    as_json: Json = False,
) -> None:
    """Routes one order, and waits until it is done or, with --rest, in an exchange's book: exit status 0. 1 when it
    ended short or no exchange took it; 5 when a limit refused it. Any other says nothing final of it (6: it is parked,
    or still under way when the waiting ends): repeat it with the same id then."""
    from backend.bootstrap import fresh_id, running_router, submit_once
    from backend.services.control.documents import intent_of

    if name is None:
        name = f"cli-{fresh_id()}"
        # Whoever stops waiting needs it: a repeat under another id would be another order.
        if not complain(f"its id is {name}"):
            raise typer.Exit(USAGE)  # an order that nobody could ask for again: say --id
    body = {
        "id": name,
        "symbol": symbol,
        "side": side,
        "quantity": quantity,
        "strategy_id": strategy,
        "order_type": "market" if limit is None else "limit",
        "limit_price": limit,
        "slippage_bps": slippage_bps,
        "exchange": exchange,
        "time_in_force": "gtc" if rest else "ioc",
        "on_unknown": "wait" if overfill_budget is None else "bounded",
        "overfill_budget": overfill_budget,
        # The duration as it was said: a repeat of the same words must be the same order.
        "valid_for_s": None if limit is None and valid is None else valid or (RESTS_S if rest else VALID_S),
    }
    intent = intent_of(body)
    if rest and running_router(file) is None:
        raise RouterUnreachable("--rest: such an order needs a router that watches it; start `quantum-trader serve`")

    def remotely(router: Endpoint) -> object:
        if rest:
            return _until_it_rests(router, body, wait)
        return ask(router, "POST", "/v1/orders", body=body, wait_s=wait)

    outcome = _order(remotely, lambda: asyncio.run(submit_once(intent, wait, file)), file, name)
    _print_outcome(outcome, as_json=as_json, going_on=rest and _rests(outcome) and not _cancelled(outcome))


@order_app.command()
def cancel(
    order: Annotated[str, typer.Argument(help="The order's id.")],
    wait: Wait = WAIT_S,
    file: File = None,
    as_json: Json = False,
) -> None:
    """Cancels an order: stored first, then carried out. What had executed before stays executed. Exit status 0 when the
    order is cancelled or filled, 1 when it had ended otherwise; 6 when the cancel is stored and the order not known to
    be over yet: repeat it then."""
    from backend.bootstrap import cancel_once

    def remotely(router: Endpoint) -> object:
        return ask(router, "POST", f"/v1/orders/{quote(order, safe='')}/cancel", body={}, wait_s=wait)

    outcome = _order(remotely, lambda: asyncio.run(cancel_once(order, wait, file)), file, order)
    _print_outcome(outcome, as_json=as_json, going_on=False, cancelling=True)


def events(
    after: Annotated[int, typer.Option(min=0, max=SEQ_MAX, help="Only events after this number.")] = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on as they happen, until stopped.")] = False,
    file: File = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """What happened, as the journal has it: every step of every order, oldest first."""
    from backend.bootstrap import stored_events
    from backend.services.control.documents import event_document

    left = sys.maxsize if limit is None else limit
    while left:
        wanted = min(left, PAGE)
        found = [event_document(event) for event in stored_events(after, wanted, file)]
        for event in found:
            sys.stdout.write((json.dumps(event) if as_json else _event_line(event)) + "\n")
            after = int(str(event["seq"]))
        sys.stdout.flush()
        left -= len(found)
        if len(found) < wanted:
            if not follow:
                return
            time.sleep(FOLLOW_S)


def venues(file: File = None, as_json: Json = False) -> None:
    """Each exchange: its health, asked now, its keys, its chain, and what stands against using it."""
    from backend.bootstrap import venue_documents

    found: Any = _either(
        lambda router: ask(router, "GET", "/v1/venues"), lambda: asyncio.run(venue_documents(file)), file
    )
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    table = Table("exchange", "status", "latency ms", "clock ms", "keys", "open orders", "chain", "problem")
    for venue in found:
        latency = venue["latency_ms"]
        table.add_row(
            venue["venue"],
            "halted" if venue["halted"] else venue["status"],
            "-" if latency is None else f"{latency:.0f}",
            _clock(venue["clock"]),
            _keys(venue),
            str(len(venue["open_orders"])),
            " → ".join(venue["chain"]),
            venue["halted"] or venue["problem"] or venue["keys_problem"] or "",
        )
    paper().print(table)


def _keys(venue: dict[str, Any]) -> str:
    """Are there any, and do they work?"""
    if not venue["keys"]:
        return "no"
    return "yes" if venue["keys_problem"] is None else "not working"


def _clock(known: dict[str, float] | None) -> str:
    """How far its clock is ahead of ours, and how wrong that may be."""
    return "-" if known is None else f"{known['ahead_ms']:+.0f} ± {known['error_ms']:.0f}"


def _either(remotely: Callable[[Endpoint], object], here: Callable[[], object], file: Path | None) -> object:
    """By the router that runs on the journal, or by one of our own."""
    from backend.bootstrap import running_router

    router = running_router(file)
    return here() if router is None else remotely(router)


def _order(
    remotely: Callable[[Endpoint], object], here: Callable[[], object], file: Path | None, name: str
) -> dict[str, object]:
    """As ``_either``, for what may send: an error is never told as the order's own failure, which it does not know."""
    try:
        return _document(_either(remotely, here, file))
    except QuantumTraderError as error:
        complain(f"quantum-trader: {error}")
        raise typer.Exit(status_of_lost_answer(error)) from error
    except KeyboardInterrupt:
        complain(f"quantum-trader: nobody waits any more, but {name} may go on: repeat it with the same id to see it")
        raise
    except Exception as error:
        # The status of a traceback, 1, would say that no exchange took the order.
        complain(traceback.format_exc().rstrip())
        complain(f"quantum-trader: a fault of the program, please report it; order show {name} has what is known")
        raise typer.Exit(UNKNOWN) from error


def _until_it_rests(router: Endpoint, body: dict[str, str | float | None], wait_s: float) -> object:
    """Hands the order over and follows it until it is in a book or ends, for at most ``wait_s``."""
    until = time.monotonic() + wait_s
    found = ask(router, "POST", "/v1/orders", body=body, wait_s=min(wait_s, STORED_S))
    if not _under_way(found):
        return found  # it tells why each exchange was passed over, and a repeat no longer does
    try:
        while _under_way(found) and not _rests(found) and time.monotonic() < until:
            time.sleep(FOLLOW_S)
            found = ask(router, "GET", f"/v1/orders/{quote(str(body['id']), safe='')}")
        # One that ended is told as a result, like one that ends at once.
        return found if _under_way(found) else ask(router, "POST", "/v1/orders", body=body, wait_s=STORED_S)
    except QuantumTraderError as error:
        # The order is stored by now: whatever a look at it meets, "nothing was handed over" would be wrong.
        raise RouterSilent(f"{error}; the order is stored: repeat it with the same id") from error


def _under_way(found: Any) -> bool:
    return found["state"] in (IntentState.NEW, IntentState.ACTIVE)


def _cancelled(found: Any) -> bool:
    """Has a cancel of it been stored?"""
    return found.get("cancel_requested_at") is not None


def _rests(found: Any) -> bool:
    """Is it known to be in an exchange's book?"""
    return any(one["state"] == AttemptState.WORKING for one in found.get("attempts", ()))


def _print_outcome(found: dict[str, object], *, as_json: bool, going_on: bool, cancelling: bool = False) -> None:
    """``going_on``: an order that has not ended is as it should be. Output that cannot be written does not change what
    the exit status says of the order."""
    status = status_of_order(found, going_on=going_on, cancelling=cancelling)
    try:
        _write_outcome(found, as_json=as_json, going_on=going_on)
        sys.stdout.flush()
    except (OSError, UnicodeError) as error:
        drop_output()
        complain(f"quantum-trader: the outcome cannot be written ({error}); order show {found['id']} has it")
    raise typer.Exit(status)


def _write_outcome(found: Any, *, as_json: bool, going_on: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        waits = _under_way(found) or found["state"] == IntentState.PARKED
        unsure = waits or found["blocked"] != "0"
        where = " → ".join(found["venues"]) or ("nothing known to have executed" if unsure else "nothing executed")
        reason = f" ({found['reason']})" if found["reason"] else ""
        blocked = "" if found["blocked"] == "0" else f", {found['blocked']} blocked"
        filled = f"filled {found['filled']} of {found['quantity']}{blocked}"
        sys.stdout.write(f"{found['id']}: {found['state']}{reason}, {filled}, {where}\n")
        if waits and _cancelled(found):
            sys.stdout.write("  its cancel is stored, and carried out as soon as the exchange and the journal allow\n")
        if found["blocked"] != "0" or (_under_way(found) and not going_on):
            sys.stdout.write(f"  where it is, and what is known of it: quantum-trader order show {found['id']}\n")
        for venue, why in found.get("dropped", {}).items():
            sys.stdout.write(f"  {venue}: {why}\n")


def _document(outcome: object) -> dict[str, object]:
    from backend.bootstrap import unresolved_until
    from backend.domain.records import ExecutionResult, IntentRecord
    from backend.services.control.documents import order_document, result_document

    if isinstance(outcome, dict):
        return _told(outcome)
    if isinstance(outcome, ExecutionResult):
        return result_document(outcome)
    if isinstance(outcome, IntentRecord):
        return order_document(outcome, unresolved_until(outcome))
    raise ConfigurationError(f"an answer of an unknown kind: {type(outcome).__name__}")


def _told(document: dict[str, object]) -> dict[str, object]:
    """What a router answered, if it is an order. Raises RouterSilent for anything else, as of another version's."""
    try:
        complete = {"id", "state", "reason", "venues"} <= document.keys() and IntentState(str(document["state"]))
        amounts = [Decimal(str(document[name])) for name in ("filled", "quantity", "blocked")]
    except (KeyError, ValueError, ArithmeticError):
        complete, amounts = False, []
    if not complete or not all(amount.is_finite() for amount in amounts):
        raise RouterSilent("what answers there tells no order of this version; repeat it with the same id")
    return document


def _event_line(event: dict[str, object]) -> str:
    data: Any = event["data"]
    told = ", ".join(f"{name} {value}" for name, value in data.items() if isinstance(value, str) and len(value) < SHORT)
    where = event["attempt"] or event["order"]
    return f"{event['seq']:>7} {event['at']:.3f} {where} {event['kind']} {told}".rstrip()
