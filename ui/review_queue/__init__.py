"""The review queue in the browser: suspicious examples one by one, decided by key or click."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    css, waiting, queue = ((_HERE / name).read_text() for name in ("queue.css", "waiting.js", "queue.js"))
    return st.components.v2.component("imae_review_queue", css=css, js=waiting + queue)


def review_queue(payload: Mapping[str, Any], *, key: str, on_sent: Callable[[dict[str, Any]], None]) -> None:
    """Draws the queue.

    Args:
        payload: of `ui.clean.queue.queue_payload`.
        on_sent: gets what the browser sent, before the page is drawn anew: `review` that the entries belong to,
            `entries` that it has no confirmation of yet, oldest first, the `view` it shows, and the indices that it
            `have`s there. The browser sends them again until the payload's `written` confirms them.
    """

    def sent() -> None:
        value = st.session_state[key].sent
        if value is not None:
            on_sent(dict(value))

    _component()(data=dict(payload), key=key, on_sent_change=sent)
