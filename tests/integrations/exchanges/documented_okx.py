"""The answers to a place that OKX's documents name: raw bodies, and what each of them proves."""

from __future__ import annotations

from backend.domain.reasons import HealthClass as H
from backend.domain.reasons import RejectReason as R
from backend.domain.reasons import UnknownReason as U
from tests.integrations.exchanges.documented_answers import HTML, Case

CLIENT_ID = "0123456789abcdef0123456789abcdef"


def told(code: str, message: str = "", data: str = "[]") -> str:
    """An answer whose envelope speaks for itself."""
    return f'{{"code":"{code}","msg":"{message}","data":{data}}}'


def row(code: str, message: str = "", order_id: str = "", client_id: str = CLIENT_ID) -> str:
    return f'[{{"clOrdId":"{client_id}","ordId":"{order_id}","tag":"","sCode":"{code}","sMsg":"{message}"}}]'


def refused(reason: R | U, health: H, **messages: str) -> tuple[Case, ...]:
    """One case for each code of a row, written ``c51008="message"``, under the envelope's "all failed"."""
    codes = {name[1:]: message for name, message in messages.items()}
    return tuple(
        Case(200, told("1", "All operations failed", row(code, message)), reason, health)
        for code, message in codes.items()
    )


def answered(status: int, reason: R | U, health: H, **messages: str) -> tuple[Case, ...]:
    """One case for each code of an envelope."""
    codes = {name[1:]: message for name, message in messages.items()}
    return tuple(Case(status, told(code, message), reason, health) for code, message in codes.items())


OKX = (
    *refused(
        R.INVALID_REQUEST,
        H.OURS,
        c51000="Parameter sz error",
        c51121="Order quantity must be a multiple of the lot size.",
        c51006="Order price is not within the price limit.",
        c51137="Your opening price has triggered the limit price, and the max buy price is 51000.",
        c51138="Your opening price has triggered the limit price, and the min sell price is 49000.",
        c51169="Order failed because you don't have any positions in this direction to reduce.",
    ),
    *answered(
        400,
        R.INVALID_REQUEST,
        H.OURS,
        c50002="JSON syntax error",
        c50014="Parameter px cannot be empty.",
        c50015="Either parameter ordId or clOrdId is required",
        c50016="Parameter px and ordType is an invalid combination.",
    ),
    *refused(
        R.UNDER_MINIMUM,
        H.OURS,
        c51020="Your order should meet or exceed the minimum order amount.",
        c51007="Order failed. Please place orders of at least 1 contract or more.",
    ),
    *refused(R.UNKNOWN_SYMBOL, H.OURS, c51001="Instrument ID does not exist."),
    *refused(
        R.INSUFFICIENT_FUNDS,
        H.OURS,
        c51008="Order failed. Insufficient USDT balance in account.",
        c51119="Order placement failed due to insufficient balance.",
        c51127="Available balance is 0",
        c51131="Insufficient balance",
    ),
    *answered(401, R.CLOCK, H.OURS, c50102="Timestamp request expired", c50112="Invalid OK-ACCESS-TIMESTAMP"),
    *answered(
        401,
        R.AUTHENTICATION,
        H.OURS,
        c50101="APIKey does not match current environment.",
        c50103='Request header \\"OK-ACCESS-KEY\\" cannot be empty',
        c50104='Request header \\"OK-ACCESS-PASSPHRASE\\" cannot be empty',
        c50106='Request header \\"OK-ACCESS-SIGN\\" cannot be empty',
        c50107='Request header \\"OK-ACCESS-TIMESTAMP\\" cannot be empty',
        c50105="Request header OK-ACCESS-PASSPHRASE incorrect.",
        c50111="Invalid OK-ACCESS-KEY",
        c50113="Invalid Sign",
        c50119="API key doesn't exist",
    ),
    *answered(
        401,
        R.PERMISSION,
        H.OURS,
        c50110="Your IP is not included in your API key's IP whitelist.",
        c50120="This API key doesn't have permission to use this function",
    ),
    *refused(
        R.PERMISSION,
        H.OURS,
        c51010="You can't complete this request under your current account mode.",
        c54072="This contract is currently view-only and not tradable.",
    ),
    *refused(
        R.ACCOUNT_LOCKED,
        H.OURS,
        c50027="The account is restricted from trading",
        c50029="Your account has triggered risk control and is temporarily restricted from trading.",
        c51009="Order placement function is blocked by the platform.",
        c51024="Your trading account is blocked.",
        c54008="This operation is disabled by the 'mass cancel order' endpoint.",
    ),
    *answered(200, R.RATE_LIMITED, H.LIMITED, c50011="Rate limit reached.", c50040="Operations are too frequent."),
    *answered(429, R.RATE_LIMITED, H.LIMITED, c50011="Rate limit reached."),
    *refused(R.RATE_LIMITED, H.LIMITED, c50061="You've reached the maximum order rate limit for this account."),
    Case(429, "error code: 1015", R.RATE_LIMITED, H.LIMITED),
    *answered(410, R.VENUE_MODE, H.MODE, c50005="Your account has been suspended or the API is offline."),
    *answered(
        200,
        R.VENUE_MODE,
        H.MODE,
        c50046="This feature is unavailable while we upgrade our systems.",
        c50062="This feature is currently unavailable.",
    ),
    *refused(
        R.MARKET_CLOSED,
        H.MODE,
        c51021="This contract has not been listed yet.",
        c51022="Contract suspended.",
        c51027="Contract expired",
        c51028="Contract under delivery",
        c51029="Contract is being settled.",
        c51030="Funding fee is being settled.",
    ),
    *answered(
        200,
        R.DEADLINE_ELAPSED,
        H.FAILED,
        c50036="The expTime can't be earlier than the current system time.",
        c50037="Order expired.",
    ),
    *refused(U.DUPLICATE_ID, H.UNKNOWN, c51016="Client order ID already exists.", c50071="clOrdId already exists"),
    *answered(200, U.DUPLICATE_ID, H.UNKNOWN, c50042="Repeated request"),
    *answered(
        400,
        U.VENUE_SAYS_UNKNOWN,
        H.UNKNOWN,
        c50004="API endpoint request timeout (does not mean that the request was successful or failed).",
    ),
    *refused(
        U.VENUE_SAYS_UNKNOWN,
        H.UNKNOWN,
        c51149="Order timed out. Please try again later.",
        c51054="Request timed out. Please try again.",
        c51412="Cancellation timed out, please try again later",
        c50026="System error. Try again later",
        c50001="Service temporarily unavailable. Try again later",
        c50013="Systems are busy. Please try again later.",
    ),
    *answered(429, U.VENUE_SAYS_UNKNOWN, H.UNKNOWN, c50013="Systems are busy. Please try again later."),
    Case(200, '{"code":500,"msg":"Internal Server Error"}', U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    # No 5xx proves anything.
    *answered(503, U.SERVER_ERROR, H.UNKNOWN, c50001="Service temporarily unavailable. Try again later"),
    *answered(500, U.SERVER_ERROR, H.UNKNOWN, c51149="Order timed out.", c51054="Request timed out.", c50026="Error"),
    Case(500, '{"code":500,"msg":"Internal Server Error"}', U.SERVER_ERROR, H.UNKNOWN),
    Case(500, told("1", "", row("51008", "Insufficient balance")), U.SERVER_ERROR, H.UNKNOWN),
    Case(502, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(504, "", U.SERVER_ERROR, H.UNKNOWN),
    Case(523, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(524, "", U.SERVER_ERROR, H.UNKNOWN),
    # The row is the result, whatever the envelope sums up.
    Case(200, told("0", "", row("51008", "Insufficient balance")), R.INSUFFICIENT_FUNDS, H.OURS),
    Case(200, told("2", "", row("51008", "Insufficient balance")), R.INSUFFICIENT_FUNDS, H.OURS),
    # An envelope with a code of its own has its say beside the row.
    Case(200, told("50004", "Timeout", row("51008", "Insufficient balance")), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(200, told("50011", "Rate limit", row("0", "", "7")), U.UNLISTED, H.UNKNOWN),
    Case(200, told("1", "All operations failed", row("0", "", "7")), U.UNLISTED, H.UNKNOWN),
    # What nobody listed, and what is half an answer.
    Case(200, told("1", "All operations failed"), U.UNLISTED, H.UNKNOWN),
    Case(200, told("1", "", row("59999", "A code that nobody has seen.")), U.UNLISTED, H.UNKNOWN),
    Case(200, told("1", "", row("51603", "Order does not exist")), U.UNLISTED, H.UNKNOWN),
    Case(200, told("1", "", row("51008", "Insufficient balance", "7")), U.UNLISTED, H.UNKNOWN),
    Case(404, HTML, U.UNLISTED, H.UNKNOWN),
    Case(200, told("0"), U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, '{"code":"0","data":null}', U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, told("0", "", row("0")), U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, told("0", "", row("0", "", "7", "somebody-else")), U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, told("0", "", '[{"ordId":"7","clOrdId":"0123456789abcdef0123456789abcdef"}]'), U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, '{"code":null}', U.BROKEN_ANSWER, H.UNKNOWN),
    Case(200, '{"code":true}', U.BROKEN_ANSWER, H.UNKNOWN),
)
