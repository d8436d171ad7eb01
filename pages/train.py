"""Train: choose data, noise, losses, net and recipe; see the curves; queue the runs."""

from typing import Any

import numpy as np
import streamlit as st

from imae_core.catalog import LOSSES, MODELS
from imae_core.config import LossConfig, RunConfig
from imae_core.curves import curve_on, uniform_p
from imae_core.data.facts import DatasetFacts, dataset_facts
from imae_core.data.store import is_ready, list_datasets
from imae_core.errors import BadInputError
from imae_core.hardware import free_disk_bytes
from imae_core.models.choice import default_model
from imae_core.recipes import RECIPES, default_recipe, make_config
from imae_core.runs.machine import training_gpus
from imae_core.runs.status import expected_cost
from imae_core.runs.submit import submit
from ui import cache, figures, frame, live_chart, run_list, state, text
from ui.controls import entry_parameters, labels_note, loss_title, noise_controls, own_noise_rate, picture_sources
from ui.errors import shown
from ui.lab.curves import from_text
from ui.lab.own import own_parameters
from ui.noise_preview import noise_preview
from ui.recipe import recipe_inputs

frame.require()
store = state.store()


def cloned() -> RunConfig | None:
    """The config of the run to start from, if the address bar names one."""
    run_id = st.query_params.get(state.CLONE)
    if not run_id:
        return None
    with shown():
        run = store.get(run_id)
        st.caption(f"Starts from the settings of {run.title} · `{run.run_id}`")
        return run.config
    return None


def choose_noise(facts: DatasetFacts, start: RunConfig | None) -> dict[str, Any]:
    """Label noise; data that brings its own, or that nobody vouched for, starts at 0 %."""
    names = tuple(str(label) for label in range(facts.num_classes))
    given = start.noise.model_dump() if start else {}
    if is_ready(store.home, facts.name):
        data = cache.dataset(facts.name)
        names = data.class_names
        own = own_noise_rate(data)
        labels_note(data.labels_are_true, own)
        if own is not None or not data.labels_are_true:
            given = given or {"rate": 0.0}
    return noise_controls(f"noise_{facts.name}", facts, names, picture_sources(records.values(), facts.name), given)


def preview_noise(facts: DatasetFacts, config: RunConfig) -> None:
    """What the first run's noise does, where the data set is here; drawn when it is opened."""
    with st.expander(
        "What this noise does", icon=":material/visibility:", key="noise_preview", on_change="rerun"
    ) as box:
        if not box.open:
            return
        if not is_ready(store.home, facts.name):
            st.caption(f"{facts.title} is not here yet; fetch it on Datasets to see.")
            return
        st.caption(f"Noise seed {config.noise_seed}; the choice of the training examples depends on it, too.")
        noise_preview(config, "train_preview")


def first_losses(start: RunConfig | None) -> dict[str, dict[str, Any]]:
    """Names and parameters to start with: of a link from the Loss lab, of the run that is cloned, else the paper's three."""
    linked = st.query_params.get(state.CURVES)
    if linked:
        return dict(from_text(linked))
    return (
        {start.loss.name: start.loss.params}
        if start
        else {name: LOSSES[name].defaults for name in ("cce", "mae", "imae")}
    )


def choose_losses(dataset: str, start: RunConfig | None) -> dict[str, dict[str, Any]]:
    """Names and parameters, which start at the sources' defaults for the data set, with their curves drawn beside them."""
    controls, picture = st.columns([3, 2], gap="large")
    first = first_losses(start)
    with controls:
        names = st.multiselect(
            "Losses",
            list(LOSSES),
            default=list(first),
            format_func=loss_title,
            key="losses",
            help="One run is queued for each loss and seed. Losses of p, the probability of the given label, alone have the same "
            "gradient direction; what differs is the weight that they give each example. The others differ in both.",
        )
        chosen: dict[str, dict[str, Any]] = {}
        for name in names:
            entry = LOSSES[name]
            needs = f" It needs {entry.needs}." if entry.needs else ""
            st.markdown(f"**{entry.title}**  \n{entry.summary}{needs} L = {entry.formula} · {entry.source}")
            usual = entry.defaults_for(dataset)
            given = first.get(name, usual)
            key = f"loss_{name}" if usual == entry.defaults else f"loss_{name}_{dataset}"
            chosen[name] = given | entry_parameters(entry, key, given)
            chosen[name] |= own_parameters(entry, key, given, chosen[name].get("smooth", 1))
            entry.validate(chosen[name])
    with picture:
        st.markdown("**How much each example weighs**")
        p = uniform_p()
        curves = {
            loss_title(name).split(" (")[0]: curve_on(name, p, **params)
            for name, params in chosen.items()
            if LOSSES[name].has_curve
        }
        if curves:
            live_chart.chart(figures.weighting_curves(curves, p), key="loss_curves")
            st.caption(
                "Left: examples whose given label the net finds unlikely, where wrong labels gather. Right: examples that it "
                "has fitted."
            )
        measured = [loss_title(name).split(" (")[0] for name in chosen if not LOSSES[name].has_curve]
        if measured:
            st.caption(
                f"No curve for {', '.join(measured)}: there the weight depends on the whole prediction, not on p alone. "
                "It is measured for every example while it trains; Inspect shows it."
            )
    return chosen


def choose_recipe(facts: DatasetFacts, on_gpu: bool, start: RunConfig | None) -> dict[str, Any]:
    """Net, recipe and what departs from it."""
    names = list(RECIPES)
    left, right = st.columns(2)
    with left:
        recipe = st.selectbox(
            "Recipe", names, index=names.index(default_recipe(facts.input_shape, on_gpu)),
            format_func=lambda name: RECIPES[name].title, key="recipe",
            help="Optimiser, schedule and length. " + " ".join(f"**{r.title}**: {r.summary}" for r in RECIPES.values()),
        )  # fmt: skip
        st.caption(RECIPES[recipe].summary)
    models = list(MODELS)
    usual = (RECIPES[recipe].model or {"name": default_model(facts.input_shape, on_gpu)})["name"]
    with right:
        model = st.selectbox(
            "Net", models, index=models.index(start.model.name if start else usual),
            format_func=lambda name: MODELS[name].title, key=f"model_{recipe}_{facts.name}",
        )  # fmt: skip
        st.caption(MODELS[model].summary)
    base = start or make_config(
        facts.name, facts.input_shape, facts.num_train, on_gpu=on_gpu, recipe=recipe, model=model
    )
    with st.expander("Change the recipe", icon=":material/tune:", expanded=start is not None):
        values = recipe_inputs(base, facts, f"{recipe}_{model}_{facts.name}")
    params = dict(base.model.params) if base.model.name == model else {}
    kept = {"milestones": base.milestones, "lr_drop": base.lr_drop, "warmup": base.warmup}
    return values | kept | {"recipe": recipe, "model": {"name": model, "params": params}}


def choose_seeds(start: RunConfig | None) -> tuple[list[int], int | None]:
    left, right = st.columns(2)
    written = left.text_input("Seeds", str(start.seed) if start else "0", key="seeds",
                              help="Of weights, order and augmentation. Several, with commas: one run each.")  # fmt: skip
    fixed = right.text_input(
        "Noise seed", "" if start is None or start.noise_seed == start.seed else str(start.noise_seed), key="noise_seed",
        placeholder="same as the seed",
        help="Of the label noise alone. Set it to give every seed the same wrong labels.",
    )  # fmt: skip
    try:
        seeds = sorted({int(part) for part in written.replace(" ", ",").split(",") if part})
        noise_seed = int(fixed) if fixed.strip() else None
    except ValueError:
        raise BadInputError(f"seeds must be whole numbers, such as 0, 1, 2; got {written!r} and {fixed!r}") from None
    if not seeds:
        raise BadInputError("give at least one seed, such as 0")
    return seeds, noise_seed


def summary(configs: list[RunConfig], facts: DatasetFacts) -> None:
    """How many runs, how long, how much disk."""
    costs = [expected_cost(store, config, facts.num_train, facts.num_classes) for config in configs]
    known = [cost.seconds for cost in costs if cost.seconds is not None]
    disk = sum(cost.disk_bytes for cost in costs)
    free = free_disk_bytes(store.home)
    time_text = "known after the first epoch"
    if known:
        time_text = f"about {text.duration(float(np.mean(known)))} a run (measured here)"
    columns = st.columns(3)
    columns[0].metric("Runs", len(configs))
    columns[1].metric("Time", text.duration(float(np.mean(known)) * len(configs)) if known else "not measured yet",
                      help=f"{time_text}; one after another. Start-up of a few seconds a run comes on top.")  # fmt: skip
    columns[2].metric("Disk", f"up to {text.size(disk)}", help=f"{text.size(free)} are free")
    if disk > free:
        st.error(
            f"These runs may need {text.size(disk)}, but only {text.size(free)} are free.", icon=":material/error:"
        )


st.title("Train")
st.caption("Choose data, label noise and losses; the runs train in the background, and go on when you close this page.")
start = cloned()
with shown():
    records = {record.name: record for record in list_datasets(store.home)}
    state.from_link(state.DATASET, list(records), start.dataset if start and start.dataset in records else "digits")
    left, right = st.columns(2)
    name = left.selectbox("Data set", list(records), format_func=lambda n: records[n].title, key=state.DATASET)
    found = training_gpus(store.home)
    devices = ["auto", "cpu", *(f"cuda:{gpu.index}" for gpu in found)]
    device = right.selectbox(
        "Device", devices, index=devices.index(start.device) if start and start.device in devices else 0, key="device",
        help="auto: a GPU if there is one, else the CPU.",
    )  # fmt: skip
    on_gpu = device.startswith("cuda") or (device == "auto" and bool(found))
    facts = dataset_facts(store.home, name)
    ready = records[name].ready
    st.caption(f"{facts.num_train:,} training and {facts.num_test:,} test examples in {facts.num_classes} classes. "
               + ("" if ready else "**Not here yet**: fetch it on Datasets first, or the first run will."))  # fmt: skip
    st.subheader("Label noise", divider="gray")
    noise = choose_noise(facts, start if start and start.dataset == name else None)
    noise_place = st.container()  # filled when seeds and the choice of examples are known
    st.subheader("Losses", divider="gray")
    losses = choose_losses(name, start)
    st.subheader("Training", divider="gray")
    values = choose_recipe(facts, on_gpu, start if start and start.dataset == name else None)
    of_the_loss = {
        "reduction": values.pop("reduction"),
        "max_log_odds": (start.loss if start else LossConfig()).max_log_odds,
    }
    seeds, noise_seed = choose_seeds(start)
    configs = [
        make_config(
            name, facts.input_shape, facts.num_train, on_gpu=on_gpu, device=device, noise=noise, seed=seed,
            noise_seed=noise_seed, loss={"name": loss, "params": params, **of_the_loss}, **values,
        )
        for loss, params in losses.items()
        for seed in seeds
    ]  # fmt: skip
    if configs:
        with noise_place:
            preview_noise(facts, configs[0])
    st.subheader("Queue", divider="gray")
    if not configs:
        st.info("Choose at least one loss.", icon=":material/arrow_upward:")
    else:
        summary(configs, facts)
        group = st.text_input("Name for these runs together", "", key="group", placeholder="optional")
        label = f"Queue {len(configs)} run{'s' if len(configs) > 1 else ''}"
        if st.button(label, type="primary", icon=":material/rocket_launch:", key="queue"):
            st.session_state[state.NEW_RUNS] = submit(store.home, configs, group)
            run_list.statuses.clear()
            st.switch_page("pages/runs.py")
