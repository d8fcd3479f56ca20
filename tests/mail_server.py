"""A real IMAP server on a loopback socket, in a process of its own: pymap, which knows one user.

    with MailServer() as server:
        server.deliver(b"Subject: Hello\\r\\n\\r\\nText")
        url = server.url()

With a ``certificate`` it is reached under TLS, by a relay in front of it. :func:`scripted` is a
server that says what a test wants, and nothing else.
"""

import contextlib
import imaplib
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

USER, PASSWORD = "ada", "sécret pass"
PYMAP = Path(sys.executable).with_name("pymap")


class MailServer:
    """The server. ``commands`` are what clients asked of it."""

    def __init__(self, *, certificate: Path | None = None) -> None:
        self._certificate = certificate
        self._relays: list[socket.socket] = []
        self._boxes = 0
        self.box = "INBOX"

    def __enter__(self) -> Self:
        self.port = _free_port()
        told = f"--debug --host 127.0.0.1 --port {self.port} --no-tls --no-service admin dict"
        self._process = subprocess.Popen(
            [PYMAP, *told.split(), "--demo-user", USER, "--demo-password", PASSWORD],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._log: list[str] = []
        self._has_line = threading.Condition()
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self._imap = _connected(self.port)
        self._imap.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode())
        self._own = len(self.commands)
        if self._certificate is not None:
            self._front = socket.create_server(("127.0.0.1", 0))
            threading.Thread(target=self._relay_all, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            self._imap.logout()
        self._process.terminate()
        self._process.wait()
        self._reader.join()
        if self._process.stderr is not None:
            self._process.stderr.close()
        if self._certificate is not None:
            self._front.close()
        for relay in self._relays:
            relay.close()

    def renew(self) -> None:
        """Let an empty mailbox be the one that is meant from now on."""
        self._boxes += 1
        self.box = f"box{self._boxes}"
        self.create(self.box)

    def url(self, name: str = "", *, host: str = "127.0.0.1") -> str:
        """Return the address of a mailbox; of the one that is meant, without a name."""
        name = name or self.box
        if self._certificate is not None:
            return f"imaps://{USER}@{host}:{self._front.getsockname()[1]}/{name}"
        return f"imap://{USER}@{host}:{self.port}/{name}"

    def deliver(self, message: bytes, name: str = "") -> None:
        """Put a message into a mailbox."""
        status, told = self._imap.append(name or self.box, "", "", message)
        assert status == "OK", told

    def create(self, quoted: str) -> None:
        """Make a mailbox; the name as IMAP wants it."""
        assert self._imap.create(quoted)[0] == "OK"

    def flags(self) -> list[bytes]:
        """Return the flags of the messages."""
        self._imap.select(self.box, readonly=True)
        found = self._imap.fetch("1:*", "(FLAGS)")[1]
        return [line.partition(b"FLAGS ")[2] for line in found if isinstance(line, bytes)]

    def expunge(self) -> None:
        """Delete the first message."""
        self._imap.select(self.box)
        self._imap.store("1", "+FLAGS", r"\Deleted")
        self._imap.expunge()

    @property
    def commands(self) -> list[str]:
        """The commands that came, of whatever client, without their tags."""
        with self._has_line:
            lines = [line.partition("-->| ")[2].strip() for line in self._log]
        return [line.partition(" ")[2] for line in lines if line]

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._has_line:
                self._log.append(line)
                self._has_line.notify_all()

    def _relay_all(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        assert self._certificate is not None
        context.load_cert_chain(self._certificate)
        while True:
            try:
                plain, _ = self._front.accept()
                outer = context.wrap_socket(plain, server_side=True)
            except OSError:  # it is over, or who came spoke no TLS
                if self._front.fileno() < 0:
                    return
                continue
            inner = socket.create_connection(("127.0.0.1", self.port))
            self._relays += [outer, inner]
            for one, two in ((outer, inner), (inner, outer)):
                threading.Thread(target=_pump, args=(one, two), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def _connected(port: int) -> imaplib.IMAP4:
    """Connect as soon as the server listens."""
    for _ in range(600):
        try:
            return imaplib.IMAP4("127.0.0.1", port)
        except ConnectionRefusedError:
            threading.Event().wait(0.05)
    raise AssertionError("the mail server does not start")


@contextlib.contextmanager
def scripted(answers: Sequence[bytes], *, hangs: bool = False) -> Iterator[int]:
    """Serve one client: the first answer is the greeting, each line that comes gets the next.

    ``{tag}`` in an answer is the tag of the line. Yield the port.
    """
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                client, _ = server.accept()
                with client, client.makefile("rb") as lines:
                    client.sendall(answers[0])
                    for answer in answers[1:]:
                        line = lines.readline()
                        client.sendall(answer.replace(b"{tag}", line.partition(b" ")[0]))
                    if hangs:
                        over.wait(60)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            thread.join()
