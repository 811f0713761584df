"""Where a venue differs in a way that its rules cannot tell. A venue without an entry is held to every case.

An entry that is not needed fails the suite: the case is run all the same and must fail.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.conformance.needs import Explanation

FIRI = "Firi Trading API 1.0.0"

DIFFERENCES: Mapping[tuple[str, str], Explanation] = {
    ("firi", "C62"): Explanation(
        "no list of trades, no trade ids, no fee of an order", f"{FIRI}: GET /v2/order/{{id}}"
    ),
    ("firi", "C64"): Explanation("no list of trades by time", f"{FIRI}: GET /v2/history/orders"),
}
"""By venue and number of the case."""
