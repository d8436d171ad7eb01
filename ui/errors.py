"""Turning expected errors into messages; anything else goes to the log and stays loud."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from imae_core.errors import ImaeError


@contextmanager
def shown() -> Iterator[None]:
    """Shows an ImaeError raised inside as a message on the page and goes on after the block."""
    try:
        yield
    except ImaeError as error:
        text = str(error)
        st.error(text[:1].upper() + text[1:], icon=":material/error:")
