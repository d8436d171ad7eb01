"""What the server does once, whoever visits: after a crash or reboot it lets unfinished runs go on, and sees to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route

from imae_core.home import resolve_home
from imae_core.runs.service import resume_after_restart
from imae_core.runs.store import Store
from imae_core.runs.watch import Watch
from ui import live_chart


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """From the server's start to its end."""
    store = Store(resolve_home())
    resume_after_restart(store)
    watch = Watch(store)
    watch.start()
    yield
    watch.stop()


async def _plotly(_request: Request) -> FileResponse:
    return FileResponse(live_chart.PLOTLY_FILE, headers={"Cache-Control": "public, max-age=31536000, immutable"})


def routes() -> list[Route]:
    """What this server has beside Streamlit's own."""
    return [Route(live_chart.address(), _plotly)]
