"""What the server does once, whoever visits: after a crash or reboot it lets unfinished runs go on, and sees to it."""

import ctypes
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route

from imae_core.home import resolve_home
from imae_core.runs.service import resume_after_restart
from imae_core.runs.store import Store
from imae_core.runs.watch import Watch
from ui import live_chart

_M_ARENA_MAX = -8  # of glibc's malloc.h


_SMALL_ARROW = {"MIMALLOC_ARENA_EAGER_COMMIT": "0", "MIMALLOC_PURGE_DELAY": "0"}  # of Arrow's own allocator


def _share_one_heap() -> None:
    """Keeps the app as small as what it holds: each script runs in a thread of its own, for which glibc would make a
    heap, and what is kept in one holds all of it; Arrow's allocator would take memory in advance (20 MB)."""
    for name, value in _SMALL_ARROW.items():
        os.environ.setdefault(name, value)  # read when pyarrow is loaded, which may be never
    if sys.platform == "linux":
        with suppress(AttributeError):  # musl has no mallopt
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def send_at_once() -> None:
    """Lets the listening sockets hand TCP_NODELAY on to their connections.

    Streamlit binds them without a protocol number, and asyncio then leaves Nagle's algorithm on: the end of an answer
    waits for the acknowledgement of its beginning, which browsers delay by 40 ms.
    """
    for connection in psutil.Process().net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN:
            with socket.socket(fileno=os.dup(connection.fd)) as listener:
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """From the server's start to its end."""
    _share_one_heap()
    send_at_once()
    store = Store(resolve_home())
    resume_after_restart(store)
    watch = Watch(store)
    watch.start()
    yield
    watch.stop()


async def _plotly(_request: Request) -> FileResponse:
    return FileResponse(live_chart.PLOTLY_FILE, headers={"Cache-Control": "public, max-age=31536000, immutable"})


async def _icon(_request: Request) -> FileResponse:
    return FileResponse(Path(__file__).parent / "icon.png", headers={"Cache-Control": "public, max-age=3600"})


def routes() -> list[Route]:
    """What this server has beside Streamlit's own; the icon takes the place of Streamlit's.

    As `page_icon` it would be opened as a picture, by NumPy and Pillow, at every run of the script.
    """
    return [Route(live_chart.address(), _plotly), Route(live_chart.below_base("/favicon.png"), _icon)]
