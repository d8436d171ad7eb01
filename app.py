"""The dashboard: `streamlit run app.py` imports it once for the server, then runs it as a script for every view."""

import streamlit as st

from ui import frame, server

if __name__ == "__main__":
    st.set_page_config(page_title="IMAE: which examples does a loss listen to?", layout="wide")
    frame.draw(frame.navigation())
else:
    app = st.App(__file__, lifespan=server.lifespan, routes=server.routes())
