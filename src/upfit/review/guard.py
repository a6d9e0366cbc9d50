"""Guard: who may talk to the page. It stands before the application and sees every request first.

A page on another site can make this browser send requests to 127.0.0.1, and can point a name of its own at
that address (DNS rebinding). It can neither forge the Host and Origin that the browser states, nor guess the
token in the path.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""Nothing inline, nothing from elsewhere, nobody may frame the page."""

HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Guard:
    """An ASGI application around another one.

    Args:
        inner: Sees requests with the token taken off their path.
        token: What the path has to begin with.
        port: Where the server listens.
    """

    def __init__(self, inner: Any, *, token: str, port: int) -> None:
        self.inner = inner
        self.token = token.encode()
        self.hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self.inner(scope, receive, send)
        elif scope["type"] == "websocket":  # the page opens none
            await send({"type": "websocket.close"})
        elif scope["type"] == "http":
            path = self._inside(scope)
            if path is None:
                await _refuse(send)
            else:
                await self.inner({**scope, "path": path, "raw_path": path.encode()}, receive, _marked(send))

    def _inside(self, scope: Scope) -> str | None:
        """The path behind the token; None for a request that must not get in."""
        headers: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value.decode("latin-1"))
        hosts = headers.get(b"host", [])
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            return None
        if any(origin.lower() != f"http://{hosts[0].lower()}" for origin in headers.get(b"origin", [])):
            return None
        if any(site not in ("same-origin", "none") for site in headers.get(b"sec-fetch-site", [])):
            return None
        start, token, rest = (*scope["path"].split("/", 2), "", "")[:3]
        whole = scope["path"].count("/") >= 2 and not start
        if not whole or not hmac.compare_digest(token.encode(), self.token):
            return None
        return f"/{rest}"


def _marked(send: Send) -> Send:
    """Put the security headers on every answer."""

    async def marked(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
        await send(message)

    return marked


async def _refuse(send: Send) -> None:
    kind = (b"content-type", b"text/plain; charset=utf-8")
    await send({"type": "http.response.start", "status": 403, "headers": [kind, *HEADERS]})
    await send(
        {"type": "http.response.body", "body": b"refused: open the address that upfit review printed\n"}
    )
