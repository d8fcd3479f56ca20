"""What filters of a query mean, said plainly: stores do the same with an index."""

from newsreel.core.matching import host_of


def is_on_site(value: str, url: str | None) -> bool:
    """Tell whether ``site:value`` means an address: its host, or a domain above it."""
    host = host_of(url)
    site = host_of(value)
    return bool(site) and (host == site or host.endswith(f".{site}"))


def is_language_meant(value: str, language: str | None) -> bool:
    """Tell whether ``lang:value`` means a language: itself or a kind of it (RFC 4647, 3.3.1)."""
    tag = (language or "").lower()
    return tag == value or tag.startswith(f"{value}-")
