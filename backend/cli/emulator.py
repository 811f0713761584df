"""The command ``quantum-trader emulator``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from backend.domain.errors import ConfigurationError
from backend.emulator.faults import FaultError
from backend.emulator.run import run

CONTROL = "control"
VENUES = ("binance", "kraken", "firi")
PORT_MAX = 65_535


async def serve(ports: str, seed: int, scenario: Path | None) -> None:
    """Serves until cancelled. Raises ConfigurationError for ports or a scenario that make no sense."""
    chosen = dict(parsed_ports(ports))
    control = chosen.pop(CONTROL)
    try:
        await run(chosen, seed, scenario, _announce, control_port=control)
    except FaultError as error:
        raise ConfigurationError(f"scenario {scenario}: {error}") from error
    except OSError as error:
        raise ConfigurationError(
            f"ports {ports}: {error}; choose others with --ports, 0 takes any free ones"
        ) from error


def parsed_ports(text: str) -> Mapping[str, int]:
    """A first port (control, then the venues in order; 0 takes any free ports), or name=port pairs."""
    names = (CONTROL, *VENUES)
    if "=" not in text:
        first = _port(text)
        return {name: first + offset if first else 0 for offset, name in enumerate(names)}
    pairs = dict(pair.split("=", 1) for pair in text.split(",") if "=" in pair)
    unknown = sorted(set(pairs) - set(names))
    if unknown:
        raise ConfigurationError(f"--ports: unknown {', '.join(unknown)}; there are: {', '.join(names)}")
    return {name: _port(pairs.get(name, "0")) for name in names}


def _port(text: str) -> int:
    if not text.strip().isdecimal() or int(text) > PORT_MAX:
        raise ConfigurationError(f"--ports: {text!r} is not a port number from 0 to {PORT_MAX}")
    return int(text)


def _announce(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
