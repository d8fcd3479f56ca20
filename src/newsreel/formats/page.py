"""A page whose links are the entries, read by CSS selectors.

``entries`` selects one element for each entry. What belongs to it is looked for within that
element: where no selector says so, by what pages usually do. An entry inside an entry is part of
it; an address that stands there twice is one entry.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from newsreel.errors import NoEntries, UsageError
from newsreel.formats.charsets import decoded
from newsreel.formats.dates import read_date
from newsreel.formats.html_text import is_deeper, text_of
from newsreel.formats.urls import absolute
from newsreel.model.entry import NOTHING, FeedFormat, Forgiven, ParsedEntry, ParsedFeed
from newsreel.model.feed import PageRules

MOST_ENTRIES = 5_000
LONGEST_SELECTOR = 1_000
DEEPEST = 3_000
HEADINGS = "h1, h2, h3, h4, h5, h6, [role=heading]"
DATES = "time, [itemprop~=datePublished], .date, .pubdate, .published"
SUMMARY_FROM = 20


@dataclass(frozen=True, slots=True)
class Counts:
    """What selectors match: ``entries`` elements, and in how many each of the others."""

    entries: int
    within: dict[str, int]


def check_rules(rules: PageRules) -> None:
    """Return where every selector can be read.

    Raises:
        UsageError: one is no CSS selector.
    """
    for name, selector in rules.selectors.items():
        if not is_selector(selector):
            raise UsageError(
                f"not a CSS selector, for the {name}: {selector[:80]!r}",
                hint="tags, .classes, #ids, [attributes], blanks and > are understood, "
                "as in: ul.news > li",
            )


def is_selector(text: str) -> bool:
    """Tell whether a text is a CSS selector that can be used."""
    if len(text) > LONGEST_SELECTOR:
        return False
    try:
        LexborHTMLParser("<p></p>").css(text)
    except SelectolaxError:
        return False
    return True


def read_page(
    body: bytes, rules: PageRules, *, url: str, content_type: str | None = None
) -> ParsedFeed:
    """Return the entries that the rules find on a page; each has an address.

    Raises:
        NoEntries: they find none.
    """
    text = decoded(body, content_type=content_type)
    page = Page(text.text, url)
    found, without_link = _merged(page.entries(rules))
    if not found:
        raise NoEntries(
            f"{rules.entries!r} selects {without_link} elements without a link"
            if without_link
            else f"nothing on the page is selected by {rules.entries!r}",
            hint="'newsreel try-page URL' shows what can be read, and proposes selectors",
        )
    notes = text.forgiven
    if without_link:
        notes += (Forgiven(f"{without_link} × an entry without a link", "", "left out"),)
    is_long = len(found) > MOST_ENTRIES
    if is_long:
        notes += (Forgiven(f"more than {MOST_ENTRIES} entries", "", "the first of them"),)
    return ParsedFeed(
        format=FeedFormat.PAGE,
        title=page.title,
        link=url,
        links=(url,),
        language=page.language,
        base_url=page.base,
        entries=tuple(found[:MOST_ENTRIES]),
        forgiven=notes,
        recoded=text.recoded,
        truncated=is_long,
        extras={"without_link": without_link} if without_link else NOTHING,
    )


def count_matches(body: bytes, rules: PageRules, *, content_type: str | None = None) -> Counts:
    """Return what the selectors of rules that :func:`check_rules` accepts match."""
    page = Page(decoded(body, content_type=content_type).text, "")
    elements = page.elements(rules.entries)
    within = {name: css for name, css in rules.selectors.items() if name != "entries"}
    return Counts(
        len(elements),
        {
            name: sum(element.css_first(selector) is not None for element in elements)
            for name, selector in within.items()
        },
    )


class Page:
    """A page as a tree, and what relative links are resolved against.

    Raises :class:`~newsreel.errors.NoEntries` where it is too deep to be read.
    """

    def __init__(self, text: str, url: str) -> None:
        if is_deeper(text, DEEPEST):
            raise NoEntries(f"a page of more than {DEEPEST} elements in each other")
        self.tree = LexborHTMLParser(text)
        self.base = url
        if (node := self.tree.css_first("base[href]")) is not None:
            self.base = absolute(node.attributes.get("href"), url) or url

    @property
    def title(self) -> str | None:
        """What the page is called."""
        node = self.tree.css_first("title")
        return _one_line(node.text(deep=True)) if node is not None else None

    @property
    def language(self) -> str | None:
        """The language that the page names."""
        node = self.tree.css_first("html[lang]")
        return (node.attributes.get("lang") or "").strip() or None if node is not None else None

    def elements(self, selector: str) -> list[LexborNode]:
        """Return the elements of the entries, without those that stand in another one.

        Raises:
            NoEntries: it is no selector.
        """
        try:
            found = self.tree.css(selector)
        except SelectolaxError as error:
            raise NoEntries(f"not a CSS selector: {selector[:80]!r}") from error
        return list(_outermost(found))

    def entries(self, rules: PageRules) -> Iterator[tuple[str, ParsedEntry] | None]:
        """Yield each entry with its address, None for an element that has none.

        Raises:
            NoEntries: a rule is no selector.
        """
        for element in self.elements(rules.entries):
            try:
                yield self._entry(element, rules)
            except SelectolaxError as error:
                raise NoEntries("a rule of the page is not a CSS selector") from error

    def _entry(self, element: LexborNode, rules: PageRules) -> tuple[str, ParsedEntry] | None:
        heading = next(iter(_within(element, rules.title or HEADINGS)), None)
        link = self._link(element, heading, rules)
        if link is None:
            return None
        node, address = link
        title = _title(heading) if heading is not None or rules.title else _title(node)
        return address, ParsedEntry(
            link=(node.attributes.get("href") or "").strip(),
            title=title,
            summary=_summary(element, rules, title),
            published=_date(element, rules),
            base_url=self.base,
        )

    def _link(
        self, element: LexborNode, heading: LexborNode | None, rules: PageRules
    ) -> tuple[LexborNode, str] | None:
        for node in _links(element, heading, rules):
            if address := address_of(node, self.base):
                return node, address
        return None


def address_of(node: LexborNode, base: str) -> str | None:
    """Return the address on the web that a link leads to; None for a place on the same page."""
    href = (node.attributes.get("href") or "").strip()
    if not href or href.startswith("#"):
        return None
    address = absolute(href, base)
    return address if address and address.startswith(("http://", "https://")) else None


def _outermost(nodes: Iterable[LexborNode]) -> Iterator[LexborNode]:
    """Yield the nodes that stand in none of the others, in linear time."""
    nodes = list(nodes)
    chosen = {node.mem_id for node in nodes}
    is_within: dict[int, bool] = {}
    for node in nodes:
        path: list[int] = []
        above, found = node.parent, False
        while above is not None and above.mem_id not in is_within:
            path.append(above.mem_id)
            if above.mem_id in chosen:
                found = True
                break
            above = above.parent
        else:
            found = above is not None and is_within[above.mem_id]
        is_within.update(dict.fromkeys(path, found))
        if not found:
            yield node


def _merged(
    found: Iterable[tuple[str, ParsedEntry] | None],
) -> tuple[list[ParsedEntry], int]:
    """Return the entries, each address once with what any mention of it says; and the others."""
    by_address: dict[str, ParsedEntry] = {}
    without_link = 0
    for one in found:
        if one is None:
            without_link += 1
            continue
        address, entry = one
        known = by_address.get(address, entry)
        by_address[address] = replace(
            known,
            title=known.title or entry.title,
            summary=known.summary or entry.summary,
            published=known.published or entry.published,
        )
        if len(by_address) > MOST_ENTRIES:
            break
    return list(by_address.values()), without_link


def _links(
    element: LexborNode, heading: LexborNode | None, rules: PageRules
) -> Iterator[LexborNode]:
    """Yield what may be an entry's link, the likeliest first."""
    if rules.link is not None:
        for node in _within(element, rules.link):
            yield from node.css("a[href], area[href]")
            yield from _above(node, element)
        return
    if element.tag == "a":
        yield element
    if heading is not None:
        yield from heading.css("a[href]")
        yield from _above(heading, element)
    links = element.css("a[href]")
    yield from (node for node in links if node.text(deep=True).strip())
    yield from links
    yield from _above(element, None)


def _within(element: LexborNode, selector: str) -> list[LexborNode]:
    """Return what a selector finds in an element; the element itself only after all else."""
    found = element.css(selector)
    return sorted(found, key=lambda node: node.mem_id == element.mem_id)


def _above(node: LexborNode, end: LexborNode | None) -> Iterator[LexborNode]:
    """Yield the link that a node stands in, up to ``end``."""
    for _ in range(5):
        above = node.parent
        if above is None or (end is not None and node.mem_id == end.mem_id):
            return
        node = above
        if node.tag == "a":
            yield node


def _title(node: LexborNode | None) -> str | None:
    if node is None:
        return None
    told = node.attributes
    return _one_line(text_of(node.html)) or _one_line(told.get("title") or told.get("aria-label"))


def _summary(element: LexborNode, rules: PageRules, title: str | None) -> str | None:
    if rules.summary is not None:
        node = next(iter(_within(element, rules.summary)), None)
        return ((node.inner_html or "").strip() or None) if node is not None else None
    for node in element.css("p"):
        text = _one_line(text_of(node.html))
        if text and len(text) >= SUMMARY_FROM and text != title:
            return (node.inner_html or "").strip()
    return None


def _date(element: LexborNode, rules: PageRules) -> str | None:
    """Return the first date that can be read; of a rule's also one that can't."""
    nodes = _within(element, rules.date or DATES)
    texts = [text for node in nodes for text in date_texts(node)]
    readable = next((text for text in texts if read_date(text) is not None), None)
    return readable or (texts[0] if texts and rules.date is not None else None)


def date_texts(node: LexborNode) -> Iterator[str]:
    """Yield what may be the date of an element."""
    told = node.attributes
    written = node.text(deep=True)
    for text in (told.get("datetime"), told.get("content"), written, told.get("title")):
        if text and (line := _one_line(text)):
            yield line


def _one_line(text: str | None) -> str | None:
    return " ".join((text or "").split()) or None
