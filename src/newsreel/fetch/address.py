"""Addresses as they are asked for, and where redirects lead."""

import re

from yarl import URL

# What may stand in a request line as it is: ASCII, without what RFC 3986 leaves out.
SENDABLE = re.compile(r"[!#-;=?-\[\]_a-z~]*", re.ASCII)


def address_of(text: str) -> URL:
    """Return an address as it is to be sent: untouched where it can be, else encoded.

    Raises:
        ValueError: it is no address.
    """
    text = text.strip()
    is_sendable = SENDABLE.fullmatch(text) is not None
    url = URL(text, encoded=is_sendable)
    if url.raw_fragment:
        url = url.with_fragment(None)
    host = url.raw_host or ""
    return url if host.islower() or host == host.lower() else url.with_host(host.lower())


def target_of(url: URL, location: str) -> URL:
    """Return where a redirect leads.

    The credentials of an address stay with its origin; those that a redirect brings are not ours.

    Raises:
        ValueError: it leads to no address.
    """
    there = address_of(_as_text(location))
    if there.scheme in {"http", "https"} and not there.raw_host:
        raise ValueError("no host")
    target = bare(url.join(there))
    if url.raw_user is not None and target.origin() == url.origin():
        return target.with_user(url.user).with_password(url.password)
    return target


def bare(url: URL) -> URL:
    """Return an address without its credentials."""
    return url if url.raw_user is None else url.with_user(None)


def _as_text(location: str) -> str:
    # Headers are read as Latin-1; an address that is not ASCII was most likely written in UTF-8.
    try:
        return location.encode("latin-1").decode()
    except ValueError:
        return location
