"""Overview: what this is, the first experiment, recent runs, the machine."""

import streamlit as st

from imae_core.hardware import cpu_cores, free_disk_bytes, memory_bytes
from imae_core.runs.machine import runner_is_alive, runner_is_external, training_gpus
from imae_core.runs.service import ensure_runner
from ui import frame, run_list, state, tables, text
from ui.errors import shown

frame.require()
store = state.store()


def paper_experiment() -> list[str]:
    """Queues CCE, MAE and IMAE on digits with 40 % symmetric noise, seed 0."""
    from imae_core.paper.standing import PaperPlan  # loaded by the click: this page is the first one drawn
    from imae_core.runs.submit import submit

    plan = PaperPlan("digits", device="cpu", only=("40",))
    configs = [cell.config for cell in plan.cells(store.home)]
    return submit(store.home, configs, group="The paper's experiment on digits")


st.title("Which examples does a loss listen to?")
st.markdown(
    "Every loss gives each training example a **weight**: how hard the example pulls on the net, measured as the L1 norm of "
    "the loss's gradient with respect to the logits ([IMAE, arXiv 1903.12141](https://arxiv.org/abs/1903.12141)). "
    "Where labels are noisy, that decides whether a net learns the classes or memorises the mistakes. "
    "Here you inject label noise, train with several losses in the background, and see, example by example, "
    "which ones each loss listens to: the :blue[clean] or the :orange[corrupted]."
)
with st.container(horizontal=True, key="first_steps"):
    if st.button(
        "Run the paper's experiment on digits",
        type="primary",
        icon=":material/rocket_launch:",
        key="paper_experiment",
        help="Trains an MLP on 1,297 digits, 40 % of their labels wrong, with CCE, MAE and IMAE. No download, no GPU; "
        "a few seconds a run.",
    ):
        with shown():
            st.session_state[state.NEW_RUNS] = paper_experiment()
            run_list.statuses.clear()
            st.switch_page("pages/runs.py")
    st.page_link("pages/train.py", label="Set up your own runs", icon=":material/tune:")
    st.page_link("pages/datasets.py", label="Look at the data", icon=":material/photo_library:")


@st.fragment(run_every=2.0)
def live() -> None:
    """Recent runs and the machine, fresh every two seconds while somebody looks."""
    statuses = run_list.statuses()
    st.subheader("Recent runs")
    if not statuses:
        st.info(
            "Nothing has run yet. The button above queues three runs and shows them live.",
            icon=":material/hourglass_empty:",
        )
    else:
        tables.run_table(statuses[:8], key="recent_runs")
        done = next((status for status in statuses if status.run.state == "done"), None)
        if done is not None:
            st.page_link(
                "pages/inspect.py",
                label=f"Inspect the latest finished run: {done.run.title}",
                icon=":material/search:",
                query_params={state.RUN: done.run.run_id},
            )
    st.subheader("This machine")
    found = training_gpus(store.home)
    active = [status for status in statuses if not status.run.has_ended]
    alive = runner_is_alive(store)
    columns = st.columns(4)
    columns[0].metric("GPU", f"{len(found)}" if found else "none", help=", ".join(gpu.name for gpu in found) or
                      "No NVIDIA GPU was found; runs compute on the CPU.")  # fmt: skip
    columns[1].metric("CPU cores", cpu_cores(), help=f"{text.size(memory_bytes())} of memory")
    columns[2].metric("Free disk", text.size(free_disk_bytes(store.home)), help="Where run folders are written.")
    columns[3].metric(
        "Runner",
        "working" if alive else "not seen" if runner_is_external() else "asleep",
        help="The background process that starts runs. It starts by itself when you queue something and leaves when idle; "
        "closing this page does not stop it.",
    )
    st.caption(f"All data sets and runs of this app live in `{store.home}` (set by `IMAE_HOME`).")
    if active and not alive:
        st.warning(f"{len(active)} run(s) wait, but no runner is working.", icon=":material/warning:")
        if runner_is_external():
            st.caption(
                "Here the runner is a service of its own: start it where it runs (`docker compose up -d runner`)."
            )
        elif st.button("Start the runner", key="start_runner"):
            ensure_runner(store)


live()
