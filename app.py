"""The dashboard's router: which pages there are, and the frame around them. Run with `make run`."""

import streamlit as st

st.set_page_config(page_title="IMAE: which examples does a loss listen to?", page_icon="⚖️", layout="wide")

page = st.navigation(
    [
        st.Page("pages/overview.py", title="Overview", icon=":material/home:", default=True),
        st.Page("pages/datasets.py", title="Datasets", icon=":material/photo_library:", url_path="datasets"),
        st.Page("pages/train.py", title="Train", icon=":material/play_circle:", url_path="train"),
        st.Page("pages/runs.py", title="Runs", icon=":material/list_alt:", url_path="runs"),
        st.Page("pages/inspect.py", title="Inspect", icon=":material/search:", url_path="inspect"),
    ],
    position="top",
)
st.html("<style>[data-testid=stMainBlockContainer] { padding-top: 4.5rem; }</style>")
page.run()
