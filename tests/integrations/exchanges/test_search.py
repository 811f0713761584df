"""A search for an order among lists: whole lists may show an absence, full or doubled ones never do."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from urllib.parse import parse_qsl, urlsplit

import pytest

from backend.domain.errors import VenueCallFailed
from backend.domain.orders import OrderRef
from backend.integrations.exchanges.shared.adapter import SEARCH_MARGIN_S
from tests.fakes.transport import Reply, answer
from tests.integrations.exchanges.recurring import (
    BINANCE_ORDER,
    KRAKEN_ORDER,
    KUCOIN_ORDER,
    OKX_ORDER,
    bybit_rows,
    kraken,
    kucoin,
    okx,
)
from tests.integrations.exchanges.support import CLIENT_ID, NOW, SYMBOLS, Bench, warm_bench

SENT_AT = NOW - 100


def ref(venue: str) -> OrderRef:
    return OrderRef(SYMBOLS[venue], None, CLIENT_ID, SENT_AT)


def others(count: int, **fields: str) -> list[dict[str, object]]:
    """Rows of other orders, each with an id of its own under every name."""
    return [dict.fromkeys(fields, f"other-{n}") | {"x": fields} for n in range(count)]


FULL: dict[str, list[Reply]] = {
    "binance": [answer(others(1000, clientOrderId=""))] * 20,
    "bybit": [
        bybit_rows(*others(50, orderId="", orderLinkId=""), cursor="a"),
        *[bybit_rows(*others(50, orderId="", orderLinkId=""), cursor="a")] * 20,
    ],
    "okx": [okx(*others(100, ordId="", clOrdId=""))] * 21,
    # The same page again and again: the list does not go on.
    "kucoin": [kucoin([]), *[kucoin({"items": others(100, id="", clientOid=""), "lastId": 1})] * 2],
    "kraken": [
        kraken({"open": {}}),
        # The same page again and again: the list does not go on, and is not whole.
        *[kraken({"closed": {f"O-{n}": {"cl_ord_id": "x"} for n in range(50)}, "count": 51})] * 2,
    ],
}


@pytest.mark.parametrize("venue", FULL)
async def test_a_list_that_may_hide_more_proves_nothing(venue: str) -> None:
    """An order that is on the next page must not be called absent."""
    bench = await warm_bench(venue, *FULL[venue])
    with pytest.raises(VenueCallFailed):
        await bench.adapter.search_order(ref(venue))


EMPTY: dict[str, list[Reply]] = {
    "binance": [answer([])],
    "bybit": [bybit_rows(), bybit_rows()],
    "okx": [okx(), okx()],
    "kucoin": [kucoin([]), kucoin({"items": [], "lastId": 0})],
    "kraken": [kraken({"open": {}}), kraken({"closed": {}, "count": 0})],
}


@pytest.mark.parametrize("venue", EMPTY)
async def test_whole_lists_without_the_order(venue: str) -> None:
    """None; and the lists begin a margin before the order was made, because clocks differ."""
    bench = await warm_bench(venue, *EMPTY[venue])
    assert await bench.adapter.search_order(ref(venue)) is None
    sent = "&".join(urlsplit(r.url).query + "&" + (r.body or b"").decode() for r in bench.sent)
    fields = dict(parse_qsl(sent))
    named = next(fields[name] for name in ("startTime", "begin", "startAt", "start") if name in fields)
    assert float(named) / (1 if venue == "kraken" else 1000) == pytest.approx(SENT_AT - SEARCH_MARGIN_S, abs=1)
    assert CLIENT_ID not in sent


def asked(bench: Bench) -> list[dict[str, str]]:
    """The fields of each request."""
    return [dict(parse_qsl(urlsplit(request.url).query)) for request in bench.sent]


BINANCE_FULL, BINANCE_FOUND = others(1000, clientOrderId=""), {**BINANCE_ORDER, "clientOrderId": CLIENT_ID}


async def test_binance_halves_a_stretch_of_time_that_has_too_many_orders() -> None:
    """Which orders of many its list holds is not documented: only lists that are not full add up to a whole one."""
    bench = await warm_bench("binance", *map(answer, (BINANCE_FULL, others(999, clientOrderId=""), [BINANCE_FOUND])))
    found = await bench.adapter.search_order(ref("binance"))
    assert found is not None
    assert found.client_id == CLIENT_ID
    whole, early, late = [(int(fields["startTime"]), int(fields["endTime"])) for fields in asked(bench)]
    assert (early[0], late[1]) == whole
    assert late[0] == early[1]  # the edge belongs to both
    assert abs((early[1] - early[0]) - (late[1] - late[0])) <= 1


async def test_binance_searches_day_by_day_to_this_minute_without_a_gap() -> None:
    """A list spans a day at most; an order of long ago needs several, and they leave no gap."""
    bench = await warm_bench("binance", *[answer([])] * 3)
    assert await bench.adapter.search_order(replace(ref("binance"), created_at=NOW - 2.5 * 86_400)) is None
    spans = [(int(fields["startTime"]), int(fields["endTime"])) for fields in asked(bench)]
    assert spans[0][0] == int((NOW - 2.5 * 86_400 - SEARCH_MARGIN_S) * 1000)
    assert spans[-1][1] == int((NOW + SEARCH_MARGIN_S) * 1000)
    assert all(later[0] == earlier[1] for earlier, later in pairwise(spans))
    assert all(end - start <= 86_400_000 for start, end in spans)


async def test_binance_gives_up_where_one_millisecond_has_too_many_orders() -> None:
    """A stretch that cannot be halved any more is never taken for whole, and not asked for again."""
    bench = await warm_bench("binance", *[answer(BINANCE_FULL)] * 20)
    with pytest.raises(VenueCallFailed, match="no end"):
        await bench.adapter.search_order(ref("binance"))
    last = asked(bench)[-1]
    assert int(last["endTime"]) - int(last["startTime"]) == 1


@pytest.mark.parametrize("on_page", [1, 2, 3])
async def test_kucoin_reads_on_to_the_page_that_has_the_order(on_page: int) -> None:
    """A hundred orders that ended since do not hide one from the search, and do not keep it in doubt for ever."""
    pages = [
        {"items": [{**row, "id": f"{page}-{n}"} for n, row in enumerate(others(100, clientOid=""))], "lastId": 9 - page}
        for page in range(1, on_page)
    ]
    last = {"items": [{**KUCOIN_ORDER, "id": "28", "clientOid": CLIENT_ID}], "lastId": 1}
    bench = await warm_bench("kucoin", kucoin([]), *map(kucoin, [*pages, last]))
    found = await bench.adapter.search_order(ref("kucoin"))
    assert found is not None
    assert found.client_id == CLIENT_ID
    assert [fields.get("lastId") for fields in asked(bench)[1:]] == [None, "8", "7"][:on_page]


TWICE: dict[str, list[Reply]] = {
    "binance": [answer([{**BINANCE_ORDER, "orderId": n, "clientOrderId": CLIENT_ID} for n in (1, 2)])],
    "okx": [
        okx({**OKX_ORDER, "ordId": "1", "clOrdId": CLIENT_ID}),
        okx({**OKX_ORDER, "ordId": "2", "clOrdId": CLIENT_ID}),
    ],
    "kucoin": [
        kucoin([{**KUCOIN_ORDER, "id": "1", "clientOid": CLIENT_ID}]),
        kucoin({"items": [{**KUCOIN_ORDER, "id": "2", "clientOid": CLIENT_ID}], "lastId": 0}),
    ],
    "kraken": [
        kraken({"open": {"O-1": {**KRAKEN_ORDER, "cl_ord_id": CLIENT_ID}}}),
        kraken({"closed": {"O-2": {**KRAKEN_ORDER, "cl_ord_id": CLIENT_ID}}, "count": 1}),
    ],
}


@pytest.mark.parametrize("venue", TWICE)
async def test_two_orders_of_one_id_are_no_answer(venue: str) -> None:
    """Neither of them can be taken for the order."""
    bench = await warm_bench(venue, *TWICE[venue])
    with pytest.raises(VenueCallFailed):
        await bench.adapter.search_order(ref(venue))


async def test_firi_has_nothing_to_search_for() -> None:
    """No client ids: a typed error, and nothing is sent."""
    bench = await warm_bench("firi")
    with pytest.raises(VenueCallFailed, match="no client ids"):
        await bench.adapter.search_order(ref("firi"))
    assert bench.sent == []
