"""Names of elements: namespaces folded to the customary prefix, kept in a table once seen.

Atom in all its versions, RSS 1.0 and the many unofficial namespaces of RSS fold to no prefix, so
that RSS elements in Atom and the reverse meet the same handlers.
"""

import re

_ATOM = (
    "www.w3.org/2005/atom",
    "purl.org/atom/ns",
    "example.com/newformat",
    "purl.org/net/echo",
    "example.com/necho",
    "uri/of/echo/namespace",
    "purl.org/pie",
    "www.w3.org/2005/atom/ns",
    "w3.org/2005/atom",
)
_RSS = (
    "purl.org/rss/1.0",
    "my.netscape.com/rdf/simple/0.9",
    "channel.netscape.com/rdf/simple/0.9",
    "my.netscape.com/publish/formats/rss-0.91.dtd",
    "purl.org/net/rss1.1",
    "backend.userland.com/rss",
    "backend.userland.com/rss2",
    "backend.userland.com/rss091",
    "backend.userland.com/rss092",
    "blogs.law.harvard.edu/tech/rss",
    "cyber.law.harvard.edu/rss",
    "purl.org/rss/2.0",
    "purl.org/rss",
    "backend.userland.com/rss-0.91",
    "www.rssboard.org/rss-specification",
    "hacks.benhammersley.com/rss",
    "www.microsoft.com/standards/channels.dtd",
)
_URIS = {
    **dict.fromkeys(_ATOM, ""),
    **dict.fromkeys(_RSS, ""),
    "www.w3.org/1999/02/22-rdf-syntax-ns": "rdf",
    "purl.org/dc/elements/1.1": "dc",
    "purl.org/dc/elements/1.0": "dc",
    "purl.org/dc": "dc",
    "purl.org/metadata/dublin_core": "dc",
    "purl.org/dc/terms": "dcterms",
    "purl.org/rss/1.0/modules/dcterms": "dcterms",
    "purl.org/rss/1.0/modules/content": "content",
    "purl.org/rss/1.0/modules/encoded": "content",
    "purl.org/rss/1.0/modules/syndication": "sy",
    "purl.org/rss/1.0/modules/slash": "slash",
    "purl.org/rss/1.0/modules/link": "l",
    "purl.org/rss/1.0/modules/annotate": "annotate",
    "purl.org/rss/1.0/modules/taxonomy": "taxo",
    "purl.org/rss/1.0/modules/event": "ev",
    "prismstandard.org/namespaces/basic/1.2": "prism",
    "prismstandard.org/namespaces/basic/2.0": "prism",
    "prismstandard.org/namespaces/1.2/basic": "prism",
    "purl.org/rss/1.0/modules/prism": "prism",
    "search.yahoo.com/mrss": "media",
    "search.yahoo.com/rss": "media",
    "video.search.yahoo.com/mrss": "media",
    "tools.search.yahoo.com/mrss": "media",
    "www.rssboard.org/media-rss": "media",
    "mrss": "media",
    "www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "www.itunes.com/dtds/podcast": "itunes",
    "itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "www.itunes.com/dtd/podcast-1.0.dtd": "itunes",
    "example.com/dtds/podcast-1.0.dtd": "itunes",
    "podcastindex.org/namespace/1.0": "podcast",
    "github.com/podcastindex-org/podcast-namespace/blob/main/docs/1.0.md": "podcast",
    "www.google.com/schemas/play-podcasts/1.0": "googleplay",
    "podlove.org/simple-chapters": "psc",
    "wellformedweb.org/commentapi": "wfw",
    "purl.org/syndication/thread/1.0": "thr",
    "purl.org/syndication/history/1.0": "fh",
    "www.georss.org/georss": "georss",
    "www.opengis.net/gml": "gml",
    "www.w3.org/2003/01/geo/wgs84_pos": "geo",
    "backend.userland.com/creativecommonsrssmodule": "creativecommons",
    "cyber.law.harvard.edu/rss/creativecommonsrssmodule.html": "creativecommons",
    "web.resource.org/cc": "cc",
    "creativecommons.org/ns": "cc",
    "rssnamespace.org/feedburner/ext/1.0": "feedburner",
    "www.youtube.com/xml/schemas/2015": "yt",
    "gdata.youtube.com/schemas/2007": "yt",
    "www.sitemaps.org/schemas/sitemap/0.9": "sitemap",
    "www.google.com/schemas/sitemap/0.9": "sitemap",
    "www.google.com/schemas/sitemap/0.84": "sitemap",
    "www.google.com/schemas/sitemap-news/0.9": "news",
    "www.google.com/schemas/sitemap-image/1.1": "image",
    "www.google.com/schemas/sitemap-video/1.1": "video",
    "www.w3.org/1999/xhtml": "xhtml",
    "www.w3.org/xml/1998/namespace": "xml",
    "a9.com/-/spec/opensearch/1.1": "opensearch",
    "purl.oclc.org/net/rss_2.0/enc": "enc",
    "webns.net/mvcb": "admin",
    "xmlns.com/foaf/0.1": "foaf",
    "www.w3.org/2007/app": "app",
    "purl.org/atom/app": "app",
    "base.google.com/ns/1.0": "g",
    "rssnamespace.org/ping": "ping",
    "www.usatoday.com/ns": "usatoday",
    "web.resource.org/rss/1.0/modules/content": "content",
}  # fmt: skip
# What a prefix means where nobody declares it.
URI_OF = {prefix: "http://" + uri for uri, prefix in reversed(_URIS.items()) if prefix} | {
    "atom": "http://www.w3.org/2005/Atom",
    "atom10": "http://www.w3.org/2005/Atom",
    "a10": "http://www.w3.org/2005/Atom",
    "rss": "http://purl.org/rss/1.0/",
    "xml": "http://www.w3.org/XML/1998/namespace",
    "syn": "http://purl.org/rss/1.0/modules/syndication/",
}
_PREFIXES = {uri: prefix for prefix, uri in ((p, p) for p in URI_OF)} | {
    "atom": "", "atom10": "", "a10": "", "rss": "", "syn": "sy", "html": "xhtml",
    "dct": "dcterms", "creativecommons": "creativecommons",
}  # fmt: skip
_SCHEME = re.compile(r"https?://")
_FEEDISH = re.compile(
    r"(?:^|[^a-z])(?:rss|atom)(?:[-_./]?\d[\d.]*)?(?:/?ns)?$|netscape\.com|userland\.com"
)

_MOST_KEPT, _LONGEST_KEPT = 20_000, 200
_keys: dict[str, str] = {}


def key_of(tag: str) -> str:
    """Return an element's name as ``prefix:local`` in lower case; no prefix for RSS and Atom."""
    key = _keys.get(tag)
    if key is None:
        key = _key_of(tag)
        if len(tag) < _LONGEST_KEPT:
            if len(_keys) >= _MOST_KEPT:
                _keys.clear()
            _keys[tag] = key
    return key


def _key_of(tag: str) -> str:
    if tag[:1] == "{":
        uri, _, local = tag[1:].partition("}")
        prefix = prefix_of(uri)
        if prefix is None:
            prefix = "?" + uri[:200]
    else:
        written, colon, local = tag.rpartition(":")
        prefix = _PREFIXES.get(written.lower(), written.lower()) if colon else ""
    local = local.lower()
    return f"{prefix}:{local}" if prefix else local


def prefix_of(uri: str) -> str | None:
    """Return a namespace's customary prefix; empty for RSS and Atom, None where unknown."""
    plain = _SCHEME.sub("", uri.strip().lower()).rstrip("/#")
    found = _URIS.get(plain)
    if found is not None:
        return found
    if plain in {"", "/"}:
        return ""
    if "/modules/" in plain:
        return plain.rpartition("/")[2]
    return "" if _FEEDISH.search(plain) and "podcast" not in plain else None
