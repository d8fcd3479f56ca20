"""Content encodings undone piece by piece, so that no limit is passed before it is noticed."""

import sys
import zlib
from importlib import import_module
from typing import Any, Protocol

# A body may consist of several compressed members; thousands of empty ones only burn time.
MOST_MEMBERS = 100
# RFC 9659: the window is at most 8 MB, or else it is a bomb of its own.
ZSTD_WINDOW_LOG = 23


class BadEncoding(Exception):
    """The bytes are not what Content-Encoding says."""


class Decoder(Protocol):
    """Undoes one content encoding."""

    def decode(self, data: bytes, room: int) -> bytes:
        """Return the next of what was encoded, but hardly more than ``room`` bytes (at least 1).

        What did not fit comes with the next call, which is made without data until it is hungry.
        """

    def is_hungry(self) -> bool:
        """Tell whether nothing was held back, so that more data may be fed."""

    def is_complete(self) -> bool:
        """Tell whether the encoded data came to its own end."""


def decoder_for(encoding: str, start: bytes) -> Decoder:
    """Return what undoes a Content-Encoding, given the first bytes of the body.

    Some servers announce an encoding and send plain data: that is taken as it is.

    Raises:
        BadEncoding: the encoding is not known here.
    """
    match encoding.strip().lower():
        case "" | "identity" | "none" | "utf-8":
            return Plain()
        case "gzip" | "x-gzip":
            return Zlib(31) if start[:1] == b"\x1f" else Plain()
        case "deflate":
            return Zlib(15 if start[:1] and start[0] & 0x0F == 8 else -15)
        case "br":
            return Brotli()
        case "zstd":
            return Zstandard() if start[:1] == b"\x28" else Plain()
        case other:
            raise BadEncoding(f"no such content encoding here: {other[:40]!r}")


class Plain:
    """No encoding."""

    def decode(self, data: bytes, room: int) -> bytes:  # noqa: ARG002 - see the protocol
        """Return the data: it is in memory already."""
        return data

    def is_hungry(self) -> bool:
        """Return True: nothing is held back."""
        return True

    def is_complete(self) -> bool:
        """Return True: plain data has no end of its own."""
        return True


class Zlib:
    """gzip (RFC 1952) and deflate, the latter as zlib data or, as some servers do, raw."""

    def __init__(self, window_bits: int) -> None:
        self._window_bits = window_bits
        self._inner = zlib.decompressobj(window_bits)
        self._members = 1
        self._held = b""
        self._is_full = False

    def decode(self, data: bytes, room: int) -> bytes:
        """Return what the members in the data hold."""
        data, out = self._held + data, b""
        try:
            while len(out) < room and (data or self._is_full):
                if self._inner.eof and not self._begin_member(data):
                    data = b""
                    break
                out += self._inner.decompress(data, room - len(out))
                data = self._inner.unused_data or self._inner.unconsumed_tail
                self._is_full = False
        except zlib.error as error:
            raise BadEncoding(str(error)) from None
        self._held = data
        # Some output may be inside still, even where all input was taken.
        self._is_full = len(out) >= room and not self._inner.eof
        return out

    def is_hungry(self) -> bool:
        """Tell whether nothing was held back."""
        return not self._held and not self._is_full

    def is_complete(self) -> bool:
        """Tell whether the last member came to its end."""
        return self._inner.eof

    def _begin_member(self, data: bytes) -> bool:
        # gzip is sometimes padded with zeros, or followed by what is no member.
        if data[:1] != b"\x1f" or self._members >= MOST_MEMBERS:
            return False
        self._inner = zlib.decompressobj(self._window_bits)
        self._members += 1
        return True


class Brotli:
    """br (RFC 7932)."""

    def __init__(self) -> None:
        brotli: Any = import_module("brotli")  # late: few feeds come so
        self._inner = brotli.Decompressor()
        self._error = brotli.error
        self._is_full = False

    def decode(self, data: bytes, room: int) -> bytes:
        """Return what the data holds."""
        if self.is_complete():
            self._is_full = False
            return b""
        try:
            out = bytes(self._inner.process(data, output_buffer_limit=room))
        except self._error as error:
            raise BadEncoding(str(error)) from None
        self._is_full = len(out) >= room
        return out

    def is_hungry(self) -> bool:
        """Tell whether nothing was held back."""
        return self.is_complete() or (
            not self._is_full and bool(self._inner.can_accept_more_data())
        )

    def is_complete(self) -> bool:
        """Tell whether the stream came to its end."""
        return bool(self._inner.is_finished())


class Zstandard:
    """zstd (RFC 8878)."""

    def __init__(self) -> None:
        newer = sys.version_info >= (3, 14)
        self._zstd: Any = import_module("compression.zstd" if newer else "backports.zstd")
        self._inner = self._new()
        self._frames = 1
        self._held = b""

    def decode(self, data: bytes, room: int) -> bytes:
        """Return what the frames in the data hold."""
        data, out = self._held + data, b""
        try:
            while len(out) < room:
                if self._inner.eof:
                    if not data or self._frames >= MOST_MEMBERS:
                        data = b""
                        break
                    self._inner = self._new()
                    self._frames += 1
                out += self._inner.decompress(data, room - len(out))
                data = self._inner.unused_data if self._inner.eof else b""
                if not self._inner.eof and self._inner.needs_input:
                    break
        except self._zstd.ZstdError as error:
            raise BadEncoding(str(error)) from None
        self._held = data
        return out

    def is_hungry(self) -> bool:
        """Tell whether nothing was held back."""
        return not self._held and bool(self._inner.eof or self._inner.needs_input)

    def is_complete(self) -> bool:
        """Tell whether the last frame came to its end."""
        return bool(self._inner.eof)

    def _new(self) -> Any:  # noqa: ANN401 - from one of two modules
        window = self._zstd.DecompressionParameter.window_log_max
        return self._zstd.ZstdDecompressor(options={window: ZSTD_WINDOW_LOG})
