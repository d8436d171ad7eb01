"""The dashboard's router. Run with `make run`."""

from pathlib import Path

import streamlit as st

from ui import frame

st.set_page_config(
    page_title="IMAE: which examples does a loss listen to?",
    page_icon=str(Path(__file__).parent / "ui" / "icon.png"),
    layout="wide",
)
frame.draw(frame.navigation())
