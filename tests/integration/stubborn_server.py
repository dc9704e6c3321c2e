"""A server whose application does not end when it is asked to: at a request, or at its own end."""

import asyncio
import socket
import sys
from typing import Final
from unittest.mock import patch

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from entrypoints.serving.http_server import HTTPServer

_STUCK_AT: Final = "".join(sys.argv[1:2])


async def never(*, gives_way: bool) -> None:
    """Wait for ever; without giving way also after having been cancelled."""
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if gives_way:
                raise


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Gets stuck where the command line says."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if _STUCK_AT == "end":
            await never(gives_way=False)
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/stuck":
        sys.stdout.write("stuck\n")
        sys.stdout.flush()
        await never(gives_way=_STUCK_AT == "request")
    await PlainTextResponse("here")(scope, receive, send)


if __name__ == "__main__":
    listener = socket.create_server((sys.argv[3], int(sys.argv[5])))
    config = uvicorn.Config(app, lifespan="on", log_config=None, timeout_graceful_shutdown=1)
    with patch("entrypoints.serving.http_server.END_SECONDS", 4.0):
        HTTPServer(config).run([listener])
