"""gunicorn, as a library."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication

from billable.server.worker import Worker

GRACEFUL_TIMEOUT_SECONDS = 10
# Workers prove with a file that they live; on a slow disk that can take longer than they have.
MEMORY = "/dev/shm"  # noqa: S108  # gunicorn names its file there at random
# Without the query string: it may name customers.
ACCESS_LOG_FORMAT = '%(t)s %(h)s "%(m)s %(U)s" %(s)s %(B)s %(M)sms'


class HttpServer(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Serves the embedded project on a socket that listens already."""

    def __init__(
        self,
        listener: socket.socket,
        *,
        workers: int,
        threads: int,
        client_timeout_seconds: int,
        access_log: bool,
        announce: Callable[[], None],
    ) -> None:
        self.client_timeout_seconds = client_timeout_seconds
        self.options: dict[str, Any] = {
            "bind": f"fd://{listener.detach()}",  # from here on the socket is gunicorn's
            "worker_class": Worker,
            "workers": workers,
            "threads": threads,
            "preload_app": True,
            "graceful_timeout": GRACEFUL_TIMEOUT_SECONDS,
            "loglevel": "warning",
            "accesslog": "-" if access_log else None,
            "access_log_format": ACCESS_LOG_FORMAT,
            "worker_tmp_dir": MEMORY if os.access(MEMORY, os.W_OK) else None,
            "control_socket_disable": True,
            "when_ready": lambda _: self.begin(announce),
        }
        self.hang_up = signal.getsignal(signal.SIGHUP)
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            if name in self.cfg.settings:  # gunicorn before 25 has no control socket
                self.cfg.set(name, value)

    def begin(self, announce: Callable[[], None]) -> None:
        """From now on requests are answered."""
        # gunicorn reloads on SIGHUP: it would outlive the terminal that it was started in, and hold the port.
        signal.signal(signal.SIGHUP, self.hang_up if self.hang_up is signal.SIG_IGN else stop)
        announce()

    def load(self) -> Any:
        from billable.server.wsgi import application

        return application


def stop(*_: object) -> None:
    """End this server as a service manager would: requests that run are finished first."""
    os.kill(os.getpid(), signal.SIGTERM)
