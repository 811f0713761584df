"""Where a venue differs in a way that its rules cannot tell. A venue without an entry is held to every case.

An entry that is not needed fails the suite: the case is run all the same and must fail.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.conformance.needs import Explanation

FIRI = "Firi Trading API 1.0.0"
KUCOIN = "KuCoin REST API docs, 2026"
ONE_CODE = Explanation(
    "400100 also means a duplicate clientOid, so only the listed texts of it are a proof; the others are unknown",
    f"{KUCOIN}: spot error codes, 400100",
)
NO_WINDOW_TEXT = Explanation(
    "the refusal of an order past allowMaxTimeWindow is not published, so it is unknown",
    f"{KUCOIN}: spot HF order, allowMaxTimeWindow",
)

OKX_50001 = Explanation(
    "the answer in maintenance, 50001, is not promised to mean that nothing was executed, so it is unknown",
    "OKX v5 API docs, 2026: error codes, 50001",
)

DIFFERENCES: Mapping[tuple[str, str], Explanation] = {
    ("firi", "C62"): Explanation(
        "no list of trades, no trade ids, no fee of an order", f"{FIRI}: GET /v2/order/{{id}}"
    ),
    ("firi", "C64"): Explanation("no list of trades by time", f"{FIRI}: GET /v2/history/orders"),
    ("okx", "C94"): OKX_50001,
    ("okx", "C97"): OKX_50001,
    ("kucoin", "C24"): ONE_CODE,
    ("kucoin", "C25"): ONE_CODE,
    ("kucoin", "C72"): NO_WINDOW_TEXT,
    ("kucoin", "C73"): NO_WINDOW_TEXT,
}
"""By venue and number of the case."""
