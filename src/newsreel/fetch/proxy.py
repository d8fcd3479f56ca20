"""Proxies: what is asked for goes through another host.

Plain requests are written in absolute form (RFC 9112, 3.2.2); secure ones go through a tunnel
(CONNECT: RFC 9110, 9.3.6), in which the certificate is the asked host's own, checked as ever.

A proxy looks names up itself. So which address is connected to can't be checked here; what can be
is the address as it is written, and whether its name is one of an own network.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from yarl import URL

from newsreel.fetch.connection import Connection, HungUp, Lookup, open_any
from newsreel.fetch.guard import literal_of
from newsreel.fetch.wire import BadHttp, Head, HeadReader, request_bytes
from newsreel.model.capture import Fault, FaultKind

# RFC 6761, RFC 6762, RFC 8375, and what routers and ICANN's .internal use.
OWN_ZONES = frozenset(
    ("localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "private")
)
OWN_SUFFIX = ".home.arpa"
PROXY_HINT = "give http://host:port or http://user:password@host:port"


class ProxyFailed(OSError):
    """The proxy can't be reached, or does not do what it is asked."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that speaks HTTP. ``authorization`` is what it wants to hear: a secret."""

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What only the proxy is told."""
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}


@lru_cache(maxsize=256)
def proxy_of(text: str) -> Proxy:
    """Return the proxy at ``http://host:port`` or ``http://user:password@host:port``.

    Raises:
        ValueError: it is not written like that. The message does not repeat it.
    """
    try:
        url = URL(text.strip())
        is_proxy = url.scheme == "http" and url.raw_host and url.raw_path_qs == "/"
    except ValueError:
        is_proxy, url = False, URL()
    if not is_proxy or url.raw_host is None or url.explicit_port is None:
        raise ValueError("not a proxy")
    authorization = None
    if url.raw_user is not None:
        authorization = basic(url.user or "", url.password or "")
    return Proxy(url.raw_host, url.explicit_port, authorization)


def basic(user: str, password: str) -> str:
    """Return the credentials of basic authentication, in UTF-8 (RFC 7617)."""
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def fault_through_proxy(url: URL) -> Fault | None:
    """Return why an address can't be asked for through a proxy: its name is of an own network."""
    host = (url.raw_host or "").rstrip(".").lower()
    if literal_of(host) is not None:
        return None  # the guard has seen to it
    is_own = "." not in host or host.rpartition(".")[2] in OWN_ZONES or host.endswith(OWN_SUFFIX)
    if not is_own:
        return None
    return Fault(FaultKind.REFUSED_ADDRESS, f"a name of an own network: {host}")


async def connect_through(proxy: Proxy, url: URL, *, lookup: Lookup) -> Connection:
    """Connect to a proxy, and for a secure address through it to the host.

    The operator chose the proxy, so that its own address may be any.

    Raises:
        ProxyFailed: there is no way through it.
        OSError: the host behind it can't be spoken to securely.
    """
    try:
        ips: Sequence[str] = [proxy.host]
        if literal_of(proxy.host) is None:
            ips = await lookup(proxy.host)
        if not ips:
            raise ProxyFailed("has no address")
        connection = await open_any(ips, proxy.port)
    except OSError as error:
        raise ProxyFailed("can't be reached") from error
    if url.scheme != "https":
        return connection
    try:
        await _open_tunnel(connection, proxy, url)
        await connection.secure(url.raw_host or "")
    except BaseException:
        connection.close()
        raise
    return connection


async def _open_tunnel(connection: Connection, proxy: Proxy, url: URL) -> None:
    host = url.raw_host or ""
    target = f"[{host}]:{url.port}" if ":" in host else f"{host}:{url.port}"
    try:
        connection.write(request_bytes("CONNECT", target, {"Host": target} | proxy.headers))
        head = await read_head(connection)
    except (HungUp, BadHttp) as error:
        raise ProxyFailed("hung up, or does not speak HTTP") from error
    if not 200 <= head.status < 300:
        raise ProxyFailed(f"answered {head.status}")


async def read_head(connection: Connection) -> Head:
    """Return the head of an answer; what came after it is read next.

    Raises:
        HungUp: none came.
        BadHttp: it is none.
    """
    reader = HeadReader()
    while piece := await connection.read():
        if (head := reader.feed(piece)) is not None:
            connection.put_back(reader.rest)
            return head
    raise HungUp("no answer")
