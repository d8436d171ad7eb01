"""Pictures of examples in one block; a click tells which."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from imae_core.data.png import picture_address

__all__ = ["Card", "gallery", "picture_address"]

CSS = """
.grid { display: flex; flex-wrap: wrap; gap: 10px; font-family: var(--st-font); }
.card { width: 104px; padding: 4px; border: 3px solid; border-radius: 8px; background: transparent; cursor: pointer;
  color: var(--st-text-color); text-align: left; font: inherit; }
.card:hover, .card:focus-visible { background: var(--st-secondary-background-color); outline: none; }
.card.chosen { box-shadow: 0 0 0 3px var(--st-primary-color); }
.card img { width: 90px; height: 90px; image-rendering: pixelated; object-fit: contain; display: block; background: #fff; }
.card div { font-size: 12px; line-height: 1.35; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
"""
JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  let grid = parentElement.querySelector(".grid");
  if (!grid) {
    grid = document.createElement("div");
    grid.className = "grid";
    parentElement.appendChild(grid);
  }
  grid.replaceChildren(...data.cards.map((card) => {
    const button = document.createElement("button");
    button.className = "card" + (card.row === data.chosen ? " chosen" : "");
    button.style.borderColor = card.color;
    button.title = card.hint;
    button.dataset.row = card.row;
    if (card.picture) {
      const picture = document.createElement("img");
      picture.src = card.picture;
      picture.alt = card.hint;
      button.appendChild(picture);
    }
    for (const line of card.lines) {
      const text = document.createElement("div");
      text.textContent = line;
      button.appendChild(text);
    }
    button.onclick = () => setTriggerValue("clicked", card.row);
    return button;
  }));
}
"""


@dataclass(frozen=True)
class Card:
    """One example: its row in the training set, border colour, picture as a data address, lines below it."""

    row: int
    color: str
    lines: Sequence[str]
    hint: str
    picture: str = ""


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component("imae_gallery", css=CSS, js=JS)


def gallery(
    cards: Sequence[Card], *, key: str, chosen: int | None = None, on_click: Callable[[int], None] | None = None
) -> None:
    """Draws the cards, the chosen one ringed; `on_click(row)` runs before the page is drawn anew."""
    if not cards:
        st.info("No example fits this choice.", icon=":material/search_off:")
        return

    def clicked() -> None:
        row = st.session_state[key].clicked
        if row is not None and on_click is not None:
            on_click(int(row))

    payload = {"cards": [asdict(card) for card in cards], "chosen": chosen}
    _component()(data=payload, key=key, on_clicked_change=clicked)
