"""The command ``quantum-trader emulator``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

from backend.cli.output import say
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
    venues: str | None = None,
    limits: bool = False,
    withdrawing: str = "",
    as_json: bool = False,
) -> None:
    """Serves until cancelled. Raises ConfigurationError for ports, venues or a scenario that make no sense."""
    served = tuple(KINDS) if venues is None else parsed_venues("--venues", venues)
    if not served:
        raise ConfigurationError("--venues: no venue is named; leave the option out to serve all")
    chosen = dict(parsed_ports(ports, served))
    options = RunOptions(
        seed=seed,
        venues=served,
        control_port=chosen.pop(CONTROL),
        ports=chosen,
        scenario=parsed_scenario(scenario),
        limits=limits,
        withdrawing=parsed_venues("--withdrawing", withdrawing, served),
    )
    try:
        await run(options, _printer(as_json))
    except FaultError as error:
        raise ConfigurationError(f"--scenario {scenario}: {error}") from error
    except OSError as error:
        raise ConfigurationError(
            f"--ports {ports}: {error}; choose others with --ports, 0 takes any free ones"
        ) from error


def parsed_ports(text: str, served: Collection[str] = tuple(KINDS)) -> Mapping[str, int]:
    """A first port (control, then the venues at their places; 0 takes any free ports), or name=port pairs.

    Raises ConfigurationError also for a port that is given twice, and for one of a venue that is not served.
    """
    places = {CONTROL: 0, **{name: place for name, place in PLACES.items() if name in served}}
    if "=" not in text:
        first = _port(text)
        last = first + max(places.values())
        if first and last > PORT_MAX:
            raise ConfigurationError(f"--ports: {text} leaves no room: the last port would be {last}")
        return {name: first + place if first else 0 for name, place in places.items()}
    pairs = [(name.strip(), port) for name, _, port in (pair.partition("=") for pair in text.split(","))]
    names = [name for name, _ in pairs]
    _check_known("--ports", names, places)
    ports = {name: _port(port) for name, port in pairs}
    fixed = [port for port in ports.values() if port]
    twice = _repeated(names) or _repeated(fixed)
    if twice:
        raise ConfigurationError(f"--ports: {', '.join(map(str, twice))} is given twice; each needs a port of its own")
    return {name: ports.get(name, 0) for name in places}


def parsed_venues(option: str, text: str, served: Collection[str] = tuple(KINDS)) -> tuple[str, ...]:
    """The venues of a list with commas, each once."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    _check_known(option, names, served)
    return names


def _check_known(option: str, names: Collection[str], known: Collection[str]) -> None:
    absent = [name for name in names if name in {CONTROL, *KINDS} and name not in known]
    if absent:
        raise ConfigurationError(
            f"{option}: {', '.join(absent)} is not served; add it to --venues or leave it out here"
        )
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ConfigurationError(f"{option}: unknown {', '.join(unknown)}; there are: {', '.join(known)}")


def _repeated(values: Sequence[Hashable]) -> list[Hashable]:
    return [value for value, count in Counter(values).items() if count > 1]


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
            say(line)

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
