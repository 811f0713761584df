"""The distributions of a latency fault."""

from __future__ import annotations

import pytest

from backend.emulator.fault_kinds import arm
from backend.emulator.faults import Fault, FaultError, FaultKind
from backend.emulator.registry import KINDS
from backend.emulator.wire import Endpoint, Respond
from tests.emulator.calls import CALLS
from tests.emulator.kit import T0, Desk

DRAWS = 2_000


def delays(**params: object) -> list[float]:
    """What many calls wait, from the shortest to the longest."""
    desk = Desk("binance", seed=7)
    desk.fault(FaultKind.LATENCY, Endpoint.TIME, stage="answer", **params)
    request = desk.call(*CALLS["binance"][Endpoint.TIME])
    effects = [desk.effect(request) for _ in range(DRAWS)]
    return sorted(effect.at - T0 for effect in effects if isinstance(effect, Respond))


def at(drawn: list[float], share: float) -> float:
    return drawn[int(len(drawn) * share)]


def test_uniform() -> None:
    """All of the range, evenly."""
    drawn = delays(low=1.0, high=3.0)
    assert 1 <= drawn[0] < 1.05
    assert 2.95 < drawn[-1] <= 3
    assert 1.9 < at(drawn, 0.5) < 2.1


def test_a_heavy_tail() -> None:
    """Most are near the least, a few are far out, none beyond the bound."""
    drawn = delays(scale=0.1, alpha=1.0)
    assert drawn[0] >= 0.099
    assert 0.18 < at(drawn, 0.5) < 0.22
    assert 0.8 < at(drawn, 0.9) < 1.25
    assert 20 < drawn[-1] <= 120


def test_recorded_percentiles_come_back() -> None:
    """Drawing from recorded percentiles gives these percentiles, with straight lines between them."""
    drawn = delays(percentiles=[[0, 0.01], [50, 0.02], [90, 0.1], [99, 1.0], [100, 5.0]])
    assert 0.0099 < drawn[0] < 0.011
    assert 0.014 < at(drawn, 0.25) < 0.016
    assert 0.019 < at(drawn, 0.5) < 0.022
    assert 0.09 < at(drawn, 0.9) < 0.15
    assert 1 < drawn[-1] <= 5


def test_all_distributions_repeat_with_the_seed() -> None:
    """The same seed gives the same delays."""
    for params in ({"low": 0, "high": 1}, {"scale": 0.1, "alpha": 2}, {"percentiles": [[0, 0], [100, 1]]}):
        assert delays(**params) == delays(**params)
        assert len(set(delays(**params))) > DRAWS / 2


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"low": 1.0}, "high must be"),
        ({"low": 2.0, "high": 1.0}, "high must be a number from 2"),
        ({"scale": 0.1}, "alpha must be"),
        ({"seconds": 1, "low": 1, "high": 2}, "unknown parameters: high, low"),
        ({"percentiles": [[0, 1]]}, "a list of 2 to"),
        ({"percentiles": [[0, 1], [100, "2"]]}, "a list of pairs"),
        ({"percentiles": [[0, 1], [90, 2]]}, "must rise from 0 to 100"),
        ({"percentiles": [[0, 1], [50, 2], [50, 2], [100, 3]]}, "must rise from 0 to 100"),
        ({"percentiles": [[0, 2], [50, 1], [100, 3]]}, "must not fall"),
        ({"percentiles": [[0, 0], [100, 3]], "stage": "engine"}, "lie from 0 to 2"),
    ],
)
def test_a_distribution_that_makes_no_sense_is_refused(params: dict[str, object], text: str) -> None:
    """What is wrong with the parameters is told at once."""
    with pytest.raises(FaultError, match=text):
        arm(Fault(FaultKind.LATENCY, params=params), KINDS["binance"])
