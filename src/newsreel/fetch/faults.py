"""Faults in our words. No message of a library is passed on whole: they hold addresses."""

import errno
import os
import ssl
from collections.abc import Mapping

import aiohttp

from newsreel.fetch.guard import Hop, RefusedAddress, refusal
from newsreel.fetch.headers import is_challenge
from newsreel.model.capture import Fault, FaultKind, Validators

WITH_BODY = frozenset((200, 203))


def fault_in(status: int, headers: Mapping[str, str], asked: Validators) -> Fault | None:
    """Return what is wrong with an answer, going by its head."""
    if is_challenge(status, headers):
        return Fault(FaultKind.CHALLENGE, "the site wants to see a browser", status)
    if status == 304 and not asked:
        return Fault(FaultKind.PROTOCOL, "not modified, though that was not asked", status)
    if status in WITH_BODY or status == 304:
        return None
    return Fault(FaultKind.HTTP, str(status), status)


def fault_of(error: Exception, hop: Hop) -> Fault:
    """Return what an exception means that was raised while a host was asked."""
    host = hop.host
    cause = getattr(error, "os_error", None) or error.__cause__ or error
    if hop.refused or isinstance(cause, RefusedAddress):
        return refusal(host, hop.refused or str(cause))
    for kind, fault, text in WORDS:
        if isinstance(error, kind):
            return Fault(fault, text.format(host=host, reason=_reason(cause)))
    return Fault(FaultKind.PROTOCOL, f"{host}: {type(error).__name__}")


# The first that fits counts: the special ones stand before the general ones.
WORDS: tuple[tuple[type[Exception], FaultKind, str], ...] = (
    (
        aiohttp.ClientConnectorCertificateError,
        FaultKind.TLS,
        "the certificate of {host} is not accepted: {reason}",
    ),
    (aiohttp.ClientConnectorSSLError, FaultKind.TLS, "no secure connection to {host}: {reason}"),
    (ssl.SSLError, FaultKind.TLS, "no secure connection to {host}: {reason}"),
    (aiohttp.ClientConnectorDNSError, FaultKind.DNS, "{host}: {reason}"),
    (aiohttp.ClientConnectorError, FaultKind.CONNECT, "{host}: {reason}"),
    (aiohttp.InvalidURL, FaultKind.BAD_ADDRESS, "this is no address to ask"),
    (aiohttp.NonHttpUrlClientError, FaultKind.BAD_ADDRESS, "this is no address to ask"),
    (aiohttp.ServerDisconnectedError, FaultKind.PROTOCOL, "{host} hung up without an answer"),
    (aiohttp.ClientResponseError, FaultKind.PROTOCOL, "what {host} sent is not HTTP"),
    (OSError, FaultKind.CONNECT, "{host}: {reason}"),
    (ValueError, FaultKind.BAD_ADDRESS, "the request can't be written as HTTP"),
)


def _reason(error: BaseException) -> str:
    # asyncio writes the address into the text of its errors; the system's own words are enough.
    if isinstance(error, OSError) and (error.errno or 0) in errno.errorcode:
        return os.strerror(error.errno or 0)
    for name in ("verify_message", "strerror", "reason"):
        if text := getattr(error, name, None):
            return str(text)
    return "no reason given"
