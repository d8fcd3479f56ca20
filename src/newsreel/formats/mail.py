"""Messages (RFC 5322, MIME) as items: who, what, when, the text, the names of what is attached.

Any bytes make an item. What a header or part can't say is left out, never made up.
"""

from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, TypeVar, cast

from newsreel.formats import charsets
from newsreel.formats.json_values import JsonObject
from newsreel.formats.local_feed import attachment_of, html_of_text, item_of

T = TypeVar("T")

LONGEST_HEADER = 2_000
MOST_PARTS = 200
MOST_BOUNDARIES = 2_000
# What the standard library's parser is known to raise for headers and parts of hostile messages.
UNREADABLE = (LookupError, ValueError, TypeError, AttributeError, AssertionError, RecursionError)


def item_of_message(
    raw: bytes, *, identity: str, received: str | None = None, is_cut: bool = False
) -> JsonObject:
    """Return a message as an item; ``identity`` and the date ``received`` serve where it has none.

    ``is_cut`` says that the message is longer than what is given here.
    """
    head = raw.partition(b"\n\r\n")[0].partition(b"\n\n")[0]
    if b"multipart/" in head.lower() and raw.count(b"\n--") > MOST_BOUNDARIES:
        raw, is_cut = head + b"\n\n", True
    read = _tried(lambda: message_from_bytes(raw, policy=_BOUNDED))
    if read is None:  # parts in each other, deeper than they can be followed
        read, is_cut = message_from_bytes(head, policy=_BOUNDED), True
    message = cast("EmailMessage", read)
    body, attached = _parts(message)
    item = item_of(
        _header(message, "Message-ID") or identity,
        title=_header(message, "Subject"),
        content=_content(body) if body is not None else None,
        published=_header(message, "Date") or received,
        authors=_authors(message),
        attachments=attached,
    )
    if is_cut:
        item["truncated"] = True
    if list_id := _header(message, "List-Id"):
        item["list_id"] = list_id
    return item


class _Bounded(policy.EmailPolicy):
    """The standard library's reading of headers, which takes the square of their length."""

    def header_fetch_parse(self, name: str, value: str) -> Any:  # noqa: ANN401 - as there
        """Return a header, of which no more than its beginning is looked at."""
        return super().header_fetch_parse(name, value[:LONGEST_HEADER])


_BOUNDED = _Bounded(utf8=True)


def _tried(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except UNREADABLE:
        return None


def _header(message: EmailMessage, name: str) -> str | None:
    """Return a header's text in one line; of a broken one what stands there."""
    text = _tried(lambda: str(message[name] or ""))
    if text is None:
        written = (value for key, value in message.raw_items() if key.lower() == name.lower())
        text = str(next(written, ""))
    return " ".join(text[:LONGEST_HEADER].split()) or None


def _authors(message: EmailMessage) -> list[str]:
    """Return the names of the senders, the addresses of those who have none."""
    names = _tried(
        lambda: [one.display_name or one.addr_spec for one in message["From"].addresses]
    )
    found = [" ".join(name.split()) for name in names or () if name.strip()]
    return found or [text for text in (_header(message, "From"),) if text]


def _parts(message: EmailMessage) -> tuple[EmailMessage | None, list[JsonObject]]:
    """Return the part that is the text, HTML before plain, and the others that have a name."""
    body = _tried(lambda: message.get_body(("html", "plain")))
    attached = []
    for part in _walked(message):
        if part is body or part.is_multipart():
            continue
        name = _tried(part.get_filename)
        if name or _tried(part.is_attachment):
            attached.append(
                attachment_of(name or "attachment", part.get_content_type(), _size(part))
            )
    return cast("EmailMessage | None", body), attached


def _walked(message: EmailMessage) -> Iterator[EmailMessage]:
    for number, part in enumerate(message.walk()):
        if number == MOST_PARTS:
            return
        yield part


def _size(part: EmailMessage) -> int | None:
    payload = _tried(lambda: part.get_payload(decode=True))
    return len(payload) if isinstance(payload, bytes) else None


def _content(part: EmailMessage) -> str | None:
    """Return the text of a part as HTML; its charset is guessed where it is not what it says."""
    payload = _tried(lambda: part.get_payload(decode=True))
    if not isinstance(payload, bytes):
        return None
    text = charsets.decoded(payload, content_type=_tried(lambda: str(part["Content-Type"]))).text
    return (text.strip() or None) if part.get_content_subtype() == "html" else html_of_text(text)
