"""Writing a study down: data, noise, losses with lists of values, settings that vary, seeds, a budget."""

from typing import Any

import streamlit as st

from imae_core.catalog import LOSSES, NOISES, Parameter
from imae_core.data.facts import dataset_facts, offered_noises
from imae_core.data.store import list_datasets
from imae_core.errors import BadInputError
from imae_core.recipes import RECIPES
from imae_core.runs.machine import training_gpus
from imae_core.studies import FACTORS, Study, parse_study
from imae_core.studies.parsing import parse_settings, parse_values
from imae_core.studies.presets import PRESETS, preset
from imae_core.studies.progress import expected_study_cost
from imae_core.studies.results import factor_title
from imae_core.studies.store import cells_of, create_study, study_path
from ui import state, text
from ui.controls import entry_parameters, loss_title
from ui.errors import shown

# what a table of its own or another data set describes
NEED_MORE = ("transition_matrix", "mixture", "open_set")
HINTS = {
    "lr": "0.01, 0.03, 0.1", "loss.reduction": "mean, weight_sum", "normalize": "default, standardize",
    "sampler": "shuffle, class_balanced", "recipe": ", ".join(RECIPES), "model": "mlp, small_cnn", "epochs": "100",
}  # fmt: skip


def draw_create() -> None:
    """Ready-made studies, and the form for one's own."""
    home = state.store().home
    ready = [name for name in PRESETS if not study_path(home, name).exists()]
    if ready:
        st.markdown("**Ready to run**")
        for name in ready:
            with st.container(horizontal=True, vertical_alignment="center"):
                study = preset(name)
                if st.button(f"Create {name}", key=f"preset_{name}", icon=":material/add:"):
                    with shown():
                        _create(study)
                st.caption(f"{study.description} {len(cells_of(home, study))} runs.")
    st.markdown("**Your own**")
    with shown():
        _form()


def _form() -> None:
    home = state.store().home
    values = _data_and_noise() | {"losses": _losses()} | _settings()
    seeds, budget = st.columns(2)
    values["seeds"] = _whole_numbers(
        seeds.text_input("Seeds", "0, 1, 2", key="study_seeds", help="Every loss is trained once with each: initial weights, order, and "
                         "label noise follow from it. Two are the least for a test, five are better."))  # fmt: skip
    hours = budget.number_input("Budget in hours of machine time", 0.0, 10_000.0, 0.0, 0.5, format="%g", key="study_budget",
                                help="Once so much was spent, no further run is started; those queued are stopped. 0: no limit.")  # fmt: skip
    values["max_hours"] = hours or None
    name = st.text_input(
        "Name", "", key="study_name", placeholder="such as digits-T", help="Letters, digits, '_', '-' and '.'."
    )
    if not values["losses"]:
        st.info("Choose at least one loss.", icon=":material/arrow_upward:")
        return
    study = parse_study(values | {"name": name or "new"})
    cells = cells_of(home, study)
    cost = expected_study_cost(home, study, cells)
    columns = st.columns(3)
    columns[0].metric(
        "Runs", f"{len(cells):,}", help="Losses × noise rates × seeds × settings, each distinct one once."
    )
    columns[1].metric("Machine time", "not measured yet" if cost.seconds is None else f"about {text.duration(cost.seconds)}",
                      help="From runs of the same net and data that finished here; divided by the runs at a time.")  # fmt: skip
    columns[2].metric("Disk", f"up to {text.size(cost.disk_bytes)}")
    if st.button("Create the study", type="primary", icon=":material/add:", key="create_study", disabled=not name,
                 help="Writes it down; nothing runs until it is queued."):  # fmt: skip
        _create(study)


def _create(study: Study) -> None:
    create_study(state.store().home, study)
    st.session_state.pop(state.STUDY, None)
    st.query_params[state.STUDY] = study.name
    st.rerun()


def _data_and_noise() -> dict[str, Any]:
    store = state.store()
    records = {record.name: record for record in list_datasets(store.home)}
    state.start_with(study_dataset="digits", study_rates=[0, 40, 80])
    a, b, c, d = st.columns(4)
    dataset = a.selectbox("Data set", list(records), format_func=lambda name: records[name].title, key="study_dataset")
    kinds = [kind for kind in offered_noises(dataset_facts(store.home, dataset)) if kind not in NEED_MORE]
    noise = b.selectbox("Noise model", kinds, format_func=lambda kind: NOISES[kind].title, key="study_noise",
                        help="How wrong labels come about. Matrices, mixtures and open sets: `imae study create --noise-param`.")  # fmt: skip
    rates = c.multiselect("Noise rates in %", list(range(0, 100, 5)), key="study_rates",
                          help="The columns of the study's table. 0 trains on the labels as they are.")  # fmt: skip
    recipes = ["", *RECIPES]
    recipe = d.selectbox("Recipe", recipes, key="study_recipe", format_func=lambda name: RECIPES[name].title if name else "by the data",
                         help="Optimiser, schedule and length. " + " ".join(f"**{r.title}**: {r.summary}" for r in RECIPES.values()))  # fmt: skip
    if not rates:
        raise BadInputError("choose at least one noise rate")
    entry = NOISES[noise]
    params = entry_parameters(entry, f"study_noise_{noise}") if entry.numbers else {}
    return {
        "dataset": dataset, "noise": noise, "noise_params": params, "noise_rates": [rate / 100 for rate in sorted(rates)], "recipe": recipe or None,
        "on_gpu": bool(training_gpus(store.home)),
    }  # fmt: skip


def _losses() -> list[dict[str, Any]]:
    state.start_with(study_losses=["cce", "mae", "imae"])
    names = st.multiselect("Losses", list(LOSSES), format_func=loss_title, key="study_losses",
                           help="The rows of the study's table. Several values of a parameter, with commas, are a row each.")  # fmt: skip
    chosen = []
    for name in names:
        entry = LOSSES[name]
        params: dict[str, Any] = {}
        if entry.numbers:
            columns = st.columns(max(3, len(entry.numbers)))
            for column, parameter in zip(columns, entry.numbers, strict=False):
                values = parse_values(_values_input(column, entry.title, parameter, f"study_{name}_{parameter.name}"))
                params[parameter.name] = values or [parameter.default]
        chosen.append({"name": name, "params": params})
    return chosen


def _values_input(column: Any, owner: str, parameter: Parameter, key: str) -> str:
    help_text = (
        f"One value, or several with commas. {parameter.help} Range {parameter.allowed}; default {parameter.default:g}."
    )
    return str(
        column.text_input(
            f"{owner.split(' (')[0]}: {parameter.name}", f"{parameter.default:g}", key=key, help=help_text
        )
    )


def _settings() -> dict[str, Any]:
    """Settings beside the recipe: one value holds for all runs, several vary."""
    names = st.multiselect(
        "Other settings", list(FACTORS), format_func=factor_title, key="study_settings", placeholder="as the recipe says",
        help="What is changed in the recipe. One value holds for all runs; several values, with commas, vary.",
    )  # fmt: skip
    texts = []
    for place, name in enumerate(names):
        if place % 3 == 0:
            columns = st.columns(3)
        written = columns[place % 3].text_input(
            factor_title(name), key=f"study_set_{name}", placeholder=HINTS.get(name, "")
        )
        if written.strip():
            texts.append(f"{name}={written}")
    factors, fixed = parse_settings(texts)
    found: dict[str, Any] = {"factors": factors, "overrides": fixed}
    if len(factors) > 1:
        found["design"] = st.radio(
            "How they vary", ["one_at_a_time", "product"], horizontal=True, key="study_design",
            format_func=lambda name: {"one_at_a_time": "one at a time", "product": "every combination"}[name],
            help="One at a time: each setting is changed while the others stay as the recipe says; asks what each is worth alone.",
        )  # fmt: skip
    elif factors:
        found["design"] = "one_at_a_time"
    return found


def _whole_numbers(written: str) -> list[int]:
    try:
        return [int(part) for part in written.replace(" ", ",").split(",") if part]
    except ValueError:
        raise BadInputError(f"seeds must be whole numbers, such as 0, 1, 2; got {written!r}") from None
