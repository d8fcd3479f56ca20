from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from newsreel.errors import UsageError
from newsreel.fetch.guard import (
    fault_of_address,
    is_allowed,
    is_disguised,
    is_own,
    opened_by,
    verdict_of,
)
from newsreel.model.capture import FaultKind

REFUSED = [
    ("0.0.0.0", "this host"),
    ("0.1.2.3", "this network"),
    ("10.0.0.1", "private"),
    ("10.255.255.255", "private, the last"),
    ("100.64.0.1", "carrier-grade NAT"),
    ("100.127.255.255", "carrier-grade NAT, the last"),
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "loopback, far end"),
    ("169.254.169.254", "metadata service"),
    ("172.16.0.1", "private"),
    ("172.31.255.255", "private, the last"),
    ("192.0.0.170", "protocol assignments"),
    ("192.0.2.1", "documentation"),
    ("192.88.99.1", "6to4 relay"),
    ("192.168.1.1", "private"),
    ("198.18.0.1", "benchmarks"),
    ("198.19.255.255", "benchmarks, the last"),
    ("198.51.100.7", "documentation"),
    ("203.0.113.7", "documentation"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.255", "multicast, the last"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "broadcast"),
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("::127.0.0.1", "IPv4-compatible"),
    ("::8.8.8.8", "IPv4-compatible, public"),
    ("::ffff:127.0.0.1", "IPv4-mapped loopback"),
    ("::ffff:7f00:1", "IPv4-mapped loopback, in hex"),
    ("::ffff:10.0.0.1", "IPv4-mapped private"),
    ("::ffff:0:127.0.0.1", "IPv4-translated"),
    ("64:ff9b::7f00:1", "NAT64 of loopback"),
    ("64:ff9b::808:808", "NAT64"),
    ("64:ff9b:1::1", "local NAT64"),
    ("100::1", "discard"),
    ("2001::1", "Teredo"),
    ("2001:0:53aa:64c::1", "Teredo"),
    ("2001:2::1", "benchmarks"),
    ("2001:10::1", "ORCHID"),
    ("2001:db8::1", "documentation"),
    ("2002:7f00:1::", "6to4 of loopback"),
    ("2002:a00:1::1", "6to4 of private"),
    ("3fff::1", "documentation"),
    ("5f00::1", "segment routing"),
    ("fc00::1", "unique local"),
    ("fd12:3456::1", "unique local"),
    ("fe80::1", "link-local"),
    ("fe80::1%eth0", "link-local with a zone"),
    ("2606:4700::1%eth0", "public with a zone"),
    ("fec0::1", "site-local"),
    ("ff02::1", "multicast"),
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1"]
PUBLIC += ["192.0.1.1", "198.17.0.1", "223.255.255.255", "2606:4700::1", "2a00:1450::5"]
PUBLIC += ["::ffff:8.8.8.8", "2001:200::1", "2003::1"]


@pytest.mark.parametrize("ip", [ip for ip, _ in REFUSED], ids=[f"{w} {ip}" for ip, w in REFUSED])
def test_an_address_that_is_not_public_is_refused(ip: str) -> None:
    assert not is_allowed(ip, host="paper.example")


@pytest.mark.parametrize("ip", PUBLIC)
def test_a_public_address_is_allowed(ip: str) -> None:
    assert is_allowed(ip, host="paper.example")


@pytest.mark.parametrize("ip", ["", "localhost", "127.1", "0x7f.0.0.1", "1.2.3.4.5", "1::2::3"])
def test_what_is_no_address_is_refused(ip: str) -> None:
    assert not is_allowed(ip, host="paper.example", allow_private=("0.0.0.0/0", "::/0"))


def test_a_network_is_opened_and_nothing_beside_it() -> None:
    opened = ("127.0.0.0/8", "fd00::/8")

    assert is_allowed("127.1.2.3", host="x", allow_private=opened)
    assert is_allowed("::ffff:127.0.0.1", host="x", allow_private=opened)
    assert is_allowed("fd00::5", host="x", allow_private=opened)
    assert not is_allowed("10.0.0.1", host="x", allow_private=opened)
    assert not is_allowed("::1", host="x", allow_private=opened)


def test_a_host_is_opened_by_its_name_and_no_other_host_with_it() -> None:
    opened = ("nas.lan", "::1")

    assert is_allowed("10.0.0.1", host="NAS.lan.", allow_private=opened)
    assert not is_allowed("10.0.0.1", host="evil.nas.lan", allow_private=opened)
    assert not is_allowed("10.0.0.1", host="paper.example", allow_private=opened)
    assert is_allowed("::1", host="paper.example", allow_private=opened)


@pytest.mark.parametrize("item", ["10.0.0.0/33", "http://nas.lan", "nas.lan/feed", "", "0x7f.1"])
def test_a_slip_in_allow_private_is_a_usage_error(item: str) -> None:
    with pytest.raises(UsageError) as caught:
        opened_by((item,))

    assert repr(item) in str(caught.value)
    assert caught.value.hint


DISGUISED = """
    2130706433 0x7f000001 0x7F.1 017700000001 0177.0.0.1 127.1 127.0.1 127.0.0.1. 0x 1.2.3.4.5
    127.0.0.01 256.256.256.256 evil.0x7f evil.1
"""


@pytest.mark.parametrize("host", DISGUISED.split())
def test_an_address_in_disguise_is_recognised(host: str) -> None:
    assert is_disguised(host)


@pytest.mark.parametrize(
    "host", ["paper.example", "1.1.1.1", "::1", "0xdead.example", "4chan.org"]
)
def test_a_name_and_a_plain_address_are_no_disguise(host: str) -> None:
    assert not is_disguised(host)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("file:///etc/passwd", FaultKind.REFUSED_ADDRESS),
        ("ftp://paper.example/feed", FaultKind.REFUSED_ADDRESS),
        ("gopher://paper.example/", FaultKind.REFUSED_ADDRESS),
        ("javascript:alert(1)", FaultKind.REFUSED_ADDRESS),
        ("//paper.example/feed", FaultKind.BAD_ADDRESS),
        ("feed", FaultKind.BAD_ADDRESS),
        ("http://", FaultKind.BAD_ADDRESS),
        ("http://a b/", FaultKind.BAD_ADDRESS),
        ("http://[fe80::1%25eth0]/", FaultKind.BAD_ADDRESS),
        ("http://127.0.0.1/", FaultKind.REFUSED_ADDRESS),
        ("http://[::ffff:127.0.0.1]/", FaultKind.REFUSED_ADDRESS),
        ("http://①②⑦.0.0.1/", FaultKind.REFUSED_ADDRESS),
        ("http://2130706433/", FaultKind.REFUSED_ADDRESS),
        ("http://paper.example:22/", FaultKind.REFUSED_ADDRESS),
        ("http://paper.example:25/", FaultKind.REFUSED_ADDRESS),
        ("http://paper.example:6379/", FaultKind.REFUSED_ADDRESS),
        ("https://paper.example:0/", FaultKind.REFUSED_ADDRESS),
        ("http://paper.example/feed", None),
        ("https://paper.example:8443/feed", None),
        ("http://1.1.1.1/feed", None),
        ("http://[2606:4700::1]/feed", None),
    ],
)
def test_an_address_is_judged_before_any_name_is_looked_up(
    url: str, kind: FaultKind | None
) -> None:
    fault = fault_of_address(URL(url), ())

    assert (fault.kind if fault else None) is kind


def test_the_operators_own_hosts_are_told_without_dns() -> None:
    opened = ("nas.lan", "127.0.0.0/8")

    own = ["nas.lan", "NAS.LAN.", "127.0.0.1", "127.9.9.9", "localhost"]
    assert all(is_own(host, opened) for host in own)
    assert not any(is_own(host, opened) for host in ["paper.example", "10.0.0.1", "8.8.8.8"])
    assert not is_own("8.8.8.8", ("0.0.0.0/0",))


@given(st.ip_addresses(v=4))
def test_python_knows_no_private_ipv4_address_that_we_allow(ip: IPv4Address) -> None:
    allowed = is_allowed(ip, host="paper.example")

    assert not allowed or (ip.is_global and not ip.is_multicast and not ip.is_reserved)


@given(st.ip_addresses(v=6))
def test_python_knows_no_private_ipv6_address_that_we_allow(ip: IPv6Address) -> None:
    allowed = is_allowed(ip, host="paper.example")

    inner = ip.ipv4_mapped or ip
    assert not allowed or (inner.is_global and not inner.is_multicast and ip.sixtofour is None)


@given(st.ip_addresses(v=4))
def test_an_ipv4_mapped_address_is_what_it_stands_for(ip: IPv4Address) -> None:
    mapped = f"::ffff:{ip}"

    assert is_allowed(mapped, host="paper.example") is is_allowed(ip, host="paper.example")


@pytest.mark.parametrize("ip", [ip for ip, _ in REFUSED])
def test_every_address_that_is_refused_is_said_to_be(ip: str) -> None:
    assert verdict_of(ip, host="paper.example", allow_private=()).endswith("refused")


@pytest.mark.parametrize(
    ("ip", "verdict"),
    [
        ("1.1.1.1", "public"),
        ("2606:4700::1", "public"),
        ("10.0.0.1", "a private network; refused"),
        ("::ffff:10.0.0.1", "a private network; refused"),
        ("127.0.0.1", "this machine itself (loopback); opened by allow_private"),
        ("::1", "this machine itself (loopback); refused"),
        ("fd00::1", "a private network (ULA); refused"),
        ("2606:4700::1%eth0", "not public; refused"),
        ("pear", "refused: no address"),
    ],
)
def test_what_kind_of_address_one_is_is_told(ip: str, verdict: str) -> None:
    assert verdict_of(ip, host="paper.example", allow_private=("127.0.0.0/8",)) == verdict
