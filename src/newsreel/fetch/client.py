"""The one client for everything outbound: conditional, limited, guarded.

It never raises for the outside world's troubles, and holds no opinion: what an answer means for a
feed is decided elsewhere. Redirects are followed here, hop by hop, so that each address is checked
and credentials stay with their origin.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from time import monotonic
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from newsreel.fetch.body import read_body
from newsreel.fetch.faults import fault_in, fault_of
from newsreel.fetch.guard import Guard, GuardedResolver, Hop, fault_of_address
from newsreel.fetch.headers import max_age_of, retry_after_of, validators_of
from newsreel.fetch.policy import FetchPolicy, Request
from newsreel.model.capture import Capture, Fault, FaultKind, Validators

__all__ = ["Client", "FetchPolicy", "Request"]

ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, "
    "application/rdf+xml;q=0.9, application/xml;q=0.8, text/xml;q=0.8, text/html;q=0.5, */*;q=0.1"
)
ENCODINGS = "gzip, br, zstd, deflate"
PERMANENT = frozenset((301, 308))
REDIRECTS = frozenset((301, 302, 303, 307, 308))
# Some sites send policies of many kilobytes; endless headers still come to an end.
MOST_HEADERS, LONGEST_HEADER = 200, 32_768
NOT_IN_A_URL = frozenset('"<>\\^`{|}\x7f')
# The connection is the client's business: a feed's own headers have no say in it.
OUR_HEADERS = frozenset(
    {"accept-encoding", "if-modified-since", "if-none-match", "range", "referer", "host"}
    | {"connection", "content-length", "expect", "te", "trailer", "transfer-encoding", "upgrade"}
)


def utc_now() -> datetime:
    """Return the machine's time, in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - the default of a parameter


class Client:
    """Fetches what it is asked for.

    ``async with Client(policy) as client: capture = await client.fetch(request)``.
    ``resolver`` replaces the system's (the answers of either are checked); ``clock`` gives
    ``fetched_at``.
    """

    def __init__(
        self,
        policy: FetchPolicy,
        *,
        clock: Callable[[], datetime] = utc_now,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self.policy = policy
        self._clock = clock
        self._resolver = resolver
        self._guard = Guard(policy.allow_private)
        self._slots = asyncio.Semaphore(policy.concurrency)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        resolver = self._resolver or aiohttp.ThreadedResolver()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=GuardedResolver(resolver, self._guard),
                socket_factory=self._guard.socket_for,
                limit=0,  # the slots count
                # Most requests go to a host of their own: idle connections would only hold
                # descriptors.
                force_close=True,
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # fetch has one for all
            headers={
                "User-Agent": self.policy.agent,
                "Accept": ACCEPT,
                "Accept-Encoding": ENCODINGS,
                "Connection": "close",
            },
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
            max_headers=MOST_HEADERS,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def fetch(self, request: Request) -> Capture:
        """Return what came back, or why nothing did; waits for a free slot first."""
        assert self._session is not None, "a client is used in `async with`"
        seconds = self.policy.timeout.total_seconds()
        async with self._slots:
            exchange = _Exchange(request, self.policy, self._session, self._guard, self._clock)
            try:
                async with asyncio.timeout(seconds):
                    return await exchange.run()
            except TimeoutError:
                return exchange.failed(Fault(FaultKind.TIMEOUT, f"not done within {seconds:g} s"))
            except (aiohttp.ClientError, OSError, ValueError) as error:
                return exchange.failed(fault_of(error, exchange.hop))


class _Exchange:
    """One request with all its hops, while it is under way."""

    def __init__(
        self,
        request: Request,
        policy: FetchPolicy,
        session: aiohttp.ClientSession,
        guard: Guard,
        clock: Callable[[], datetime],
    ) -> None:
        self.request = request
        self.policy = policy
        self.session = session
        self.guard = guard
        self.clock = clock
        self.hop = Hop("")
        self.url: URL | None = None
        self.hops = 0
        self.is_permanent = True
        self.started = monotonic()

    async def run(self) -> Capture:
        """Follow the redirects to an answer."""
        self.url = url = first = address_of(self.request.url)
        headers = self._headers(first)
        seen = {_bare(first)}
        while True:
            if fault := fault_of_address(url, self.policy.allow_private):
                return self.failed(fault)
            self.hop = self.guard.enter(url.raw_host or "")
            response = await self.session.request(
                "GET", _bare(url), headers=headers, allow_redirects=False
            )
            try:
                location = response.headers.get("Location")
                if response.status not in REDIRECTS or location is None:
                    return await self._answer(response)
            finally:
                response.close()
            self.url = url = _target_of(url, location)
            self.hops += 1
            self.is_permanent &= response.status in PERMANENT
            if _bare(url) in seen or self.hops > self.policy.max_hops:
                return self.failed(Fault(FaultKind.TOO_MANY_REDIRECTS, f"after {self.hops}"))
            seen.add(_bare(url))
            if url.origin() != first.origin():
                headers = _conditions(self.request.validators)

    async def _answer(self, response: aiohttp.ClientResponse) -> Capture:
        headers, now = response.headers, self.clock()
        validators = validators_of(headers)
        body = None
        fault = fault_in(response.status, headers, self.request.validators)
        if fault is None and response.status != 304:
            limit = min(self.policy.max_bytes, self.request.max_bytes or self.policy.max_bytes)
            read = await read_body(response, limit)
            if isinstance(read, Fault):
                fault = read
            else:
                body = read
        if body is not None and body.is_broken:
            # The rest must be asked for again, and not conditionally.
            validators = Validators()
        assert self.url is not None
        moved = self.hops and self.is_permanent and fault is None
        return Capture(
            url=self.request.url,
            final_url=self._final_url(),
            fetched_at=now,
            status=response.status,
            content_type=headers.get("Content-Type"),
            validators=validators,
            max_age=max_age_of(headers, now),
            retry_after=retry_after_of(headers, now),
            permanent_url=str(self.url) if moved else None,
            body=body.data if body else None,
            digest=sha256(body.data).digest() if body else None,
            is_cut=body.is_cut if body else False,
            fault=fault,
            elapsed=self._elapsed(),
        )

    def failed(self, fault: Fault) -> Capture:
        """Return the capture of an exchange that brought no answer."""
        return Capture(
            url=self.request.url,
            final_url=self._final_url(),
            fetched_at=self.clock(),
            fault=fault,
            elapsed=self._elapsed(),
        )

    def _final_url(self) -> str:
        """Return what answered, without credentials: links are resolved against it."""
        if self.url is None or not (self.hops or "@" in self.request.url):
            return self.request.url
        return str(_bare(self.url))

    def _elapsed(self) -> timedelta:
        return timedelta(seconds=monotonic() - self.started)

    def _headers(self, url: URL) -> dict[str, str]:
        headers = _conditions(self.request.validators)
        for name, value in self.request.headers:
            if name.lower() not in OUR_HEADERS:
                headers[name] = value
        if url.raw_user is not None:
            basic = aiohttp.encode_basic_auth(url.user or "", url.password or "")
            headers.setdefault("Authorization", basic)
        return headers


def _conditions(validators: Validators) -> dict[str, str]:
    headers = {}
    if validators.etag:
        headers["If-None-Match"] = validators.etag
    if validators.last_modified:
        headers["If-Modified-Since"] = validators.last_modified
    return headers


def address_of(text: str) -> URL:
    """Return an address as it is to be sent: untouched where it can be, else encoded.

    Raises:
        ValueError: it is no address.
    """
    text = text.strip()
    is_sendable = text.isascii() and not any(c <= " " or c in NOT_IN_A_URL for c in text)
    return URL(text, encoded=is_sendable).with_fragment(None)


def _target_of(url: URL, location: str) -> URL:
    """Return where a redirect leads.

    The credentials of an address stay with its origin; those that a redirect brings are not ours.

    Raises:
        ValueError: it leads to no address.
    """
    target = _bare(url.join(address_of(location)))
    if url.raw_user is not None and target.origin() == url.origin():
        return target.with_user(url.user).with_password(url.password)
    return target


def _bare(url: URL) -> URL:
    return url if url.raw_user is None else url.with_user(None)
