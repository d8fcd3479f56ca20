"""The one client for everything outbound: conditional, limited, guarded.

It never raises for the outside world's troubles, and holds no opinion: what an answer means for a
feed is decided elsewhere. Redirects are followed here, hop by hop, so that each address is checked
and credentials stay with their origin.

It speaks HTTP/1.1 itself, one request to a connection: a poll asks thousands of hosts once each,
so that a general client's pool is of no use and the rest of it costs twice the time. And here the
address that was checked is the one that is connected to.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from newsreel.errors import UsageError
from newsreel.fetch.body import Leave, Permit
from newsreel.fetch.connection import Lookup, Names
from newsreel.fetch.exchange import CheckHop, Exchange, Means
from newsreel.fetch.faults import fault_of
from newsreel.fetch.guard import opened_by
from newsreel.fetch.hosts import HostGate
from newsreel.fetch.policy import FetchPolicy, Request
from newsreel.fetch.proxy import PROXY_HINT, proxy_of
from newsreel.fetch.slots import Slots
from newsreel.fetch.wire import BadHttp
from newsreel.model.capture import Capture, Fault, FaultKind

__all__ = ["Client", "FetchPolicy", "Request"]

ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, "
    "application/rdf+xml;q=0.9, application/xml;q=0.8, text/xml;q=0.8, text/html;q=0.5, */*;q=0.1"
)
ENCODINGS = "gzip, br, zstd, deflate"


def _check_proxy(text: str) -> None:
    try:
        _ = text and proxy_of(text)
    except ValueError:
        raise UsageError("the proxy's address is not one", hint=PROXY_HINT) from None


def utc_now() -> datetime:
    """Return the machine's time, in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - the default of a parameter


class Client:
    """Fetches what it is asked for.

    ``async with Client(policy) as client: capture = await client.fetch(request)``.
    ``clock`` gives ``fetched_at``; ``lookup`` replaces the system's look-up of names (what either
    finds is checked).
    """

    def __init__(
        self,
        policy: FetchPolicy,
        *,
        clock: Callable[[], datetime] = utc_now,
        lookup: Lookup | None = None,
    ) -> None:
        opened_by(policy.allow_private)  # so that a slip in the settings shows at once
        _check_proxy(policy.proxy)
        self.policy = policy
        self._names = Names()
        self._slots = Slots(policy.concurrency)
        headers = {
            "User-Agent": policy.agent,
            "Accept": ACCEPT,
            "Accept-Encoding": ENCODINGS,
            "Connection": "close",
        }
        large = Leave()
        self._means = Means(policy, headers, lookup or self._names, large, clock)

    @property
    def means(self) -> Means:
        """What all that goes out shares, whatever it speaks."""
        return self._means

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._names.close()
        await asyncio.sleep(0)  # the loop closes what was aborted in its next round

    def permit(self) -> Permit:
        """Return leave to hold a large body: ``async with client.permit() as permit``."""
        return Permit(self._means.large)

    async def fetch(
        self,
        request: Request,
        *,
        gate: HostGate | None = None,
        permit: Permit | None = None,
        check_hop: CheckHop | None = None,
    ) -> Capture:
        """Return what came back, or why nothing did; waits for a free slot first.

        With a ``gate``, no redirect is followed to a host that does not want to be asked yet. With
        a ``permit``, a large body counts among the few in memory for as long as the permit is
        held, else until it is here. With ``check_hop``, no redirect is followed where it objects.
        """
        if permit is not None:
            return await self._fetch(request, gate, permit, check_hop)
        async with self.permit() as own:
            return await self._fetch(request, gate, own, check_hop)

    async def _fetch(
        self,
        request: Request,
        gate: HostGate | None,
        permit: Permit,
        check_hop: CheckHop | None,
    ) -> Capture:
        seconds = self.policy.timeout.total_seconds()
        async with self._slots.one():
            exchange = Exchange(request, self._means, permit, gate, check_hop)
            try:
                async with asyncio.timeout(seconds) as permit.deadline:
                    return await exchange.run()
            except TimeoutError:
                return exchange.failed(Fault(FaultKind.TIMEOUT, f"not done within {seconds:g} s"))
            except (OSError, BadHttp, ValueError) as error:
                return exchange.failed(fault_of(error, exchange.host))
