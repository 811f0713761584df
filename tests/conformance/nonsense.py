"""Answers that are none: what proxies, overloaded front ends and broken connections leave of one."""

from __future__ import annotations

from collections.abc import Mapping

Nonsense = Mapping[str, object]
"""The parameters of a body fault."""

PAGE = "<html><body>%s</body></html>"
HTML = "text/html"
EMPTY_LIST = "HTTP 200 with an empty list"
"""What some venues say when there is nothing to list; nonsense as an answer to an order."""

MALFORMED: Mapping[str, Nonsense] = {
    "HTTP 200 with an empty body": {"body": ""},
    "HTTP 200 with a page": {"body": PAGE % "busy", "content_type": HTML},
    "HTTP 200 with an empty object": {"body": "{}"},
    EMPTY_LIST: {"body": "[]"},
    "HTTP 200 with null": {"body": "null"},
    "HTTP 200 with a bare number": {"body": "28000001"},
    "HTTP 200 with wrong types in every field": {
        "body": '{"orderId":{},"clientOrderId":7,"id":[],"error":"none","result":[],"data":{},"code":[],"retCode":{}}'
    },
    "HTTP 200 with a body cut off": {"body": '{"orderId": 12', "missing": 40},
    "HTTP 200 with JSON that does not end": {"body": '{"orderId": 12, "result": {"txid": ["O'},
    "HTTP 200 with a huge body": {"body": '{"pad":"' + "x" * 65_000 + '"}'},
    "HTTP 200 with deeply nested JSON": {"body": "[" * 30_000},
    "HTTP 204 without a body": {"status": 204, "body": ""},
    "HTTP 302 to somewhere else": {"status": 302, "body": "", "headers": {"Location": "/elsewhere"}},
    "HTTP 502 with a page": {"status": 502, "body": PAGE % "bad gateway", "content_type": HTML},
    "HTTP 503 with a page": {"status": 503, "body": PAGE % "unavailable", "content_type": HTML},
    "HTTP 523 with a page": {"status": 523, "body": PAGE % "origin unreachable", "content_type": HTML},
    "HTTP 524 with an empty body": {"status": 524, "body": ""},
}

NOT_READABLE: tuple[Nonsense, ...] = tuple(params for what, params in MALFORMED.items() if what != EMPTY_LIST)
"""What no read may take for an answer."""

WITHOUT_ID = (
    '{"error":[],"result":{"txid":[]}}',
    '{"error":[],"result":{}}',
    '{"retCode":0,"retMsg":"OK","result":{},"time":1}',
    '{"retCode":0,"retMsg":"OK","result":{"orderId":"","orderLinkId":""},"time":1}',
    '{"code":"0","msg":"","data":[]}',
    '{"code":"0","msg":"","data":[{"ordId":"","clOrdId":"","sCode":"0","sMsg":""}]}',
    '{"code":"200000","data":{}}',
    '{"code":"200000","data":{"orderId":"","clientOid":""}}',
    '{"id":null,"orderId":null,"status":"NEW"}',
)
"""Success in the words of several venues, without an order id."""
