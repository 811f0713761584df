"""Hypothesis invents what happens, step by step, and shrinks what breaks a promise."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from backend.domain.orders import Intent
from backend.emulator.faults import Fault, FaultKind
from backend.lab.simulation import workload
from backend.lab.simulation.plan import Plan
from backend.lab.simulation.process import EPOCH_S
from backend.lab.simulation.world import World
from backend.lab.workload import STRATEGIES
from backend.policies.routing_tables import EXCHANGES

LOST = {"drop": "reset", "min": 0.5, "max": 2.0}
KINDS = {
    "refuse": Fault(FaultKind.REFUSE, length=8.0),
    "lost": Fault(FaultKind.LOST_ANSWER, workload.PLACE, length=8.0, params=LOST),
    "hang": Fault(FaultKind.HANG, length=8.0, p=0.5),
    "slow engine": Fault(FaultKind.LATENCY, workload.ORDERS, length=8.0, params={"stage": "engine", "seconds": 1.9}),
    "slow gate": Fault(FaultKind.LATENCY, workload.ORDERS, length=8.0, params={"stage": "forward", "seconds": 4.5}),
    "no page": Fault(FaultKind.BODY, workload.PLACE, length=8.0, params={"status": 502, "body": "", "when": "after"}),
}
SIDES, SYMBOLS = ("buy", "sell"), ("BTC/USD", "ETH/USD")
SIZES = {"BTC/USD": ("0.002", "0.8"), "ETH/USD": ("0.05", "16")}


class Life(RuleBasedStateMachine):
    """The world without deaths of its own: each is a step here."""

    @initialize(seed=st.integers(0, 2**32))
    def begins(self, seed: int) -> None:
        self.world = World(Plan(seed, kill=0.0, pause=0.0, disk=0.0))
        self.world.begin()
        self.orders = 0

    @rule(
        symbol=st.sampled_from(SYMBOLS),
        side=st.sampled_from(SIDES),
        large=st.booleans(),
        strategy=st.sampled_from(sorted(STRATEGIES)),
        rests=st.booleans(),
        bounded=st.booleans(),
        cancelled_after=st.none() | st.floats(0.01, 20.0),
    )
    def wants(
        self,
        symbol: str,
        side: str,
        large: bool,
        strategy: str,
        rests: bool,
        bounded: bool,
        cancelled_after: float | None,
    ) -> None:
        self.orders += 1
        quantity = Decimal(SIZES[symbol][large])
        price = workload.PRICES[symbol.partition("/")[0]]
        intent = Intent.create(
            id=f"intent-{self.orders}",
            strategy_id=strategy,
            symbol=symbol,
            side=side,
            quantity=quantity,
            order_type="limit" if rests else "market",
            limit_price=price if rests else None,
            valid_until=EPOCH_S + self.world.now + 60.0,
            time_in_force="gtc" if rests else "ioc",
            on_unknown="bounded" if bounded else "wait",
            overfill_budget=quantity / 2 if bounded else None,
        )
        cancel_at = None if cancelled_after is None else self.world.now + cancelled_after
        self.world.want(workload.Wish(self.world.now, intent, cancel_at))

    @rule(venue=st.sampled_from(EXCHANGES), kind=st.sampled_from(sorted(KINDS)))
    def fails(self, venue: str, kind: str) -> None:
        self.world.strike(workload.Strike(self.world.now, venue, KINDS[kind]))

    @rule(seconds=st.sampled_from((0.003, 0.03, 0.3, 3.0, 30.0)))
    def passes(self, seconds: float) -> None:
        self.world.advance(seconds)

    @rule()
    def dies(self) -> None:
        self.world.kill()

    @rule(seconds=st.sampled_from((0.5, 6.0, 40.0)))
    def stands_still(self, seconds: float) -> None:
        self.world.pause(seconds)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            outcome = self.world.end()
            assert outcome.violations == (), "\n".join(outcome.trace[-200:])


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestLife = pytest.mark.slow(TestLife)
