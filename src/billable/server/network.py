"""Addresses and ports."""

from __future__ import annotations

import errno
import ipaddress
import socket

from billable.server.errors import CannotStart

BACKLOG = 2048
NEARBY_PORTS = 20


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_everywhere(host: str) -> bool:
    """Whether the address stands for every interface of this machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens already: nobody can take the port before it serves. Port 0: any free one."""
    try:
        return bound(host, port)
    except (socket.gaierror, UnicodeError):
        raise CannotStart(f"{host!r} is not an address of this machine.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            free = free_port(host, port)
            raise CannotStart(
                f"Port {port} on {host} is taken; {free} is free: use PORT={free} or --port {free}."
            ) from None
        raise CannotStart(f"Cannot listen on {host} port {port}: {error.strerror}.") from None


def bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def free_port(host: str, taken: int) -> int:
    """A port that is free now: the nearest one above, if there is one."""
    for port in (*range(taken + 1, min(taken + NEARBY_PORTS, 65_535)), 0):
        try:
            with bound(host, port) as listener:
                return int(listener.getsockname()[1])
        except OSError:
            continue
    raise CannotStart(f"Port {taken} on {host} is taken, and no other is free.")


def url_of(host: str, port: int) -> str:
    """What to type on this machine to reach the server."""
    if is_everywhere(host):
        host = "[::1]" if ":" in host else "127.0.0.1"
    elif ":" in host:
        host = f"[{host}]"
    return f"http://{host}:{port}"
