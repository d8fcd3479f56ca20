"""One request with all its hops, from the first connection to the capture."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from time import monotonic

from yarl import URL

from newsreel.fetch.address import address_of, bare, target_of
from newsreel.fetch.body import Body, Leave, Permit, read_body
from newsreel.fetch.connection import Connection, Lookup, connect
from newsreel.fetch.faults import fault_in, fault_of
from newsreel.fetch.guard import fault_of_address, is_own
from newsreel.fetch.headers import max_age_of, retry_after_of, validators_of
from newsreel.fetch.hosts import HostGate
from newsreel.fetch.policy import FetchPolicy, Request
from newsreel.fetch.proxy import (
    Proxy,
    ProxyFailed,
    basic,
    connect_through,
    fault_through_proxy,
    proxy_of,
    read_head,
)
from newsreel.fetch.wire import Head, framing_of, request_bytes
from newsreel.formats.urls import asked_host_of
from newsreel.model.capture import Capture, Fault, FaultKind, Hop, Validators

PERMANENT = frozenset((301, 308))
REDIRECTS = {"GET": frozenset((301, 302, 303, 307, 308)), "POST": frozenset((307, 308))}
# The connection is the client's business: a feed's own headers have no say in it.
NOT_THEIRS = """
    accept-encoding connection content-length content-type expect host if-modified-since
    if-none-match proxy-authorization proxy-connection range referer te trailer transfer-encoding
    upgrade
"""
OUR_HEADERS = frozenset(NOT_THEIRS.split())

CheckHop = Callable[[str], Awaitable[Fault | None]]
"""Is asked before a redirect is followed to an address: why it is not, None where it may be."""


@dataclass(frozen=True, slots=True)
class Means:
    """What all exchanges of a client share.

    ``headers`` go out with every request; ``large`` bounds how many large bodies are in memory.
    """

    policy: FetchPolicy
    headers: Mapping[str, str]
    lookup: Lookup
    large: Leave
    clock: Callable[[], datetime]


class Exchange:
    """One request, while it is under way. ``host`` is the one that is being asked."""

    def __init__(
        self,
        request: Request,
        means: Means,
        permit: Permit,
        gate: HostGate | None = None,
        check_hop: CheckHop | None = None,
    ) -> None:
        self.host = ""
        self._check_hop = check_hop
        self._permit = permit
        self._gate = gate
        self._request = request
        self._means = means
        self._url: URL | None = None
        self._hops = 0
        self._trace: list[Hop] = []
        self._found: tuple[str, ...] = ()
        self._question = b""
        self._is_permanent = True
        self._started = monotonic()

    async def run(self) -> Capture:
        """Follow the redirects to an answer.

        Raises:
            OSError: the host can't be reached.
            BadHttp: it does not speak HTTP.
            ValueError: what is asked for is no address, or can't be written as a request.
            LeaseLost: nothing may be sent any more.
        """
        self._url = url = first = address_of(self._request.url)
        method, headers = self._request.method, self._headers(first)
        seen = {bare(first)}
        while True:
            if fault := await self._fault_at(url):
                return self.failed(fault)
            self.host = url.raw_host or ""
            proxy = self._proxy_for(self.host)
            if proxy is not None and (fault := fault_through_proxy(url)):
                return self.failed(fault)
            self._question = _question(method, url, headers, proxy)
            connection = await self._connect(url, proxy)
            try:
                if self._gate is not None:
                    self._gate.assure()
                connection.write(self._question + self._request.body)
                head = await read_head(connection)
                self._trace.append(self._hop(None if proxy else connection.ip, head))
                if proxy is not None and head.status == 407:
                    return self.failed(fault_of(ProxyFailed("answered 407"), self.host))
                location = head.headers.get("location")
                if head.status not in REDIRECTS[method] or location is None:
                    return await self._answer(connection, head)
            finally:
                connection.close()
            was_secure = url.scheme == "https"
            self._url = url = target_of(url, location)
            self._found, self._question = (), b""
            self._hops += 1
            self._is_permanent &= head.status in PERMANENT
            if method == "POST" and was_secure and url.scheme != "https":
                return self.failed(Fault(FaultKind.HTTP, "to be sent on in plain", head.status))
            if fault := self._fault_of_hop(url, seen):
                return self.failed(fault)
            seen.add(bare(url))
            if url.host is not None and url.origin() != first.origin():
                headers = self._headers_elsewhere()

    async def _fault_at(self, url: URL) -> Fault | None:
        """Return why an address is not asked at all."""
        fault = fault_of_address(url, self._means.policy.allow_private)
        if fault is None and self._hops and self._check_hop is not None:
            return await self._check_hop(str(bare(url)))
        return fault

    def _proxy_for(self, host: str) -> Proxy | None:
        """Return what the way to a host leads through; the operator's own are asked directly."""
        text = self._request.proxy or self._means.policy.proxy
        if not text or is_own(host, self._means.policy.allow_private):
            return None
        return proxy_of(text)

    async def _connect(self, url: URL, proxy: Proxy | None) -> Connection:
        if proxy is not None:
            return await connect_through(proxy, url, lookup=self._means.lookup)
        return await connect(
            url.raw_host or "",
            url.port or 80,
            is_secure=url.scheme == "https",
            lookup=self._look_up,
            allow_private=self._means.policy.allow_private,
        )

    def _fault_of_hop(self, url: URL, seen: set[URL]) -> Fault | None:
        if bare(url) in seen or self._hops > self._means.policy.max_hops:
            return Fault(FaultKind.TOO_MANY_REDIRECTS, f"{self._hops}, and no end")
        host = asked_host_of(str(url))
        if self._gate is None or self._gate.closed_until(host) is None:
            return None
        return Fault(FaultKind.HTTP, f"{host}, where this leads, asked us to come later", 429)

    def failed(self, fault: Fault) -> Capture:
        """Return the capture of an exchange that brought no answer."""
        if len(self._trace) <= self._hops:
            self._trace.append(self._hop())
        return Capture(
            url=self._request.url,
            final_url=self._final_url(),
            fetched_at=self._means.clock(),
            fault=fault,
            hops=tuple(self._trace),
            elapsed=self._elapsed(),
        )

    async def _answer(self, connection: Connection, head: Head) -> Capture:
        now, headers = self._means.clock(), head.headers
        validators = validators_of(headers)
        body: Body | None = None
        fault = fault_in(head.status, headers, self._request)
        if fault is None and head.status != 304:
            read = await self._body(connection, head)
            if isinstance(read, Fault):
                fault = read
            else:
                body = read
        if fault is not None or (body is not None and body.is_broken):
            # An error page's validators are not the feed's; a broken body's rest must be asked
            # for again, and not conditionally.
            validators = Validators()
        moved = self._hops and self._is_permanent and fault is None
        return Capture(
            url=self._request.url,
            final_url=self._final_url(),
            fetched_at=now,
            status=head.status,
            content_type=headers.get("content-type"),
            validators=validators,
            max_age=max_age_of(headers, now),
            retry_after=retry_after_of(headers, now),
            permanent_url=str(self._url) if moved else None,
            body=body.data if body else None,
            digest=sha256(body.data).digest() if body else None,
            is_cut=body.is_cut if body else False,
            fault=fault,
            request=self._question,
            head=head.raw,
            hops=tuple(self._trace),
            elapsed=self._elapsed(),
        )

    async def _body(self, connection: Connection, head: Head) -> Body | Fault:
        most = self._means.policy.max_bytes
        return await read_body(
            connection.read,
            framing_of(head),
            head.headers.get("content-encoding", ""),
            min(most, self._request.max_bytes or most),
            self._permit,
        )

    async def _look_up(self, host: str) -> Sequence[str]:
        self._found = tuple(await self._means.lookup(host))
        return self._found

    def _hop(self, ip: str | None = None, head: Head | None = None) -> Hop:
        return Hop(
            url=self._request.url if self._url is None else str(bare(self._url)),
            addresses=self._found,
            ip=ip,
            status=head.status if head else None,
            request=self._question,
            head=head.raw if head else b"",
        )

    def _headers(self, url: URL) -> dict[str, str]:
        own = {name.lower(): (name, value) for name, value in self._request.headers}
        names = own.keys() - OUR_HEADERS
        headers = {
            name: value for name, value in self._means.headers.items() if name.lower() not in names
        }
        headers |= _conditions(self._request.validators)
        if self._request.method == "POST":
            headers |= _of_body(self._request)
        headers |= dict(own[name] for name in own if name in names)
        if "authorization" in names:
            return headers
        if self._request.user is not None:
            headers["Authorization"] = basic(self._request.user, self._request.password or "")
        elif url.raw_user is not None:
            headers["Authorization"] = basic(url.user or "", url.password or "")
        return headers

    def _headers_elsewhere(self) -> dict[str, str]:
        """Return what another origin may know: nothing of the feed's own but the body's kind."""
        headers = {**self._means.headers, **_conditions(self._request.validators)}
        if self._request.method == "POST":
            headers |= _of_body(self._request)
        return headers

    def _final_url(self) -> str:
        """Return what answered, without credentials: links are resolved against it."""
        if self._url is None or not (self._hops or "@" in self._request.url):
            return self._request.url
        return str(bare(self._url))

    def _elapsed(self) -> timedelta:
        return timedelta(seconds=monotonic() - self._started)


def _question(method: str, url: URL, headers: Mapping[str, str], proxy: Proxy | None) -> bytes:
    host = url.host_port_subcomponent or ""
    if proxy is None or url.scheme == "https":
        return request_bytes(method, url.raw_path_qs, {"Host": host, **headers})
    target = f"{url.scheme}://{host}{url.raw_path_qs}"
    return request_bytes(method, target, {"Host": host, **headers, **proxy.headers})


def _conditions(validators: Validators) -> dict[str, str]:
    headers = {}
    if validators.etag:
        headers["If-None-Match"] = validators.etag
    if validators.last_modified:
        headers["If-Modified-Since"] = validators.last_modified
    return headers


def _of_body(request: Request) -> dict[str, str]:
    own = {name.lower(): value for name, value in request.headers}
    kind = own.get("content-type", "application/x-www-form-urlencoded")
    return {"Content-Type": kind, "Content-Length": str(len(request.body))}
