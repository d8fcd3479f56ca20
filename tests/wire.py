"""A wire between a store and PostgreSQL that a test can cut where it hurts."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

COMMIT = b"COMMIT\x00"


class Wire:
    """A TCP proxy on the loopback, whose connections are cut as the test says.

    ``at_commit`` is called, once, with the connection whose client says COMMIT, before that is
    passed on.
    """

    def __init__(self, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self.at_commit: Callable[[Talk], None] | None = None
        self.talks: list[Talk] = []
        self._thread = threading.Thread(target=self._let_in)
        self._thread.start()

    def cut(self) -> None:
        """Cut all connections that stand."""
        for talk in self.talks:
            talk.cut()

    def close(self) -> None:
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self._thread.join()
        self.cut()
        for talk in self.talks:
            talk.join()

    def _let_in(self) -> None:
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return
            self.talks.append(Talk(self, client, socket.create_connection(self._to)))


class Talk:
    """One connection through the wire."""

    def __init__(self, wire: Wire, client: socket.socket, server: socket.socket) -> None:
        self._wire = wire
        self.client, self.server = client, server
        self._threads = [threading.Thread(target=self._ask), threading.Thread(target=self._answer)]
        for thread in self._threads:
            thread.start()

    def cut(self) -> None:
        """Cut both ends."""
        _shut(self.client)
        _shut(self.server)

    def cut_client(self) -> None:
        """Cut the client's end alone: the server does not know yet."""
        _shut(self.client)

    def join(self) -> None:
        for thread in self._threads:
            thread.join()
        self.client.close()
        self.server.close()

    def _ask(self) -> None:
        with suppress(OSError):
            while said := self.client.recv(65536):
                if said.endswith(COMMIT) and (act := self._wire.at_commit) is not None:
                    self._wire.at_commit = None
                    act(self)
                self.server.sendall(said)
        _shut(self.server)

    def _answer(self) -> None:
        with suppress(OSError):
            while said := self.server.recv(65536):
                self.client.sendall(said)
        _shut(self.client)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
