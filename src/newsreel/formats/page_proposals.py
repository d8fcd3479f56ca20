"""Selectors for a page that nobody has looked into yet.

Every link with words in it climbs to what holds it; each step is a guess at the selector of the
entries. The likeliest guesses are tried out, and what they find is scored: entries enough, titles
of a headline's length, addresses of articles, dates, and none of it in a menu.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from statistics import median
from urllib.parse import urlsplit

from selectolax.lexbor import LexborNode

from newsreel.errors import NoEntries
from newsreel.formats.charsets import decoded
from newsreel.formats.dates import read_date
from newsreel.formats.page import HEADINGS, Page, address_of, date_texts
from newsreel.model.entry import ParsedEntry
from newsreel.model.feed import PageRules

LEAST_ENTRIES = 3
MOST_LINKS, MOST_TRIED, STEPS = 2_000, 60, 6
MOST_PROPOSED = 3
SAMPLE = 30
LONGEST_DATE = 60
_NAME = re.compile(r"-?[A-Za-z_][\w-]{0,60}\Z", re.ASCII)
_BESIDE = frozenset({"nav", "footer", "aside", "form", "select", "menu"})
_ARTICLE = re.compile(r"\d{3}|\w+-\w+-\w+|\.html?\b|[?&]\w*id=")
_MOSTLY = 0.6

Namer = Callable[[LexborNode], Iterator[str]]


def propose_rules(
    body: bytes, *, url: str, content_type: str | None = None
) -> tuple[PageRules, ...]:
    """Return selectors that find entries on a page, the best first; none where nothing repeats."""
    page = Page(decoded(body, content_type=content_type).text, url)
    links = [node for node in page.tree.css("a[href]") if address_of(node, page.base)]
    guesses = _guesses(links[:MOST_LINKS])
    scored = []
    for selector in guesses:
        rules = _refined(page, selector)
        score, addresses = _score(page, rules)
        if score > 0:
            scored.append((score, rules, addresses))
    scored.sort(key=lambda found: (-found[0], len(found[1].entries), found[1].entries))
    best: dict[frozenset[str], PageRules] = {}
    for _, rules, addresses in scored:
        if not any(len(addresses & other) > len(addresses) / 2 for other in best):
            best[addresses] = rules
    return tuple(best.values())[:MOST_PROPOSED]


def _guesses(links: Iterable[LexborNode]) -> list[str]:
    """Return selectors of what holds links, those first that hold most."""
    reached: dict[str, set[int]] = {}
    for link in links:
        if len(link.text(deep=True).strip()) < 4:
            continue
        node: LexborNode | None = link
        for _ in range(STEPS):
            if node is None or node.tag in {"body", "html", "main"}:
                break
            for selector in _selectors_of(node):
                reached.setdefault(selector, set()).add(node.mem_id)
            node = node.parent
    ranked = sorted(reached.items(), key=lambda item: (-len(item[1]), len(item[0]), item[0]))
    return [css for css, nodes in ranked if len(nodes) >= LEAST_ENTRIES][:MOST_TRIED]


def _selectors_of(node: LexborNode) -> Iterator[str]:
    """Yield selectors for a node and those like it."""
    tag = node.tag or ""
    if not _NAME.match(tag):
        return
    classes = _classes_of(node)
    for name in classes:
        yield f"{tag}.{name}"
    if tag == "article":
        yield tag
    above = node.parent
    if above is None or not _NAME.match(above.tag or ""):
        return
    for name in _classes_of(above):
        yield f"{above.tag}.{name} > {tag}"
    identifier = above.attributes.get("id") or ""
    if _NAME.match(identifier):
        yield f"#{identifier} > {tag}"
    elif not classes:
        yield f"{above.tag} > {tag}"
        if above.parent is not None and _NAME.match(above.parent.tag or ""):
            yield f"{above.parent.tag} > {above.tag} > {tag}"


def _classes_of(node: LexborNode) -> list[str]:
    names = (node.attributes.get("class") or "").split()
    return [name for name in names if _NAME.match(name)][:6]


def _score(page: Page, rules: PageRules) -> tuple[float, frozenset[str]]:
    """Return how likely these are the entries, and the addresses found."""
    try:
        elements = page.elements(rules.entries)
        found = [one for one in page.entries(rules) if one is not None]
    except NoEntries:
        return 0.0, frozenset()
    addresses = frozenset(address for address, _ in found)
    titles = {entry.title for _, entry in found if entry.title}
    if len(addresses) < LEAST_ENTRIES or len(titles) < LEAST_ENTRIES:
        return 0.0, addresses
    entries = [entry for _, entry in found]
    score = math.log2(min(len(addresses), 60))
    score *= len(addresses) / len(elements)  # what has no link, or another's, is no entry
    score *= len(titles) / len(entries)
    score *= _fit_of(median(len(entry.title or "") for entry in entries))
    score *= 1 + _share(entries, "published") + _share(entries, "summary") / 4
    score *= 1 + _share_of(map(_is_article, addresses), len(addresses)) / 2
    score *= 1 - 0.9 * _share_of(map(_is_beside, elements), len(elements))
    score /= max(_own_links(page, elements), 1) ** 0.5
    return score, addresses


def _fit_of(length: float) -> float:
    """Return how well a title of this length is a headline: from 20 to 150 characters it is."""
    if length < 20:
        return (length / 20) ** 2
    return 1.0 if length <= 150 else 150 / length


def _share(entries: list[ParsedEntry], name: str) -> float:
    return _share_of((getattr(entry, name) for entry in entries), len(entries))


def _share_of(values: Iterable[object], count: int) -> float:
    return sum(bool(value) for value in values) / count


def _is_article(address: str) -> bool:
    parts = urlsplit(address)
    return bool(_ARTICLE.search(f"{parts.path}?{parts.query}"))


def _is_beside(node: LexborNode) -> bool:
    """Tell whether an element stands in a menu, a footer or a margin."""
    above: LexborNode | None = node
    for _ in range(30):
        if above is None:
            return False
        if above.tag in _BESIDE or above.attributes.get("role") == "navigation":
            return True
        above = above.parent
    return False


def _own_links(page: Page, elements: list[LexborNode]) -> float:
    """Return how many links an element has that no other has: of an article it is one."""
    links = [
        {address for node in element.css("a[href]") if (address := address_of(node, page.base))}
        for element in elements
    ]
    holders = Counter(address for addresses in links for address in addresses)
    return median(sum(holders[address] == 1 for address in addresses) for addresses in links)


def _refined(page: Page, selector: str) -> PageRules:
    """Name what was found by habit, so that it stays found."""
    elements = page.elements(selector)[:SAMPLE]
    return PageRules(
        entries=selector,
        title=_common(elements, _headings),
        date=_common(elements, _dates),
    )


def _common(elements: list[LexborNode], named: Namer) -> str | None:
    """Return the selector that most elements have something for; the earlier one of equals."""
    counts: Counter[str] = Counter()
    for element in elements:
        counts.update(list(dict.fromkeys(named(element))))
    best = counts.most_common(1)
    return best[0][0] if best and best[0][1] >= _MOSTLY * len(elements) else None


def _headings(element: LexborNode) -> Iterator[str]:
    for node in element.css(HEADINGS):
        if node.text(deep=True).strip() and _NAME.match(node.tag or ""):
            yield node.tag or ""


def _dates(element: LexborNode) -> Iterator[str]:
    """Yield selectors of what bears a readable date: ``time``, a class, or a bare tag."""
    for node in element.css("*"):
        if node.mem_id == element.mem_id or len(node.text(deep=True)) > LONGEST_DATE:
            continue
        if any(read_date(text) is not None for text in date_texts(node)):
            classes = [] if node.tag == "time" else _classes_of(node)
            yield from (f".{name}" for name in classes)
            if not classes and _NAME.match(node.tag or ""):
                yield node.tag or ""
