"""One request as its handler sees it: who asks, checked. The SDK measures it."""

import re

from aiosmon_sdk import Call, current
from starlette.requests import Request

from demo.problems import Fields, Problem
from demo.reporting import CLIENT_HEADER

_CLIENT_CODE = re.compile(r"[A-Za-z0-9_-]{1,50}\Z")


def call_of(request: Request) -> Call:
    """The SDK's call of this request; raises Problem 400 when X-Client is no client code.

    One that is not reported has a call as well, which goes nowhere.
    """
    call = current()
    name_client(call, CLIENT_HEADER, request.headers.get(CLIENT_HEADER))
    return call


def take_client(call: Call, fields: Fields) -> None:
    """Read `client` (a code) and `client_id` (a number) of the body; the header wins."""
    client = fields.optional_text("client", longest=50)
    if call.client is None:
        name_client(call, "client", client)
    client_id = fields.integer("client_id", 0, 2**31 - 1)
    if client_id is not None:
        call.metadata["client_id"] = client_id


def name_client(call: Call, where: str, code: str | None) -> None:
    """Set the client's code; raises Problem 400 for one that can't be a code."""
    if code is not None and not _CLIENT_CODE.match(code):
        fix = "Send 1 to 50 letters, digits, hyphens or underscores."
        raise Problem(400, where, "Not a client code.", fix)
    call.client = code
