"""Faults in our words. No message of a library is passed on whole: they hold addresses."""

import errno
import os
import socket
import ssl
from collections.abc import Mapping

from newsreel.fetch.connection import HungUp
from newsreel.fetch.guard import RefusedAddress, refusal
from newsreel.fetch.headers import is_challenge
from newsreel.fetch.policy import Request
from newsreel.fetch.proxy import ProxyFailed
from newsreel.fetch.wire import BadHttp
from newsreel.model.capture import Fault, FaultKind

WITH_BODY = frozenset((200, 203))
ACCEPTED = frozenset(range(200, 300))


def fault_in(status: int, headers: Mapping[str, str], request: Request) -> Fault | None:
    """Return what is wrong with an answer, going by its head."""
    if is_challenge(status, headers):
        return Fault(FaultKind.CHALLENGE, "the site wants to see a browser", status)
    if status == 304 and not request.validators:
        return Fault(FaultKind.PROTOCOL, "not modified, though that was not asked", status)
    if status == 304 or status in (WITH_BODY if request.method == "GET" else ACCEPTED):
        return None
    return Fault(FaultKind.HTTP, str(status), status)


def fault_of(error: Exception, host: str) -> Fault:
    """Return what an exception means that was raised while a host was asked."""
    match error:
        case RefusedAddress():
            return refusal(host, str(error))
        case ProxyFailed():
            return Fault(FaultKind.PROXY, f"the proxy {error}")
        case BadHttp():
            return Fault(FaultKind.PROTOCOL, f"{host}: {error}")
        case HungUp():
            return Fault(FaultKind.PROTOCOL, f"{host} hung up")
        case ssl.SSLCertVerificationError():
            what = f"the certificate of {host} is not accepted: {_reason(error)}"
            return Fault(FaultKind.TLS, what)
        case ssl.SSLError():
            return Fault(FaultKind.TLS, f"no secure connection to {host}: {_reason(error)}")
        case socket.gaierror():
            return Fault(FaultKind.DNS, f"{host}: {_reason(error)}")
        case OSError():
            return Fault(FaultKind.CONNECT, f"{host}: {_reason(error)}")
        case _:
            return Fault(FaultKind.BAD_ADDRESS, "no request can be made of this")


def _reason(error: Exception) -> str:
    # asyncio writes addresses into the text of its errors; the system's own words are enough.
    number = getattr(error, "errno", None)
    is_plain = not isinstance(error, ssl.SSLError | socket.gaierror)
    if is_plain and isinstance(number, int) and number in errno.errorcode:
        return os.strerror(number)
    for name in ("verify_message", "reason", "strerror"):
        if text := getattr(error, name, None):
            return str(text)
    return "no reason given"
