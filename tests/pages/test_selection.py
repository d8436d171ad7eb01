"""The choice without clean labels, as a page draws it."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.runs.test_selection import stored, values_of_t


def page():
    from imae_core.home import resolve_home
    from imae_core.runs.status import all_statuses
    from imae_core.runs.store import Store
    from ui.studies.selection import draw_selection

    draw_selection(all_statuses(Store(resolve_home())))


@pytest.fixture
def app(home):
    st.cache_resource.clear()
    return AppTest.from_function(page, default_timeout=30)


def test_table_figure_and_sentences(app, home):
    values_of_t(home)
    app.run()
    assert not app.exception, app.exception
    table = app.dataframe[0].value
    assert table["T"].tolist() == ["0", "4", "8"]
    assert table["apart"].tolist() == ["yes", "chosen", "no"]
    assert table["validation"].tolist() == pytest.approx([0.51, 0.565, 0.5625])
    assert "T = 4 is chosen" in app.markdown[0].value
    assert [e.proto.component_name for e in app.get("bidi_component")] == ["imae_chart"]


def test_parts_are_offered(app, home):
    values_of_t(home)
    values_of_t(home, noise={"rate": 0.2})
    app.run()
    options = app.selectbox[0].options
    assert sorted(options) == ["IMAE · digits · Symmetric 20 %", "IMAE · digits · Symmetric 40 %"]
    app.selectbox[0].select("IMAE · digits · Symmetric 20 %").run()
    assert "shows as 0.78 points" in app.markdown[0].value


def test_why_nothing_can_be_chosen_is_said(app, home):
    stored(home, 0.5, 0.9)
    app.run()
    assert "these differ in nothing but their seeds" in app.info[0].value
