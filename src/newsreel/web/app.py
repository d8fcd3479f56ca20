"""The application: where hubs confirm what we asked for, and push (WebSub, 5.3 and 7)."""

import asyncio

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from newsreel.app.hubs import CALLBACK, Hubs, Push, Verdict
from newsreel.core.hubs import Question
from newsreel.errors import StoreError
from newsreel.formats.links import links_in

LONGEST_CHALLENGE = 4096
BODY_SECONDS = 30.0
LONGEST_BODY = 5_000_000
AT_ONCE = 16
"""Pushes that are in memory together; the others wait for their turn before they are read."""

RETRY = {"Retry-After": "60"}
NO_SNIFFING = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
}


def make_app(hubs: Hubs, *, path: str = "", max_bytes: int) -> Starlette:
    """Return the application; ``path`` is what the public address has after the host.

    A proxy may take the path away before it hands a request on, or leave it.
    """
    callback = _Callback(hubs, max_bytes)
    paths = dict.fromkeys((CALLBACK, path.rstrip("/") + CALLBACK))
    routes = [
        Route(before + "{token}", endpoint, methods=[method])
        for before in paths
        for method, endpoint in (("GET", callback.confirm), ("POST", callback.take))
    ]
    return Starlette(routes=routes)


class _Callback:
    """The two things that a hub does at a callback."""

    def __init__(self, hubs: Hubs, max_bytes: int) -> None:
        self._hubs, self._max_bytes = hubs, min(max_bytes, LONGEST_BODY)
        self._room = asyncio.Semaphore(AT_ONCE)

    async def confirm(self, request: Request) -> Response:
        """Repeat the challenge of a hub whose question is about what we asked for."""
        asked = request.query_params
        question = Question(
            mode=asked.get("hub.mode", ""),
            topic=asked.get("hub.topic", ""),
            lease_seconds=asked.get("hub.lease_seconds", ""),
        )
        challenge = asked.get("hub.challenge", "")
        needs_challenge = question.mode != "denied"
        if len(challenge) > LONGEST_CHALLENGE or (needs_challenge and not challenge):
            return _plain(404)
        try:
            is_ours = await self._hubs.answer(request.path_params["token"], question)
        except StoreError:
            return _plain(503)
        if not is_ours:
            return _plain(404)
        return _plain(200, challenge if needs_challenge else "")

    async def take(self, request: Request) -> Response:
        """Take a push. What is not to be believed is acknowledged all the same, and ignored."""
        token = request.path_params["token"]
        try:
            if not await self._hubs.is_expected(token):
                return _plain(410)
            async with self._room:
                body = await self._body(request)
                if isinstance(body, Response):
                    return body
                return _plain(_STATUS[await self._hubs.take(token, _push_of(request, body))])
        except StoreError:
            return _plain(503)
        except ClientDisconnect:
            return _plain(400)

    async def _body(self, request: Request) -> bytes | Response:
        """Return the body, or what is wrong with it."""
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            return _plain(415)
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > self._max_bytes:
            return _plain(413)
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for piece in request.stream():
                    body += piece
                    if len(body) > self._max_bytes:
                        return _plain(413)
        except TimeoutError:
            return _plain(408)
        return bytes(body)


_STATUS = {Verdict.TAKEN: 202, Verdict.IGNORED: 202, Verdict.UNKNOWN: 410, Verdict.BUSY: 503}


def _push_of(request: Request, body: bytes) -> Push:
    lines = [name + b": " + value for name, value in request.headers.raw if name == b"link"]
    return Push(
        body=body,
        signature=request.headers.get("x-hub-signature", ""),
        content_type=request.headers.get("content-type"),
        links=tuple(links_in(b"\n".join([b"", *lines]))),
    )


def _plain(status: int, text: str = "") -> Response:
    headers = NO_SNIFFING | (RETRY if status == 503 else {})
    return PlainTextResponse(text, status_code=status, headers=headers)
