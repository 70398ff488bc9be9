"""Clients that say nothing more, or do not hang up: others are served meanwhile."""

import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest

from billable.server.serve import MAX_THREADS, MAX_WORKERS, THREADS, default_threads
from billable.server.worker import ClientSocket
from tests.server.processes import Served, serving

pytestmark = pytest.mark.sqlite

THREADS_SERVED = 2
SLOW_CLIENTS = 4
# Two rounds of slow clients with a timeout of a second each, on a slow machine.
LONGEST_SECONDS = 8

HALF_A_HEADER = b"GET / HTTP/1.1\r\nX-Half:"
HALF_A_BODY = (
    b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\na="
)
HALF_A_BODY_OF_THE_API = (
    b"POST /api/v1/billing/identify HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
    b'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"external_id":'
)
NO_GOODBYE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home: Path = tmp_path_factory.mktemp("slow") / "home"
    limits = ("--workers", "1", "--threads", str(THREADS_SERVED), "--client-timeout", "1")
    with serving("serve", *limits, home=home) as server:
        server.token = (home / "token").read_text().strip()
        yield server


@pytest.mark.parametrize(
    "sent", [HALF_A_HEADER, HALF_A_BODY, HALF_A_BODY_OF_THE_API], ids=["header", "body", "body of the API"]
)
def test_clients_that_keep_threads_waiting_do_not_keep_others_from_being_served(served: Served, sent: bytes) -> None:
    request = sent.replace(b"%s", served.token.encode())
    with ExitStack() as clients:
        for _ in range(SLOW_CLIENTS):
            clients.enter_context(connected(served)).sendall(request)
        time.sleep(0.2)  # let them be accepted first
        started = time.monotonic()

        assert served.get("/health/live") == (200, "ok\n")

        assert time.monotonic() - started < LONGEST_SECONDS
    assert "Traceback" not in served.told


def test_a_client_that_does_not_hang_up_does_not_stop_the_thread_that_accepts(served: Served) -> None:
    with ExitStack() as clients:
        started = time.monotonic()
        for _ in range(SLOW_CLIENTS):
            client = clients.enter_context(connected(served))
            client.sendall(NO_GOODBYE)
            while client.recv(1000):
                pass

        assert time.monotonic() - started < SLOW_CLIENTS  # gunicorn would wait two seconds for each


def test_a_connection_that_is_kept_serves_again_and_has_all_its_time_again(served: Served) -> None:
    request = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connected(served) as client:
        for _ in range(3):
            client.sendall(request[:20])
            time.sleep(0.5)
            client.sendall(request[20:])
            answer = received = client.recv(1000)
            while received and not answer.endswith(b"\r\n\r\nok\n"):
                received = client.recv(1000)
                answer += received
            assert b"200 OK" in answer


@pytest.fixture
def pair() -> Iterator[tuple[ClientSocket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ClientSocket(fileno=ours.detach()) as waiting, theirs:
        waiting.expect_request(0.2)
        waiting.setblocking(True)
        yield waiting, theirs


def test_a_byte_now_and_then_gains_no_time(pair: tuple[ClientSocket, socket.socket]) -> None:
    waiting, client = pair

    def drip() -> None:
        with suppress(OSError):
            for _ in range(40):
                time.sleep(0.05)
                client.sendall(b"x")

    dripping = Thread(target=drip)
    dripping.start()
    started = time.monotonic()
    with pytest.raises(ConnectionResetError):
        deque(iter(partial(waiting.recv, 1), b""), maxlen=0)
    assert time.monotonic() - started < 1
    client.shutdown(socket.SHUT_WR)
    dripping.join()


def test_what_has_arrived_is_read_without_waiting(pair: tuple[ClientSocket, socket.socket]) -> None:
    waiting, client = pair
    client.sendall(b"all of it")
    waiting.wait_no_more()

    assert waiting.recv(100) == b"all of it"
    with pytest.raises(ConnectionResetError):
        waiting.recv(100)


def test_an_answer_that_nobody_takes_ends(pair: tuple[ClientSocket, socket.socket]) -> None:
    with pytest.raises(TimeoutError):
        pair[0].sendall(b"x" * 10_000_000)


def test_threads_are_many_but_not_more_than_postgresql_has_connections() -> None:
    assert default_threads(2) == THREADS
    assert default_threads(MAX_WORKERS) * MAX_WORKERS == MAX_THREADS
    assert default_threads(1_000) == 1


def connected(served: Served) -> socket.socket:
    address = urlsplit(served.url)
    return socket.create_connection((address.hostname or "", address.port or 0), timeout=LONGEST_SECONDS)
