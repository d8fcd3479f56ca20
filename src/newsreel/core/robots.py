"""What a site's robots.txt lets us fetch (RFC 9309), and for how long that is known.

It concerns pages that are read as feeds: nobody publishes those for machines. Feeds are, and a
user who subscribes to one is no robot.
"""

from datetime import datetime, timedelta

from newsreel.model.capture import Capture, FaultKind
from newsreel.model.site import Robots

LONGEST_FILE = 512_000
"""Bytes that are read; the standard asks for 500 KiB at least (2.5)."""
LASTS = timedelta(hours=24)  # the most that the standard allows (2.4)
ASKED_AGAIN_AFTER = timedelta(hours=1)


def robots_after(former: Robots | None, capture: Capture, *, origin: str, now: datetime) -> Robots:
    """Return what is known of an origin's robots.txt, now that it was asked for.

    One that can't be reached leaves the last one standing (2.4), asked for again soon.
    """
    status = _status_of(capture)
    if status is not None:
        return Robots(
            origin=origin,
            status=status,
            body=_whole_lines(capture),
            fetched_at=now,
            next_at=now + LASTS,
        )
    next_at = now + ASKED_AGAIN_AFTER
    if former is None:
        return Robots(origin=origin, fetched_at=now, next_at=next_at)
    return Robots(
        origin=origin,
        status=former.status,
        body=former.body,
        fetched_at=former.fetched_at,
        next_at=next_at,
    )


def may_fetch(robots: Robots, url: str, agent: str) -> bool:
    """Tell whether a User-Agent may fetch a page of this origin.

    Where there is no file, it may (2.3.1.3); where the file can't be reached, not (2.3.1.4).
    """
    if robots.status is None:
        return False
    if not robots.body:
        return True
    from protego import Protego

    # The contact in our name is an address: a site's rules for other robots might be found in it.
    product = agent.partition(" (+")[0]
    return Protego.parse(robots.body.decode("utf-8-sig", "replace")).can_fetch(url, product)


def _status_of(capture: Capture) -> int | None:
    """Return the status, as far as it says what robots may do: not that of a server in trouble."""
    fault = capture.fault
    if fault is None:
        return capture.status
    if fault.kind is FaultKind.TOO_MANY_REDIRECTS:  # as if there were none (2.3.1.2)
        return capture.hops[-1].status if capture.hops else 302
    is_missing = fault.status is not None and 400 <= fault.status < 500
    return fault.status if is_missing and fault.status != 429 else None


def _whole_lines(capture: Capture) -> bytes:
    body = capture.body or b""
    return body.rpartition(b"\n")[0] if capture.is_cut else body
