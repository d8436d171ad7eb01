"""Charts that are redrawn in place, by components of our own.

Streamlit's own chart loses zoom and selection whenever its data change; these call `Plotly.react`, which keeps both.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import plotly
import streamlit as st

if TYPE_CHECKING:  # the server itself draws nothing, and Plotly's figures take long to load
    import plotly.graph_objects as go

PLOTLY_FILE = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
PLOTLY_ADDRESS = f"/assets/plotly-{plotly.__version__}.min.js"
_HERE = Path(__file__).parent


@lru_cache(maxsize=4)
def _source(name: str) -> str:
    return (_HERE / "plotly.js").read_text() + (_HERE / name).read_text()


@st.cache_resource(show_spinner=False)
def _component(name: str) -> Any:
    style = _HERE / f"{name}.css"
    css = style.read_text() if style.exists() else None
    return st.components.v2.component(f"imae_{name}", css=css, js=_source(f"{name}.js"), isolate_styles=False)


def below_base(path: str) -> str:
    """A path of this app's server, as the browser asks for it."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return (f"/{base}" if base else "") + path


def address() -> str:
    """Where the browser finds Plotly: on this app's server."""
    return below_base(PLOTLY_ADDRESS)


def chart(
    figure: "go.Figure | str",
    *,
    key: str,
    on_click: Callable[[dict[str, Any]], None] | None = None,
    on_region: Callable[[dict[str, list[float]] | None], None] | None = None,
) -> None:
    """Draws a figure, or one that was kept as its JSON; zoom stays when its data change. Its bar saves it as PNG, SVG and CSV.

    `on_click` gets {x, y, index, curve} of a clicked point (index: its place in the trace; row and column in a heat map), `on_region` the corners {x, y} of a lasso or box, in
    the units of the axes, or None when the selection is taken back. Both run before the page is drawn anew.
    """

    def clicked() -> None:
        value = st.session_state[key].clicked
        if value is not None and on_click is not None:
            on_click(dict(value))

    def selected() -> None:
        if on_region is not None:
            on_region(st.session_state[key].region)

    data = {"figure": figure if isinstance(figure, str) else figure.to_json(), "plotly": address(), "name": key}
    _component("chart")(
        data=data, key=key, default={"region": None}, on_clicked_change=clicked, on_region_change=selected
    )


def scope(payload: str, epoch: int, *, key: str, on_epoch: Callable[[int], None]) -> None:
    """All epochs of a run under one slider, without the server; `payload` is that of `ui.scope`.

    `on_epoch` is told where the slider was let go, before the page is drawn anew.
    """

    def moved() -> None:
        value = st.session_state[key].epoch
        if value is not None:
            on_epoch(int(value))

    _component("scope")(
        data={"payload": payload, "epoch": epoch, "plotly": address()},
        key=key, default={"epoch": None}, on_epoch_change=moved,
    )  # fmt: skip
