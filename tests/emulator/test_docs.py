"""What docs/emulator.md says is so: examples are valid, routes, kinds and ports are complete."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from backend.emulator.control import ControlServer
from backend.emulator.fault_kinds import arm
from backend.emulator.faults import FaultError, FaultKind, Stage
from backend.emulator.registry import KINDS, PLACES
from backend.emulator.scenario import fault_from_json, scenario_from_json
from backend.emulator.wire import Endpoint
from tests.emulator.web import started

TEXT = (Path(__file__).parents[2] / "docs" / "emulator.md").read_text(encoding="utf-8")
FIRST_PORT = 4100


def possible(value: object) -> bool:
    """Does at least one venue take the fault?"""
    fault = fault_from_json(value)

    def takes(venue: str) -> bool:
        try:
            arm(fault, KINDS[venue])
        except FaultError:
            return False
        return True

    return any(takes(venue) for venue in KINDS)


def test_every_kind_has_an_example_that_works() -> None:
    """Each example of a fault is taken by some venue, and no kind is without one."""
    examples = [json.loads(text) for text in re.findall(r'`(\{"kind".*?\})`', TEXT)]
    assert [example for example in examples if not possible(example)] == []
    assert {example["kind"] for example in examples} == set(FaultKind)


def test_every_distribution_works() -> None:
    """The parameters in the table of latencies are valid at every stage that lasts long enough."""
    table = TEXT[TEXT.index("| parameters | distribution |") :]
    examples = [json.loads(text) for text in re.findall(r"^\| `(\{.*\})` \|", table, re.MULTILINE)]
    assert len(examples) >= 5
    for params in examples[:5]:
        for stage in Stage:
            assert possible({"kind": "latency", "params": {**params, "stage": stage.value}})


def test_the_scenario_plays() -> None:
    """The scenario of the page is valid for the venues that it names."""
    (text,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    phases = scenario_from_json(tomllib.loads(text))
    assert len(phases) >= 2
    for venue, fault in phases:
        arm(fault, KINDS[venue])


async def test_every_route_is_listed() -> None:
    """The table has the routes that the control API serves, and no others."""
    async with started() as emulator:
        served = {f"{method} {path}" for method, path, _ in ControlServer(emulator)._routes()}
    assert set(re.findall(r"^\| `((?:GET|POST|DELETE) /control[^`]*)`", TEXT, re.MULTILINE)) == served


def test_ports_and_endpoints_are_listed() -> None:
    """Every venue stands with its fixed port, no two with the same, and every word for endpoints is there."""
    assert len(set(PLACES.values())) == len(PLACES)
    listed = {name: int(port) for port, name in re.findall(r"^\| (\d+) \| (\w+) \|", TEXT, re.MULTILINE)}
    assert {name: FIRST_PORT + place for name, place in PLACES.items()}.items() <= listed.items()
    row = next(line for line in TEXT.splitlines() if line.startswith("| `endpoints`"))
    assert all(endpoint.value in row for endpoint in Endpoint)


def test_the_start_shows_every_venue() -> None:
    """The sample of the start has a line per venue, with its fixed port and the names of its keys, as printed."""
    sample = TEXT[TEXT.index("$ quantum-trader emulator\n") : TEXT.index("control: http")]
    shown = re.findall(r"^(\w+): http://127.0.0.1:(\d+) \((.*)\)$", sample, re.MULTILINE)
    keys = {name: list(kind.new_keys(bytes)) for name, kind in KINDS.items()}
    assert shown == [
        (name, str(FIRST_PORT + PLACES[name]), ", ".join(f"{k} ..." for k in keys[name])) for name in KINDS
    ]


def test_limits_are_listed() -> None:
    """Each venue's row of limits names the answers and the headers that its folder has, and whether it bans."""
    table = TEXT[TEXT.index("| venue | counts |") :]
    for name, kind in KINDS.items():
        row = next(line for line in table.splitlines() if line.startswith(f"| {name} |"))
        limits = [] if kind.throttle is None else kind.throttle.limits
        told = {header for limit in limits for header, _ in limit.headers}
        assert set(re.findall(r"`([A-Za-z]+-[\w-]+)`", row)) - {"Retry-After"} == told
        bans = kind.throttle is not None and kind.throttle.banned is not None
        assert row.endswith("| no |") != bans
        refusals = {limit.answer for limit in limits} - {kind.throttle and kind.throttle.banned}
        assert all(str(answer) in row for answer in refusals)
