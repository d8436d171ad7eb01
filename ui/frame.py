"""The frame around every page: navigation and style."""

from typing import Any

import streamlit as st

_ROUTED = "routed"
_STYLE = "<style>[data-testid=stMainBlockContainer] { padding-top: 4.5rem; }</style>"


def navigation() -> Any:
    """The pages that are built, in the order of a first visit; returns the current one.

    They have no icons: a browser would fetch them from another host, as the icon of its tab.
    """
    return st.navigation(
        [
            st.Page("pages/overview.py", title="Overview", default=True),
            st.Page("pages/datasets.py", title="Datasets"),
            st.Page("pages/loss_lab.py", title="Loss lab"),
            st.Page("pages/train.py", title="Train"),
            st.Page("pages/runs.py", title="Runs"),
            st.Page("pages/inspect.py", title="Inspect"),
            st.Page("pages/compare.py", title="Compare"),
            st.Page("pages/studies.py", title="Studies"),
            st.Page("pages/clean_labels.py", title="Clean labels"),
            st.Page("pages/paper.py", title="Paper"),
        ],
        position="top",
    )


def draw(page: Any) -> None:
    """Runs a page inside the frame; called by the router alone."""
    st.session_state[_ROUTED] = True
    st.html(_STYLE)
    page.run()


def require() -> None:
    """Goes through the router if this page was run without it.

    Where a folder `pages/` lies beside the app, Streamlit runs its files on their own until `st.navigation` was called
    once: so it does when a deep link is the first thing that a fresh server is asked for.
    """
    if _ROUTED not in st.session_state:
        st.session_state[_ROUTED] = False
        navigation()
        st.rerun()
