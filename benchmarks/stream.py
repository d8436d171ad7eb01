"""Streamlit's own protocol, spoken as a browser does: what a page's script takes on a real server, and what it sends."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

FINISHED = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


@dataclass
class Answer:
    """One run of a script: its time from the request to its last message, the bytes that came, its live parts and the
    selectboxes by the end of their id, which is their key."""

    seconds: float = 0.0
    num_bytes: int = 0
    live_parts: set[str] = field(default_factory=set)
    selectboxes: set[str] = field(default_factory=set)
    exceptions: list[str] = field(default_factory=list)


def open_stream(port: int) -> Any:
    """A session of its own, until the context is left."""
    return connect(f"ws://127.0.0.1:{port}/_stcore/stream", subprotocols=["streamlit"], max_size=None)  # type: ignore[list-item]


def rerun(page: str, query: str = "", *, live_part: str = "", selected: Mapping[str, str] | None = None) -> bytes:
    """Asks for a whole page, or for one of its live parts as the page's own timer does; `selected` are selectboxes by id."""
    message = BackMsg()
    message.rerun_script.page_name = page
    message.rerun_script.query_string = query
    if live_part:
        message.rerun_script.fragment_id = live_part
        message.rerun_script.is_auto_rerun = True
    for name, value in (selected or {}).items():
        message.rerun_script.widget_states.widgets.add(id=name, string_value=value)
    return message.SerializeToString()


async def answered(stream: Any, request: bytes) -> Answer:
    """Sends a request and waits until the script has run."""
    answer, started = Answer(), time.perf_counter()
    await stream.send(request)
    async for raw in stream:
        message = ForwardMsg.FromString(raw)
        answer.num_bytes += len(raw)
        kind = message.WhichOneof("type")
        if kind == "auto_rerun":
            answer.live_parts.add(message.auto_rerun.fragment_id)
        elif kind == "delta":
            _note(answer, message.delta.new_element)
        elif kind == "script_finished" and message.script_finished in FINISHED:
            break
    answer.seconds = time.perf_counter() - started
    return answer


def _note(answer: Answer, element: Any) -> None:
    kind = element.WhichOneof("type")
    if kind == "exception":
        answer.exceptions.append(element.exception.message)
    elif kind == "selectbox":
        answer.selectboxes.add(element.selectbox.id)
