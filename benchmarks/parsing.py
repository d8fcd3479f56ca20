"""How fast feeds are read, as ratios: python benchmarks/parsing.py DIRECTORY [ROUNDS].

DIRECTORY holds raw feeds (the parser bench's `real`). Measured is one core, all bodies in memory:
parse alone, and every field read out with HTML left raw; the yardstick is a plain loop over lxml,
without recovery. feedparser is timed on every tenth feed where it is installed.
"""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from pathlib import Path

from lxml import etree

from newsreel.cli.parse_batch import record_of
from newsreel.errors import NotAFeed
from newsreel.formats.document import parse


def plain_loop(body: bytes) -> None:
    """Read the fields that any reader needs, in the plainest way."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    with suppress(etree.XMLSyntaxError):
        for item in etree.fromstring(body, parser).iter("{*}item", "{*}entry"):
            found: dict[str, object] = {}
            for child in item:
                if isinstance(child.tag, str):
                    name = child.tag.rpartition("}")[2]
                    found[name] = child.text or child.get("href")
                    if name == "pubDate" and child.text:
                        with suppress(ValueError):
                            found[name] = parsedate_to_datetime(child.text.strip()).isoformat()


def parse_only(body: bytes) -> None:
    """Read a feed into values."""
    with suppress(NotAFeed):
        parse(body)


def parse_fully(body: bytes) -> None:
    """Read a feed, resolve its links, understand its dates."""
    with suppress(NotAFeed):
        record_of(parse(body), raw=True)


def seconds(read: Callable[[bytes], None], bodies: Sequence[bytes], rounds: int) -> float:
    """Return the least processor time of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        for body in bodies:
            read(body)
        best = min(best, time.process_time() - began)
    return best


def main() -> None:
    """Print feeds a second, and each as a ratio of the plain loop."""
    bodies = [p.read_bytes() for p in sorted(Path(sys.argv[1]).iterdir()) if p.is_file()]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    yardstick = len(bodies) / seconds(plain_loop, bodies, rounds)
    print(f"{len(bodies)} feeds, {sum(map(len, bodies)) / 1e6:.0f} MB")
    print(f"{'plain lxml loop':<24}{yardstick:>8.0f} feeds/s")
    for name, read in (("parse", parse_only), ("parse, every field", parse_fully)):
        speed = len(bodies) / seconds(read, bodies, rounds)
        print(f"{name:<24}{speed:>8.0f} feeds/s{speed / yardstick:>8.2f} x the loop")
    with suppress(ImportError):
        import feedparser

        some = bodies[::10]
        speed = len(some) / seconds(lambda body: feedparser.parse(body) and None, some, 1)
        print(f"{'feedparser':<24}{speed:>8.0f} feeds/s{speed / yardstick:>8.2f} x the loop")


if __name__ == "__main__":
    main()
