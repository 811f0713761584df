"""Faults as JSON, and scenario files: phases of faults on a time line, in JSON or TOML.

    {"phases": [{"at": 10, "length": 30, "venue": "kraken", "kind": "status", "endpoints": ["PLACE"],
                 "p": 0.3, "params": {"name": "html_502"}}]}

``at`` and ``length`` are seconds of the emulated clock, ``at`` from the start of the scenario.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

from backend.emulator.faults import FAULTS_MAX, LENGTH_MAX_S, Fault, FaultError, FaultKind
from backend.emulator.wire import Endpoint

FILE_MAX = 1_000_000
FAULT_KEYS = frozenset({"kind", "endpoints", "p", "start", "length", "count", "params"})
Phase = tuple[str, Fault]  # a venue, and a fault whose ``start`` counts from the start of the scenario
PHASE_KEYS = FAULT_KEYS - {"start"} | {"venue", "at"}


def fault_from_json(value: object) -> Fault:
    """A fault from a decoded JSON object; raises FaultError. ``endpoints`` may be "all" or absent."""
    return _fault(_object(value, FAULT_KEYS), "start")


def _fault(data: Mapping[str, object], begins: str) -> Fault:
    """``begins`` is what the field of the beginning is called."""
    start = _number(data, begins, 0.0)
    if not 0 <= start <= LENGTH_MAX_S:
        raise FaultError(f"{begins} must be a number from 0 to {LENGTH_MAX_S:g}")
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in set(FaultKind):
        raise FaultError(f"kind must be one of: {', '.join(FaultKind)}")
    count = data.get("count")
    if count is not None and (isinstance(count, bool) or not isinstance(count, int)):
        raise FaultError("count must be a whole number")
    params = data.get("params", {})
    if not isinstance(params, Mapping):
        raise FaultError("params must be an object")
    return Fault(
        kind=FaultKind(kind),
        endpoints=_endpoints(data.get("endpoints", "all")),
        p=_number(data, "p", 1.0),
        start=start,
        length=None if data.get("length") is None else _number(data, "length", 0.0),
        count=count,
        params=dict(params),
    )


def fault_to_json(fault: Fault) -> dict[str, object]:
    """The same fault as a JSON object."""
    return {
        "kind": fault.kind.value,
        "endpoints": sorted(endpoint.value for endpoint in fault.endpoints) or "all",
        "p": fault.p,
        "start": fault.start,
        "length": fault.length,
        "count": fault.count,
        "params": dict(fault.params),
    }


def read_scenario(path: Path) -> list[Phase]:
    """The phases of a scenario file; raises FaultError with the number of the bad phase, OSError without a file."""
    if path.stat().st_size > FILE_MAX:
        raise FaultError(f"a scenario file has at most {FILE_MAX} bytes")
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FaultError(f"not readable: {error}") from error
    return scenario_from_json(data)


def scenario_from_json(value: object) -> list[Phase]:
    """The phases of a decoded scenario; raises FaultError with the number of the bad phase."""
    phases = _object(value, frozenset({"phases"})).get("phases")
    if not isinstance(phases, list) or not len(phases) <= FAULTS_MAX:
        raise FaultError(f"phases must be a list of at most {FAULTS_MAX} objects")
    return [_phase(number, phase) for number, phase in enumerate(phases, start=1)]


def _phase(number: int, value: object) -> Phase:
    try:
        data = _object(value, PHASE_KEYS)
        venue = data.pop("venue", None)
        fault = _fault(data, "at")
    except FaultError as error:
        raise FaultError(f"phase {number}: {error}") from error
    if not isinstance(venue, str):
        raise FaultError(f"phase {number}: venue must be a text")
    return venue, fault


def _object(value: object, keys: frozenset[str]) -> dict[str, object]:
    if not isinstance(value, dict):
        raise FaultError("an object is expected")
    unknown = sorted(str(key) for key in value.keys() - keys)
    if unknown:
        raise FaultError(f"unknown fields: {', '.join(unknown)}; known are: {', '.join(sorted(keys))}")
    return dict(value)


def _endpoints(value: object) -> frozenset[Endpoint]:
    if value == "all":
        return frozenset()
    known = set(Endpoint)
    if not isinstance(value, list) or not value or not all(isinstance(v, str) and v in known for v in value):
        raise FaultError(f'endpoints must be "all" or a list of: {", ".join(Endpoint)}')
    return frozenset(Endpoint(v) for v in value)


def _number(data: Mapping[str, object], name: str, default: float) -> float:
    value = data.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FaultError(f"{name} must be a number")
    return float(value)
