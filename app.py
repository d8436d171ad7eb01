"""The dashboard's router. Run with `make run`."""

import streamlit as st

from ui import frame

st.set_page_config(page_title="IMAE: which examples does a loss listen to?", page_icon="⚖️", layout="wide")
frame.draw(frame.navigation())
