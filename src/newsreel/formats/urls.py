"""Links: made absolute, brought to one form, and checked for secrets. Nothing here raises."""

import itertools
import re
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit, urlunsplit

from newsreel.formats.trackers import (
    FRAGMENTS,
    PARAMETERS,
    PREFIXES,
    REDIRECTORS,
    SITE_PARAMETERS,
)

HARMFUL = frozenset(
    [
        "javascript",
        "vbscript",
        "livescript",
        "mocha",
        "jscript",
        "data",
        "file",
        "blob",
        "filesystem",
        "about",
        "view-source",
        "jar",
        "wyciwyg",
        "chrome",
        "resource",
        "res",
        "ms-its",
        "mhtml",
    ]
)
_SIMPLE = re.compile(r"https?://[!-~]+\Z")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_EDGES = "".join(map(chr, range(0x21))) + "\x7f\xa0\u200b\u2028\u2029\ufeff"
_DROPPED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]|[\t\n\r]+\s*")


_LONGEST_BASE = 4096


def absolute(link: str | None, base: str | None) -> str | None:
    """Return a link as an absolute URL, or None where there is none or its scheme can do harm."""
    if not link:
        return None
    if _SIMPLE.match(link):
        return link
    link = _DROPPED.sub("", link.strip(_EDGES)).replace(" ", "%20")
    scheme = _scheme_of(link)
    if scheme is None:
        if not base:
            return "https:" + link if link[:2] == "//" and len(link) > 2 else None
        link = _joined(base, link)
        scheme = _scheme_of(link)
    if scheme is None or scheme in HARMFUL:
        return None
    if scheme == "feed":
        rest = link[5:].lstrip("/")
        return rest if _scheme_of(rest) in {"http", "https"} else "http://" + rest
    return link or None


def joined(base: str, link: str) -> str:
    """Return a link or a base relative to another, as written where that can't be told."""
    return _joined(base, _DROPPED.sub("", link.strip(_EDGES)))


def _joined(base: str, link: str) -> str:
    if len(base) > _LONGEST_BASE:
        return link
    try:
        return urljoin(base.strip(_EDGES), link) if link else base
    except ValueError:
        return link


def _scheme_of(link: str) -> str | None:
    match = _SCHEME.match(link)
    return match[1].lower() if match else None


def host_of(url: str) -> str:
    """Return the host of a URL in lower case, without port; empty where it has none."""
    try:
        return (urlsplit(url.strip(_EDGES)).hostname or "").rstrip(".")
    except ValueError:
        return ""


def asked_host_of(url: str) -> str:
    """Return the host of a URL as it is looked up (IDNA 2008), by which politeness counts."""
    host = host_of(url)
    return host if host.isascii() else _looked_up(host) or host


def _looked_up(host: str) -> str:
    from yarl import URL

    try:
        return URL.build(scheme="https", host=host).raw_host or ""
    except ValueError:
        return ""


def origin_of(url: str) -> str:
    """Return scheme, host and port of a web address (RFC 6454); empty where it has none.

    What is default is left out: ``https://paper.example``. Names beyond ASCII are written as they
    are looked up (IDNA 2008).
    """
    try:
        parts = urlsplit(url.strip(_EDGES))
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not host:
        return ""
    if not host.isascii():
        host = _looked_up(host)
    if not (_HOST.match(host) or _ADDRESS_6.match(host)):
        return ""
    place = _host(host) + (f":{port}" if port and f":{port}" != _PORTS[scheme] else "")
    return f"{scheme}://{place}"


def is_file(url: str) -> bool:
    """Tell whether an address is that of a file or directory of this machine."""
    return url[:5].lower() == "file:"


def is_elsewhere(url: str) -> bool:
    """Tell whether a ``file:`` address names another machine than this one (RFC 8089, 2)."""
    before, slashes, rest = url.partition("//")
    machine = rest.partition("/")[0].lower() if before.lower() == "file:" and slashes else ""
    return machine not in {"", "localhost"}


def is_mailbox(url: str) -> bool:
    """Tell whether an address is that of a mailbox (RFC 5092)."""
    return url[:6].lower().startswith(("imap:", "imaps:"))


def is_own_source(url: str) -> bool:
    """Tell whether an address is the operator's own and not of the web."""
    return is_file(url) or is_mailbox(url)


def is_born_private(url: str) -> bool:
    """Tell whether a feed of this address is private until it is released."""
    return is_own_source(url) or has_credential(url)


# --- one form for one article -----------------------------------------------------------------

_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})?")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PORTS = {"http": ":80", "https": ":443"}
_HOST = re.compile(r"[a-z0-9._-]+\Z")
_ADDRESS_6 = re.compile(r"[0-9a-f:.]+\Z")
_MOST_HOPS = 5
_PLAIN = re.compile(r"https?://([a-z0-9-]+(?:\.[a-z0-9-]+)*)/[A-Za-z0-9_~!$&'()*+,;=:@./-]*\Z")
_WRAPPING = frozenset({*REDIRECTORS, "google.com"})


def canonical(url: str) -> str:
    """Return the form that an article has in every feed: redirectors unwrapped, tracking dropped.

    The law: what is canonical stays as it is.
    """
    plain = _PLAIN.match(url)
    if plain and "/." not in url and not _may_wrap(plain[1]):
        return url
    url = _DROPPED.sub("", url.strip(_EDGES))
    for _ in range(_MOST_HOPS):
        inner = _unwrapped(url)
        if inner is None:
            break
        url = inner
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return url
    scheme = parts.scheme.lower()
    if scheme not in {"http", "https"} or not host:
        return url
    user, at, _ = parts.netloc.rpartition("@")
    place = _host(host) + (f":{port}" if port and f":{port}" != _PORTS[scheme] else "")
    query = _without_trackers(parts.query, host)
    path = _dots_resolved(_escapes(parts.path)) or "/"
    return urlunsplit((scheme, user + at + place, path, query, _fragment(parts.fragment)))


def _host(host: str) -> str:
    if ":" in host:
        return f"[{host}]"
    host = host.rstrip(".").lower() or host
    if host.isascii():
        return host
    try:
        plain = host.encode("idna").decode().lower().rstrip(".")
    except UnicodeError:
        return host
    return plain if _HOST.match(plain) else host


def _escapes(text: str) -> str:
    """Undo needless percent-escapes, write the others in capitals, escape what must be."""
    if "%" not in text:
        return text.replace(" ", "%20")

    def one(match: re.Match[str]) -> str:
        if match[1] is None:
            return "%25"
        char = chr(int(match[1], 16))
        return char if char in _UNRESERVED else f"%{match[1].upper()}"

    return _PERCENT.sub(one, text).replace(" ", "%20")


def _dots_resolved(path: str) -> str:
    """Resolve the segments ``.`` and ``..`` (RFC 3986, 5.2.4)."""
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/".join(kept)


def _without_trackers(query: str, host: str) -> str:
    if not query:
        return ""
    kept = []
    site = SITE_PARAMETERS.get(_site(host), frozenset())
    for part in query.split("&"):
        name = unquote(part.partition("=")[0]).lower()
        if part and not (name in PARAMETERS or name in site or name.startswith(PREFIXES)):
            kept.append(_escapes(part))
    return "&".join(kept)


def _site(host: str) -> str:
    """Return the last two labels of a host, which our lists are keyed by."""
    labels = host.lower().rstrip(".").split(".")
    return ".".join(labels[-2:])


def _fragment(fragment: str) -> str:
    """Return a fragment that names a part, or nothing where it only tracks or scrolls."""
    name = unquote(fragment).lower()
    if ":~:" in name or name in FRAGMENTS or name.startswith(PREFIXES):
        return ""
    if name.partition("=")[0] in PARAMETERS | {"ref", "source", "xtor"} and "=" in name:
        return ""
    return _escapes(fragment)


def _may_wrap(host: str) -> bool:
    """Tell whether a host's addresses may carry another one."""
    return host.removeprefix("www.") in _WRAPPING or host.endswith("ampproject.org")


def _unwrapped(url: str) -> str | None:
    """Return the address that a known redirector's address carries."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return None
    if host.endswith("ampproject.org") or host == "google.com":
        match = re.match(r"/(?:[acrv]|amp)/(s/)?([\w-]+(?:\.[\w-]+)+/.*)", parts.path)
        if match:
            inner = f"http{'s' if match[1] else ''}://{match[2]}"
            return f"{inner}?{parts.query}" if parts.query else inner
    rule = REDIRECTORS.get(host)
    if rule is None or not parts.path.startswith(rule[0]):
        return None
    if rule[1] == ():
        inner = parts.query or parts.path.removeprefix(rule[0])
        return inner if inner.startswith(("http://", "https://")) else None
    try:
        values = dict(parse_qsl(parts.query, max_num_fields=100))
    except ValueError:
        return None
    found = (values.get(name, "").strip(_EDGES) for name in rule[1])
    return next((v for v in found if v.startswith(("http://", "https://")) and v != url), None)


# --- secrets ----------------------------------------------------------------------------------

_SECRET_NAME = re.compile(
    r"(?:^|[_.-])(?:(?:access|auth|api|app|private|user|feed|rss|secret|session)?[_-]?"
    r"(?:token|key|secret|auth|authkey|authorization|password|passwd|passphrase|pass|"
    r"pwd|apikey|signature|sig|hmac|jwt"
    r"|session|sessionid|sid|credential|credentials|passkey|torrent_pass|login))$"
    r"|(?:token|apikey|secret|password|passkey|authkey|signature)$"
)
_UUID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z", re.IGNORECASE
)
_PIECE = re.compile(r"[A-Za-z0-9_~.=+-]{20,512}\Z")
_CHANNEL = re.compile(r"UC[A-Za-z0-9_-]{22}(?![A-Za-z0-9])")  # everybody knows these of YouTube
_PUBLIC_HOSTS = frozenset(
    {"youtube.com", "google.com", "acast.com", "omnycontent.com", "youtu.be", "megaphone.fm"}
)
REDACTED = "REDACTED"


def has_credential(url: str) -> bool:
    """Tell whether a URL carries a secret: user info, a token parameter, a long random part."""
    return redacted(url) != url


def redacted(url: str) -> str:
    """Return a URL with its secrets blotted out, fit for a log."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return REDACTED if "@" in url else url
    user, at, place = parts.netloc.rpartition("@")
    netloc = f"{REDACTED}@{place}" if at and user else parts.netloc
    is_public = _site(place.partition(":")[0]) in _PUBLIC_HOSTS
    path = parts.path
    if not is_public:
        path = "/".join(REDACTED if _is_random(part) else part for part in path.split("/"))
    query = "&".join(_redacted_field(part, is_public=is_public) for part in parts.query.split("&"))
    if (netloc, path, query) == (parts.netloc, parts.path, parts.query):
        return url
    return urlunsplit((parts.scheme, netloc, path, query, parts.fragment))


def has_secret_name(name: str) -> bool:
    """Tell whether what bears this name (of a parameter or a header) is a secret as a rule."""
    return name.lower() == "cookie" or _SECRET_NAME.search(name.lower()) is not None


def _redacted_field(field: str, *, is_public: bool) -> str:
    name, equals, value = field.partition("=")
    plain = unquote(name).lower()
    is_secret = bool(value) and bool(_SECRET_NAME.search(plain))
    if is_secret or (not is_public and not plain.endswith("id") and _is_random(value)):
        return f"{name}{equals}{REDACTED}"
    return f"{REDACTED}" if not equals and not is_public and _is_random(field) else field


def _is_random(piece: str) -> bool:
    """Tell whether a part of a URL was drawn, not written: long, and ever changing its kind."""
    if "%" in piece:
        piece = unquote(piece)
    piece = re.sub(r"\.(?:rss|xml|atom|json|rdf|html?|php)\Z", "", piece)
    if not _PIECE.match(piece):
        return False
    if _UUID.match(piece):
        return True
    piece = _CHANNEL.sub("", piece)
    runs = [run for run in re.findall(r"[A-Za-z0-9]+", piece) if not _is_written(run)]
    if sum(map(len, runs)) < 16:
        return False
    changes = sum(_changes(run) for run in runs)
    pairs = sum(len(run) - 1 for run in runs)
    if pairs and changes / pairs >= 0.2 and changes >= 5:
        return True
    longest = max(runs, key=len)
    vowels = sum(c in "aeiouyAEIOUY" for c in longest)
    return len(longest) >= 20 and longest.isalpha() and vowels / len(longest) < 0.2


def _is_written(run: str) -> bool:
    """Tell whether a run is words: in one case, in Title or CamelCase, or a number."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+", run)
    if len(words) == 1:
        return len(run) < 20
    return run.isalpha() and len(run) / len(words) >= 3


def _changes(run: str) -> int:
    """Count the changes of kind inside a run of letters and digits; a leading capital is none."""
    kinds = [_kind(c) for c in run]
    if len(kinds) > 1 and kinds[0] == "U" and kinds[1] == "l":
        kinds = kinds[1:]
    return sum(a != b for a, b in itertools.pairwise(kinds))


def _kind(char: str) -> str:
    return "d" if char.isdigit() else "U" if char.isupper() else "l"
