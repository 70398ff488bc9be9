"""gunicorn's worker with threads, which lends no thread to a client that keeps it waiting."""

from __future__ import annotations

import errno
import socket
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker


class ClientSocket(socket.socket):
    """A client's connection that may keep its thread waiting only so long for one request.

    The waiting is added up: with a timeout for each read, a byte now and then would hold the thread for ever.
    """

    timeout_seconds: float
    waiting_seconds: float  # what is left

    def expect_request(self, timeout_seconds: float) -> None:
        self.timeout_seconds = self.waiting_seconds = timeout_seconds

    def wait_no_more(self) -> None:
        """From here on only what has arrived is read."""
        self.waiting_seconds = 0

    def setblocking(self, flag: bool, /) -> None:
        """Never without a timeout, so that an answer that nobody takes ends too."""
        self.settimeout(self.timeout_seconds if flag else 0)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        timeout, started = self.gettimeout(), time.monotonic()
        self.settimeout(self.waiting_seconds if timeout is None else min(timeout, self.waiting_seconds))
        try:
            return super().recv(size, flags)
        except (TimeoutError, BlockingIOError):
            raise too_slow() from None
        finally:
            self.waiting_seconds = max(0, self.waiting_seconds - (time.monotonic() - started))
            self.settimeout(timeout)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Of the application it needs ``client_timeout_seconds``."""

    def handle(self, conn: Any) -> Any:
        if not isinstance(conn.sock, ClientSocket):
            conn.sock = ClientSocket(fileno=conn.sock.detach())
        conn.sock.expect_request(self.app.client_timeout_seconds)
        kept = super().handle(conn)
        if not kept:  # gunicorn closes it in the thread that accepts, and would wait there for the client's end
            conn.sock.wait_no_more()
        return kept

    def handle_request(self, req: Any, conn: Any) -> Any:
        try:
            return super().handle_request(req, conn)
        except TimeoutError:
            raise too_slow() from None


def too_slow() -> OSError:
    """To gunicorn as if the client had gone, which is no incident and is not logged."""
    return ConnectionResetError(errno.ECONNRESET, "The client was too slow.")
