"""The command ``quantum-trader emulator``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from backend.domain.errors import ConfigurationError
from backend.emulator.faults import FaultError
from backend.emulator.registry import KINDS, PLACES
from backend.emulator.run import Event, RunOptions, run
from backend.emulator.scenario import Phase, read_scenario

CONTROL = "control"
PORT_MAX = 65_535


async def serve(
    ports: str,
    seed: int,
    scenario: Path | None,
    *,
    venues: str = "",
    limits: bool = False,
    withdrawing: str = "",
    as_json: bool = False,
) -> None:
    """Serves until cancelled. Raises ConfigurationError for ports, venues or a scenario that make no sense."""
    chosen = dict(parsed_ports(ports))
    options = RunOptions(
        seed=seed,
        venues=parsed_venues("--venues", venues) or None,
        control_port=chosen.pop(CONTROL),
        ports=chosen,
        scenario=parsed_scenario(scenario),
        limits=limits,
        withdrawing=parsed_venues("--withdrawing", withdrawing),
    )
    try:
        await run(options, _printer(as_json))
    except FaultError as error:
        raise ConfigurationError(f"--scenario {scenario}: {error}") from error
    except OSError as error:
        raise ConfigurationError(
            f"--ports {ports}: {error}; choose others with --ports, 0 takes any free ones"
        ) from error


def parsed_ports(text: str) -> Mapping[str, int]:
    """A first port (control, then the venues at their places; 0 takes any free ports), or name=port pairs."""
    places = {CONTROL: 0, **PLACES}
    if "=" not in text:
        first = _port(text)
        last = first + max(places.values())
        if first and last > PORT_MAX:
            raise ConfigurationError(f"--ports: {text} leaves no room: the last port would be {last}")
        return {name: first + place if first else 0 for name, place in places.items()}
    pairs = dict(pair.split("=", 1) for pair in text.split(",") if "=" in pair)
    unknown = sorted(set(pairs) - set(places))
    if unknown:
        raise ConfigurationError(f"--ports: unknown {', '.join(unknown)}; there are: {', '.join(places)}")
    return {name: _port(pairs.get(name, "0")) for name in places}


def parsed_venues(option: str, text: str) -> tuple[str, ...]:
    """The venues of a list with commas, each once."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = sorted(set(names) - set(KINDS))
    if unknown:
        raise ConfigurationError(f"{option}: unknown {', '.join(unknown)}; there are: {', '.join(KINDS)}")
    return names


def parsed_scenario(path: Path | None) -> Sequence[Phase]:
    """The phases of a scenario file, none without one."""
    try:
        return [] if path is None else read_scenario(path)
    except OSError as error:
        raise ConfigurationError(f"--scenario {path}: {error.strerror}") from error
    except FaultError as error:
        raise ConfigurationError(f"--scenario {path}: {error}") from error


def _port(text: str) -> int:
    if not text.strip().isdecimal() or int(text) > PORT_MAX:
        raise ConfigurationError(f"--ports: {text!r} is not a port number from 0 to {PORT_MAX}")
    return int(text)


def _printer(as_json: bool) -> Callable[[Event], None]:
    def tell(event: Event) -> None:
        for line in [json.dumps(event)] if as_json else _lines(event):
            sys.stdout.write(line + "\n")
        sys.stdout.flush()

    return tell


def _lines(event: Mapping[str, Any]) -> list[str]:
    if event["event"] == "phase":
        aim = "" if event["endpoints"] == "all" else f" of {', '.join(event['endpoints'])}"
        lasts = "until cleared" if event["length"] is None else f"for {event['length']:g} s"
        how = "".join(f", {name} {value}" for name, value in event["params"].items())
        number, at = event["phase"], f"{event['at']:g} s"
        share = "" if event["p"] == 1 else f" with p {event['p']:g}"
        return [f"phase {number} at {at}: {event['venue']} {event['kind']}{aim}{share}{how}, {lasts}"]
    lines = []
    for venue, told in event["venues"].items():
        keys = ", ".join(f"{name} {value}" for name, value in told["keys"].items())
        lines.append(f"{venue}: {told['address']} ({keys})")
    return [*lines, f"control: {event['control']}"]
