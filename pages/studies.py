"""Studies: losses x noise rates x seeds x settings as one thing; how far it is, and what it found."""

import streamlit as st

from imae_core.studies.progress import study_progress
from imae_core.studies.results import study_results
from imae_core.studies.store import list_studies, load_study
from ui import frame, state
from ui.errors import shown
from ui.studies.create import draw_create
from ui.studies.progress import draw_actions, draw_list, draw_progress, follow, metric_choice
from ui.studies.results import draw_results

frame.require()
home = state.store().home


def draw(name: str) -> None:
    study = load_study(home, name)
    if study.description:
        st.caption(study.description)
    progress = study_progress(home, study)
    if progress.is_going:
        follow(name, progress.counts)
    else:
        draw_progress(progress)
    draw_actions(progress)
    if not progress.counts["done"]:
        st.info(
            f"No run has finished yet. Queue them above, or run `imae study here {name} --jobs 2` in a terminal: it imports torch once "
            "instead of once a run.",
            icon=":material/hourglass_empty:",
        )
        return
    st.subheader("Losses by noise rates", divider="gray")
    draw_results(study_results(home, progress), metric_choice())


st.title("Studies")
st.caption("Many runs planned as one: losses × noise rates × seeds, and maybe settings that vary. Finished runs are never run again, so a "
           "study can be stopped, resumed and widened.")  # fmt: skip
with shown():
    names = [study.name for study in list_studies(home)]
    if names:
        options = ["", *names]
        state.from_link(state.STUDY, options, "")
        chosen = st.selectbox(
            "Study", options, key=state.STUDY, format_func=lambda name: name or "all studies", width=420
        )
        state.to_link(study=chosen or None)
        if chosen:
            draw(chosen)
            st.stop()
        draw_list()
    else:
        st.info("There are no studies yet. Create a ready-made one, or your own.", icon=":material/hourglass_empty:")
    with st.expander("New study", icon=":material/add:", expanded=not names):
        draw_create()
