"""A diagnosis as plain values, for programs and for the doctor's own words; without a secret."""

import re
from urllib.parse import urlsplit, urlunsplit

from newsreel.app.doctor import Diagnosis
from newsreel.cli.listing import Row, name_of
from newsreel.core.conclude import MOVES_AFTER, overlap_of
from newsreel.core.explanations import IDENTITIES, REASONS, fault_told, wishes_told
from newsreel.core.states import condition_of, state_of
from newsreel.fetch.guard import literal_of, verdict_of
from newsreel.formats.charsets import decoded
from newsreel.formats.urls import redacted
from newsreel.formats.validation import faults_of
from newsreel.model.capture import Capture, Hop, Validators
from newsreel.model.feed import Feed, RequestOptions
from newsreel.model.poll import Gap, Poll

# What we send to everybody. A feed's own headers may hold keys, whatever they are called.
OPEN_HEADERS = frozenset(
    {"host", "user-agent", "accept", "accept-encoding", "connection"}
    | {"if-none-match", "if-modified-since"}
)
SECRET_ANSWERS = frozenset({"set-cookie", "set-cookie2"})
OPAQUE = frozenset({"etag", "last-modified"})
HIDDEN = "REDACTED"
_PLACE = re.compile(r"""[^\s<>"',;]*[/?][^\s<>"',;]*""")


def report_of(found: Diagnosis, allow_private: tuple[str, ...]) -> Row:
    """Return what was found out as values for JSON."""
    poll, feed = found.poll, found.feed
    capture = poll.reading.capture if poll else None
    return {
        "feed": feed.id if found.is_known else None,
        "title": name_of(feed),
        "address": redacted(feed.url),
        "condition": condition_of(feed) if found.is_known else None,
        "state": state_of(feed) if found.is_known else "not subscribed to",
        "left_alone": {"why": found.left_alone.why, "until": found.left_alone.until}
        if found.left_alone
        else None,
        "hops": [
            _hop(hop, found.before.request_options, allow_private)
            for hop in (capture.hops if capture else ())
        ],
        "answer": _answer(poll) if poll else None,
        "body": _body(found, capture) if capture and capture.body is not None else None,
        "validators": _validators(found),
        "entries": _entries(found, poll) if poll and poll.reading.sightings else None,
        "forgiven": [
            {"what": fault.what, "where": fault.where, "read_as": fault.read_as}
            for fault in (faults_of(found.parsed) if found.parsed else ())
        ],
        "announced": [redacted(link.url) for link in found.announced],
        "moving": _moving(feed, capture),
        "identity": {"policy": feed.identity_policy.name.lower(), "told": _identity(feed)},
        "gaps": [_gap(gap) for gap in found.gaps] if found.is_known else [],
        "host": {
            "host": found.host.host,
            "gap": found.host.gap,
            "closed_until": found.host.not_before,
        },
        "last_poll": _last(found),
        "next_poll": _next(found),
    }


def _hop(hop: Hop, options: RequestOptions, allow_private: tuple[str, ...]) -> Row:
    host = urlsplit(hop.url).hostname or ""
    found = hop.addresses or ((host,) if literal_of(host) else ())
    return {
        "url": redacted(hop.url),
        "addresses": [
            {"ip": ip, "verdict": verdict_of(ip, host=host, allow_private=allow_private)}
            for ip in found
        ],
        "ip": hop.ip,
        "status": hop.status,
        "request": _request_lines(hop, options),
        "head": _head_lines(hop.head, options),
    }


def _request_lines(hop: Hop, options: RequestOptions) -> list[str]:
    first, *headers = _lines(hop.request) or [""]
    method = first.partition(" ")[0]
    if not method:
        return []
    place = urlsplit(redacted(hop.url))
    target = urlunsplit(("", "", place.path or "/", place.query, ""))
    lines = [f"{method} {target} HTTP/1.1"]
    own = {name.lower() for name, _ in options.headers}
    if options.user_agent is not None:  # it may be agreed on with the publisher
        own.add("user-agent")
    for line in headers:
        name = line.partition(":")[0]
        is_open = name.lower() in OPEN_HEADERS - own
        lines.append(line if is_open else f"{name}: {HIDDEN}")
    return lines


def _head_lines(head: bytes, options: RequestOptions) -> list[str]:
    secrets = [value for name, value in options.headers if name.lower() not in OPEN_HEADERS]
    secrets += [value for value in (options.user_agent, options.user, options.password) if value]
    for secret in secrets:  # some servers say again what they were told
        head = head.replace(secret.encode("utf-8"), HIDDEN.encode())
    lines = []
    for line in _lines(head):
        name = line.partition(":")[0].strip().lower()
        if name in SECRET_ANSWERS:
            lines.append(f"{name}: {HIDDEN}")
        else:
            lines.append(line if name in OPAQUE else discreet(line))
    return lines


def discreet(text: str) -> str:
    """Return text with the secrets of all addresses in it blotted out."""
    return _PLACE.sub(lambda found: redacted(found[0]), text)


def _lines(data: bytes) -> list[str]:
    return [line.strip("\r") for line in data.decode("latin-1").split("\n") if line.strip()]


def _answer(poll: Poll) -> Row:
    reading, capture = poll.reading, poll.reading.capture
    fault = reading.fault
    return {
        "outcome": reading.outcome,
        "status": capture.status,
        "elapsed_ms": int(capture.elapsed.total_seconds() * 1000),
        "fault": fault.reason if fault else None,
        "detail": discreet(fault.detail) if fault and not fault.detail.isdecimal() else None,
        "meaning": fault_told(fault) if fault else None,
    }


def _body(found: Diagnosis, capture: Capture) -> Row:
    headers = _headers(capture.head)
    parsed, length = found.parsed, headers.get("content-length", "")
    return {
        "bytes": len(capture.body or b""),
        "bytes_sent": int(length) if length.isdecimal() and len(length) < 19 else None,
        "content_encoding": headers.get("content-encoding"),
        "content_type": capture.content_type,
        "charset": decoded(capture.body or b"", content_type=capture.content_type).charset,
        "is_cut": capture.is_cut,
        "is_same_as_last": capture.digest == found.before.body_digest,
        "format": parsed.format if parsed else None,
        "is_recoded": parsed.recoded if parsed else None,
        "is_truncated": parsed.truncated if parsed else None,
    }


def _headers(head: bytes) -> dict[str, str]:
    pairs = (line.partition(":") for line in _lines(head)[1:])
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _validators(found: Diagnosis) -> Row:
    return {"before": _pair(found.before.validators), "after": _pair(found.feed.validators)}


def _pair(validators: Validators) -> Row:
    return {"etag": validators.etag, "last_modified": validators.last_modified}


def _entries(found: Diagnosis, poll: Poll) -> Row:
    changes = poll.changes
    return {
        "in_feed": len(poll.reading.sightings),
        "new": len(changes.new),
        "revised": len(changes.revised),
        "unchanged": changes.unchanged,
        "reread": len(changes.rereads),
        "left_out": changes.left_out,
        "overlap": changes.overlap,
        "overlap_share": overlap_of(changes),
        "kept": found.before.entry_count + len(changes.new) if found.is_known else None,
    }


def _moving(feed: Feed, capture: Capture | None) -> Row | None:
    target = feed.moved_to or (capture.permanent_url if capture else None)
    if target is None:
        return None
    times = feed.moved_count or MOVES_AFTER
    return {"to": redacted(target), "times": times, "believed_after": MOVES_AFTER}


def _identity(feed: Feed) -> str:
    return IDENTITIES[feed.identity_policy]


def _gap(gap: Gap) -> Row:
    return {"from": gap.from_at, "to": gap.to_at, "reason": gap.reason}


def _last(found: Diagnosis) -> Row | None:
    last = found.last
    if last is None:
        return None
    return {
        "polled_at": last.polled_at,
        "outcome": last.outcome,
        "reason": last.reason,
        "detail": discreet(last.detail) if last.detail else None,
        "new": last.new,
        "overlap": last.overlap,
    }


def _next(found: Diagnosis) -> Row:
    plan = found.plan
    return {
        "at": found.feed.next_poll_at,
        "reason": plan.reason if plan else None,
        "told": REASONS[plan.reason] if plan else None,
        "is_capped": plan.is_capped if plan else False,
        "failures": found.feed.failures,
        "wishes": [
            {"name": wish.name, "asked": wish.asked, "effect": wish.effect}
            for wish in (
                wishes_told(
                    found.wishes,
                    plan,
                    overlap=overlap_of(found.poll.changes) if found.poll else None,
                )
                if plan
                else ()
            )
        ],
    }
