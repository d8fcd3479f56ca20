"""What stable words mean, in plain ones: faults, the schedule's reasons, what became of a wish."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from newsreel.core.schedule import LONGEST, LONGEST_RETRY, Plan, Reason, Wishes
from newsreel.model.capture import Fault, FaultKind
from newsreel.model.feed import IdentityPolicy

REASONS = {
    Reason.OPERATOR: "your own interval for it",
    Reason.NEW: "an hour, as for every feed of which nothing is known yet",
    Reason.RHYTHM: "the feed's own rhythm: when so much has come that it is worth asking",
    Reason.OVERLAP: "the feed's own rhythm, hurried: nothing of the last time stands in it, so "
    "entries were probably missed",
    Reason.PUSHED: "a hub pushes what is new, so it is asked only to be sure that nothing is lost",
    Reason.HINT: "the publisher's wish in the feed (ttl or sy:updatePeriod), above its rhythm",
    Reason.FAILURES: "failures in a row: each doubles the wait, up to a day; it is never given up",
    Reason.MAX_AGE: "the answer's headers (Cache-Control or Expires): nothing new before then",
    Reason.SKIPPED_HOURS: "the publisher's skipHours or skipDays: the next hour that is not one",
    Reason.RETRY_AFTER: "the publisher's Retry-After, which is always kept",
}

IDENTITIES = {
    IdentityPolicy.GUID: "entries are told apart by their guids, or by their links without one",
    IdentityPolicy.LINK: "entries are told apart by their links: the feed was seen to use one "
    "guid for different articles",
    IdentityPolicy.DIGEST: "each wording counts as an entry: neither guids nor links tell the "
    "feed's articles apart",
}

FAULTS = {
    FaultKind.REFUSED_ADDRESS: "it leads where no publisher has any business to be read: into a "
    "private network, to a port that is not for the web, or to another scheme. If it is your own, "
    "open it with allow_private",
    FaultKind.BAD_ADDRESS: "no request can be made of this address; correct it",
    FaultKind.DNS: "the name of the host is not known, or no name server answered. If it stays "
    "so, the site is gone, or the address is misspelt",
    FaultKind.CONNECT: "the host takes no connection: its server is down, or something on the way",
    FaultKind.TLS: "no secure connection came about",
    FaultKind.TIMEOUT: "the answer was not there in time. If the host is always slow, raise "
    "timeout",
    FaultKind.PROTOCOL: "what answered does not speak HTTP as it should, or hung up in the middle",
    FaultKind.HTTP: "the server answered with an error",
    FaultKind.CHALLENGE: "the site asks visitors to prove that they are no robots, which no feed "
    "reader can. Ask the publisher to let feed readers in",
    FaultKind.TOO_MANY_REDIRECTS: "each address leads to another, without end or in a circle: the "
    "publisher's mistake",
    FaultKind.BAD_ENCODING: "the compression of the body is broken, or one that nobody asked for",
    FaultKind.PROXY: "the proxy did not do what was asked of it; check its address and its log",
    FaultKind.ROBOTS: "the site's robots.txt asks robots to leave this page alone, or can't be "
    "read for now",
    FaultKind.NOT_A_FEED: "an answer came, but no feed stands in it: a page, or an error dressed "
    "as one",
    FaultKind.NO_ENTRIES: "an answer came, but the selectors of this page find no entry on it: it "
    "was rebuilt, or is empty. 'newsreel try-page' proposes others",
    FaultKind.MISSING: "the directory, the file or the mailbox is not there, or may not be read",
    FaultKind.LOGIN: "the mail server does not accept user and password, or none are known: "
    "'newsreel edit FEED --user NAME' gives them",
}

STATUSES = {
    401: "the server wants a user and a password: 'newsreel edit FEED --user NAME' gives them",
    403: "the server refuses us. If a browser is let in, the publisher keeps robots out",
    404: "nothing stands at this address (any more): look for the feed's new one on its site",
    410: "the publisher says that it is gone for good: polling stops, the archive stays",
    429: "the host wants fewer requests: it is asked less often from now on, all its feeds",
    451: "the publisher may not show it to us by law",
    503: "the server is busy or under repair",
}

# What OpenSSL says, and what that means.
CERTIFICATES = {
    "expired": "the site's certificate has run out: the publisher has to renew it",
    "not yet valid": "the site's certificate begins in the future: check this machine's clock",
    "mismatch": "the site's certificate is for another host: a wrong address, or a mistake of the "
    "publisher's",
    "self-signed": "the site vouches for itself, which anybody could",
    "self signed": "the site vouches for itself, which anybody could",
    "local issuer": "the site does not send its chain of certificates whole (browsers guess the "
    "rest), or nobody here knows who signed it",
    "revoked": "the site's certificate was called back",
    "version": "the other side speaks no TLS there, or one too old to be safe",
}


@dataclass(frozen=True, slots=True)
class WishTold:
    """A wish for the schedule, for how long it asks (None: not a length), what became of it."""

    name: str
    asked: timedelta | None
    effect: str


def fault_told(fault: Fault) -> str:
    """Return what a fault means and what can be done about it."""
    if fault.kind is FaultKind.HTTP and fault.status is not None:
        usual = (
            "the server has trouble of its own" if fault.status >= 500 else FAULTS[FaultKind.HTTP]
        )
        return STATUSES.get(fault.status, usual)
    if fault.kind is FaultKind.TLS:
        detail = fault.detail.lower()
        for word, meaning in CERTIFICATES.items():
            if word in detail:
                return meaning
    return FAULTS[fault.kind]


def wishes_told(wishes: Wishes, plan: Plan, *, overlap: float | None) -> list[WishTold]:
    """Return each wish for the schedule, and whether it decided, was kept, cut or passed over."""
    return list(_wishes_told(wishes, plan, overlap))


def _wishes_told(wishes: Wishes, plan: Plan, overlap: float | None) -> Iterator[WishTold]:
    if wishes.interval is not None:
        yield _told("interval", wishes.interval, plan, Reason.OPERATOR)
    for name, hint in (("ttl", wishes.ttl), ("sy:updatePeriod", wishes.update_period)):
        if hint:
            yield _hint_told(name, hint, wishes, plan, overlap)
    if wishes.max_age:
        yield _told("max-age or Expires", wishes.max_age, plan, Reason.MAX_AGE, LONGEST)
    if wishes.retry_after:
        yield _told("Retry-After", wishes.retry_after, plan, Reason.RETRY_AFTER, LONGEST_RETRY)
    is_skipping = plan.reason is Reason.SKIPPED_HOURS
    for name, skipped in (("skipHours", wishes.skip_hours), ("skipDays", wishes.skip_days)):
        if skipped:
            which = ", ".join(map(str, skipped))
            effect = "moved the moment" if is_skipping else "kept: the moment lies outside"
            yield WishTold(name, None, f"{effect} ({which})")


def _hint_told(
    name: str, hint: timedelta, wishes: Wishes, plan: Plan, overlap: float | None
) -> WishTold:
    if wishes.interval is not None:
        return WishTold(name, hint, "passed over: the interval is yours")
    if overlap == 0:
        return WishTold(name, hint, "passed over: at this pace entries were missed")
    if hint < max(wishes.ttl or timedelta(), wishes.update_period or timedelta()):
        return WishTold(name, hint, "kept: the wait is longer")
    return _told(name, hint, plan, Reason.HINT, LONGEST)


def _told(
    name: str, asked: timedelta, plan: Plan, reason: Reason, longest: timedelta | None = None
) -> WishTold:
    effect = "decided" if plan.reason is reason else "kept: the wait is longer"
    if longest is not None and asked > longest:
        effect += f"; cut to {_days(longest)}, the longest wait that is kept"
    return WishTold(name, asked, effect)


def _days(span: timedelta) -> str:
    return "24 hours" if span.days == 1 else f"{span.days} days"
