"""Microsoft's Channel Definition Format (1997): links in attributes, nested channels and items."""

from lxml import etree

from newsreel.formats.drafts import Draft, EntryDraft, FeedDraft, put_body
from newsreel.formats.elements import attributes_of, construct
from newsreel.formats.names import key_of
from newsreel.formats.rss import extra


def looks_like(root: etree._Element) -> bool:
    """Tell whether a ``channel`` at the root is CDF's, whose links are attributes."""
    return any(
        name.lower() in {"href", "base", "self"}
        for node in (root, *root[:50])
        for name in map(str, node.attrib)
    ) or any(isinstance(child.tag, str) and key_of(child.tag) == "abstract" for child in root[:50])


def walk(channel: etree._Element, feed: FeedDraft, depth: int = 0) -> None:
    """Read a channel, and those inside it, into one feed."""
    _say(channel, feed)
    for child in channel:
        key = key_of(child.tag) if isinstance(child.tag, str) else ""
        if key == "item":
            draft = EntryDraft(feed.base)
            _say(child, draft)
            for part in child:
                _part(part, draft)
            feed.entries.append(draft.done())
        elif key == "channel" and depth < 4:
            walk(child, feed, depth + 1)
        else:
            _part(child, feed)


def _say(element: etree._Element, draft: Draft) -> None:
    """Read what the attributes say."""
    attributes = attributes_of(element)
    draft.put("link", attributes.get("href"), 0)
    draft.put("updated", attributes.get("lastmod"), 0)
    draft.put("language", attributes.get("language"), 0)
    if isinstance(draft, FeedDraft) and attributes.get("base"):
        draft.base = draft.base or attributes["base"]


def _part(element: etree._Element, draft: Draft) -> None:
    if not isinstance(element.tag, str):
        return
    key = key_of(element.tag)
    attributes = attributes_of(element)
    if key == "title":
        value, is_html = construct(element)
        draft.put_title(value, is_html=is_html, rank=0)
    elif key == "abstract":
        value, is_html = construct(element)
        put_body(draft, "summary", value, is_html=is_html)
    elif key == "a":
        draft.put("link", attributes.get("href"), 0)
    elif key == "logo":
        draft.put_image(attributes.get("href"), 0 if attributes.get("style") == "image" else 1)
    else:
        extra(draft, element, key, 0)
