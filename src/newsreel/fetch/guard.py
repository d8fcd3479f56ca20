"""Which addresses may be reached.

A feed's address, a redirect or a name server can each point into the operator's own network. So
what counts is the address that is connected to: it is checked after DNS, on every hop, whatever
form it was written in. Everything that is not public is refused unless ``allow_private`` opens it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from yarl import URL

from newsreel.errors import UsageError
from newsreel.model.capture import Fault, FaultKind

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network


def _ranges(networks: Iterable[str]) -> tuple[tuple[int, int], ...]:
    found = (ip_network(network) for network in networks)
    return tuple((int(one.network_address), int(one.broadcast_address)) for one in found)


# https://www.iana.org/assignments/iana-ipv4-special-registry
SPECIAL_4 = {
    "0.0.0.0/8": "this machine itself",  # Linux connects 0.0.0.0 to itself
    "10.0.0.0/8": "a private network",
    "100.64.0.0/10": "a provider's inner network (carrier-grade NAT)",
    "127.0.0.0/8": "this machine itself (loopback)",
    "169.254.0.0/16": "link-local, where clouds keep their metadata",
    "172.16.0.0/12": "a private network",
    "192.0.0.0/24": "kept for protocols",
    "192.0.2.0/24": "kept for documentation",
    "192.88.99.0/24": "6to4 relays",
    "192.168.0.0/16": "a private network",
    "198.18.0.0/15": "kept for benchmarks",
    "198.51.100.0/24": "kept for documentation",
    "203.0.113.0/24": "kept for documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
}
NOT_PUBLIC_4 = _ranges(SPECIAL_4)
# Of IPv6 only this block is handed out for the public; all else (loopback, unspecified, ULA,
# link-local, site-local, multicast, NAT64 64:ff9b::/96, IPv4-compatible) lies outside of it.
PUBLIC_6 = IPv6Network("2000::/3")
# https://www.iana.org/assignments/iana-ipv6-special-registry
SPECIAL_6 = {
    "2001::/23": "kept for protocols (Teredo among them)",
    "2001:db8::/32": "kept for documentation",
    "2002::/16": "6to4, which carries an IPv4 address",
    "3fff::/20": "kept for documentation",
}
NOT_PUBLIC_6 = _ranges(SPECIAL_6)
# What of the rest has a name that people know.
OUTSIDE_6 = {
    "::/128": "this machine itself",
    "::1/128": "this machine itself (loopback)",
    "64:ff9b::/96": "NAT64, which carries an IPv4 address",
    "fc00::/7": "a private network (ULA)",
    "fe80::/10": "link-local",
    "ff00::/8": "multicast",
}

# https://fetch.spec.whatwg.org/#port-blocking
NO_BROWSER_PORTS = """
    0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111
    113 115 117 119 123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540
    548 554 556 563 587 601 636 989 990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000
    6566 6665 6666 6667 6668 6669 6679 6697 10080
"""
# Services that take orders from whoever connects: shares, databases, caches, clusters.
COMMAND_PORTS = """
    445 873 1433 1521 2375 2376 2379 2380 3306 3389 5432 5900 5984 6379 6443 9042 9200 9300 10250
    11211 27017
"""
HEX_DIGITS = frozenset("0123456789abcdef")
REFUSED_PORTS = frozenset(int(port) for port in (NO_BROWSER_PORTS + COMMAND_PORTS).split())


@dataclass(frozen=True, slots=True)
class Opened:
    """What ``allow_private`` opens: names of hosts, and networks."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[IPNetwork, ...] = ()

    def has_host(self, host: str) -> bool:
        """Tell whether the host was opened by its name."""
        return _bare(host) in self.hosts

    def has_address(self, ip: IPAddress) -> bool:
        """Tell whether the address lies in an opened network."""
        return any(ip in network for network in self.networks if network.version == ip.version)


@lru_cache(maxsize=16)
def opened_by(allow_private: tuple[str, ...]) -> Opened:
    """Return what the settings open.

    Raises:
        UsageError: an item is neither a network nor the name of a host.
    """
    hosts, networks = set(), []
    for item in allow_private:
        text = item.strip()
        try:
            networks.append(ip_network(text.strip("[]"), strict=False))
        except ValueError:
            if not text or "/" in text or ":" in text or is_disguised(text):
                raise UsageError(
                    f"neither a host nor a network: {item!r}",
                    hint="allow_private takes items like nas.lan, 10.0.0.0/8 or ::1",
                ) from None
            hosts.add(_bare(text))
    return Opened(frozenset(hosts), tuple(networks))


def is_allowed(ip: str | IPAddress, *, host: str, allow_private: Iterable[str] = ()) -> bool:
    """Tell whether ``ip``, an address of ``host``, may be connected to."""
    return _is_allowed(str(ip), host, tuple(allow_private))


@lru_cache(maxsize=8192)
def _is_allowed(ip: str, host: str, allow_private: tuple[str, ...]) -> bool:
    address = literal_of(ip)
    if address is None:
        return False
    if is_public(address):
        return True
    opened = opened_by(allow_private)
    return opened.has_host(host) or opened.has_address(address)


def verdict_of(ip: str, *, host: str, allow_private: tuple[str, ...]) -> str:
    """Return what kind of address one is, and whether it may be reached, in plain words."""
    address = literal_of(ip)
    if address is None:
        return "refused: no address"
    if is_public(address):
        return "public"
    networks = SPECIAL_4 if isinstance(address, IPv4Address) else SPECIAL_6 | OUTSIDE_6
    names = [name for network, name in networks.items() if address in ip_network(network)]
    kind = names[0] if names else "not public"
    is_open = is_allowed(ip, host=host, allow_private=allow_private)
    return f"{kind}; " + ("opened by allow_private" if is_open else "refused")


@lru_cache(maxsize=8192)
def literal_of(host: str) -> IPAddress | None:
    """Return the address that a host name is, None if it is a name.

    An IPv4-mapped IPv6 address is the IPv4 address it stands for.
    """
    if ":" not in host and not host[-1:].isdigit():
        return None
    try:
        ip = ip_address(host)
    except ValueError:
        return None
    return ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip


def is_public(ip: IPAddress) -> bool:
    """Tell whether an address belongs to the public network."""
    number = int(ip)
    if isinstance(ip, IPv4Address):
        return not any(first <= number <= last for first, last in NOT_PUBLIC_4)
    if ip.scope_id is not None or ip not in PUBLIC_6:
        return False
    return not any(first <= number <= last for first, last in NOT_PUBLIC_6)


@lru_cache(maxsize=8192)
def is_own(host: str, allow_private: tuple[str, ...]) -> bool:
    """Tell, without asking DNS, whether a host is one that ``allow_private`` opens."""
    name, opened = _bare(host), opened_by(allow_private)
    if name in opened.hosts:
        return True
    ip = literal_of("127.0.0.1" if name == "localhost" else name)
    return ip is not None and not is_public(ip) and opened.has_address(ip)


def is_disguised(host: str) -> bool:
    """Tell whether a host is an IPv4 address as only ``inet_aton`` reads it, like 0x7f.1."""
    last = host.rstrip(".").rpartition(".")[2].lower()
    # https://url.spec.whatwg.org/#ends-in-a-number-checker
    is_number = last.isdigit() or (last[:2] == "0x" and not set(last[2:]) - HEX_DIGITS)
    return is_number and literal_of(host) is None


def fault_of_address(url: URL, allow_private: tuple[str, ...]) -> Fault | None:
    """Return why an address can't be asked for at all, before any name is looked up."""
    if not url.scheme:
        return Fault(FaultKind.BAD_ADDRESS, "no http:// or https:// in front")
    if url.scheme not in {"http", "https"}:
        return Fault(FaultKind.REFUSED_ADDRESS, f"not the web: {url.scheme}:")
    host = url.raw_host
    if not host or not host.isascii() or any(c <= " " or c == "%" for c in host):
        return Fault(FaultKind.BAD_ADDRESS, f"no such host name: {host!r}")
    if url.port in REFUSED_PORTS:
        return Fault(FaultKind.REFUSED_ADDRESS, f"port {url.port} of {host} is not for the web")
    if is_disguised(host):
        return Fault(FaultKind.REFUSED_ADDRESS, f"an address in disguise: {host}")
    if literal_of(host) is not None and not _is_allowed(host, host, allow_private):
        return refusal(host, host)
    return None


def refusal(host: str, ip: str) -> Fault:
    """Return the fault for an address that may not be reached."""
    found = host if host == ip else f"{host} ({ip})"
    return Fault(FaultKind.REFUSED_ADDRESS, f"not a public address: {found}")


class RefusedAddress(OSError):
    """A connection would have gone where it may not; the message is the address."""


def _bare(host: str) -> str:
    return host.rstrip(".").lower()
