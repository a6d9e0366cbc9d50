"""Serve the page on this machine alone, until Ctrl-C."""

from __future__ import annotations

import secrets
import signal
import socket
import sys
import webbrowser
from collections.abc import Callable
from typing import Any

import uvicorn

from upfit.errors import InputError
from upfit.review.guard import Guard

HOME = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """A socket of this machine; port 0 takes a free one.

    Raises:
        InputError: The port is taken, or not ours to take.
    """
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOME, port))
        # From now on requests wait for the server, rather than find nobody: a browser is quick.
        found.listen(128)
    except (OSError, OverflowError) as error:
        found.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"port {port} cannot be used: {reason}", hint="--port 0 takes a free one") from None
    return found


def serve(inner: Any, sock: socket.socket, *, opens: bool, announce: Callable[[str], None]) -> None:
    """Serve an application until SIGINT or SIGTERM.

    Args:
        inner: An ASGI application.
        sock: From `listen`.
        opens: Open the page in the user's browser.
        announce: Told the address, which holds the token.
    """
    taken, token = sock.getsockname()[1], secrets.token_urlsafe(24)
    address = f"http://{HOME}:{taken}/{token}/"
    guard = Guard(inner, token=token, port=taken)
    config = uvicorn.Config(
        guard,
        log_level="critical",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    # uvicorn raises a signal again once it has shut down; leaving in good order is no interruption.
    before = {one: signal.signal(one, lambda *_: None) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        announce(address)
        if opens and sys.stdout.isatty():
            webbrowser.open(address)
        uvicorn.Server(config).run(sockets=[sock])
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        sock.close()
