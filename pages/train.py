"""Train: choose data, noise, losses, net and recipe; see the curves; queue the runs."""

from typing import Any

import numpy as np
import streamlit as st

from imae_core.catalog import LOSSES, MODELS
from imae_core.config import RunConfig
from imae_core.curves import curve_on, uniform_p
from imae_core.data.facts import DatasetFacts, dataset_facts
from imae_core.data.store import is_ready, list_datasets
from imae_core.errors import BadInputError
from imae_core.hardware import cpu_cores, free_disk_bytes
from imae_core.models.choice import default_model
from imae_core.recipes import RECIPES, default_recipe, make_config
from imae_core.runs.machine import training_gpus
from imae_core.runs.status import expected_cost
from imae_core.runs.submit import submit
from ui import cache, figures, frame, live_chart, state, text
from ui.controls import entry_parameters, labels_note, loss_title, noise_controls, own_noise_rate
from ui.errors import shown

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
    return noise_controls(f"noise_{facts.name}", names, facts.mapping, given)


def choose_losses(dataset: str, start: RunConfig | None) -> dict[str, dict[str, Any]]:
    """Names and parameters, which start at the sources' defaults for the data set, with their curves drawn beside them."""
    controls, picture = st.columns([3, 2], gap="large")
    with controls:
        names = st.multiselect(
            "Losses",
            list(LOSSES),
            default=[start.loss.name] if start else ["cce", "mae", "imae"],
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
            given = start.loss.params if start and start.loss.name == name else entry.defaults_for(dataset)
            key = f"loss_{name}" if given == entry.defaults else f"loss_{name}_{dataset}"
            chosen[name] = given | entry_parameters(entry, key, given)
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
    usual = RECIPES[recipe].values.get("model") or default_model(facts.input_shape, on_gpu)
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
    return values | {"recipe": recipe, "model": {"name": model, "params": params}}


def recipe_inputs(base: RunConfig, facts: DatasetFacts, key: str) -> dict[str, Any]:
    a, b, c, d = st.columns(4)
    values: dict[str, Any] = {}
    unit = a.selectbox("Length in", ["epochs", "iterations"], index=0 if base.epochs else 1, key=f"unit_{key}",
                       help="An epoch is one pass over the training set; an iteration is one step of the optimiser.")  # fmt: skip
    values[unit] = a.number_input(unit.capitalize(), 1, 10_000_000, base.epochs if unit == "epochs" and base.epochs
                                  else base.iterations if unit == "iterations" and base.iterations else 100,
                                  key=f"length_{unit}_{key}")  # fmt: skip
    values["batch_size"] = b.number_input("Batch size", 1, 65_536, base.batch_size, key=f"batch_{key}")
    values["lr"] = b.number_input("Learning rate", 1e-6, 100.0, base.lr, 0.01, format="%g", key=f"lr_{key}")
    values["momentum"] = c.number_input("Momentum", 0.0, 0.999, base.momentum, 0.05, format="%g", key=f"momentum_{key}")
    values["weight_decay"] = c.number_input(
        "Weight decay", 0.0, 10.0, base.weight_decay, 1e-4, format="%g", key=f"wd_{key}"
    )
    schedules = ["milestones", "cosine"]
    values["schedule"] = d.selectbox(
        "Schedule", schedules, index=schedules.index(base.schedule), key=f"schedule_{key}",
        help="milestones: divide the learning rate by 10 at 50 % and 75 % of training. cosine: let it fall to 0.",
    )  # fmt: skip
    values["eval_every"] = d.number_input(
        "Evaluate every … epochs", 1, 10_000, base.eval_every, key=f"eval_{key}",
        help="A pass over the training and test set without augmentation; accuracies and detection come from it.",
    )  # fmt: skip
    a, b, c, d = st.columns(4)
    values["augment"] = a.checkbox("Augment (pad-crop, flip)", base.augment, key=f"augment_{key}")
    reductions = ["mean", "weight_sum"]
    reduction = b.selectbox(
        "Reduction", reductions, index=reductions.index(base.loss.reduction), key=f"reduction_{key}",
        help="mean: the paper's formulas. weight_sum: each batch's gradient divided by the sum of its weights, as in the "
        "authors' code; the learning rate then means something else.",
    )  # fmt: skip
    values["reduction"] = reduction
    subset = c.number_input(
        "Training examples", facts.num_classes, facts.num_train, min(base.num_train or facts.num_train, facts.num_train),
        key=f"subset_{key}", help="Fewer than all: a stratified subset.",
    )  # fmt: skip
    values["num_train"] = None if subset == facts.num_train else int(subset)
    folds = b.number_input(
        "Folds", 0, 20, base.num_folds or 0, key=f"folds_{key}",
        help="0: one net on all examples. 2 to 20: that many nets, each trained without the examples that it then judges; "
        "for Clean labels, at that many times the cost.",
    )  # fmt: skip
    values["num_folds"] = int(folds) or None
    values["threads"] = d.number_input("CPU threads", 1, max(cpu_cores(), base.threads), base.threads, key=f"threads_{key}",
                                       help="Part of the config: on a CPU the same threads give the same bits.")  # fmt: skip
    return values


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
    st.subheader("Losses", divider="gray")
    losses = choose_losses(name, start)
    st.subheader("Training", divider="gray")
    values = choose_recipe(facts, on_gpu, start if start and start.dataset == name else None)
    reduction = values.pop("reduction")
    seeds, noise_seed = choose_seeds(start)
    configs = [
        make_config(
            name, facts.input_shape, facts.num_train, on_gpu=on_gpu, device=device, noise=noise, seed=seed,
            noise_seed=noise_seed, loss={"name": loss, "params": params, "reduction": reduction}, **values,
        )
        for loss, params in losses.items()
        for seed in seeds
    ]  # fmt: skip
    st.subheader("Queue", divider="gray")
    if not configs:
        st.info("Choose at least one loss.", icon=":material/arrow_upward:")
    else:
        summary(configs, facts)
        group = st.text_input("Name for these runs together", "", key="group", placeholder="optional")
        label = f"Queue {len(configs)} run{'s' if len(configs) > 1 else ''}"
        if st.button(label, type="primary", icon=":material/rocket_launch:", key="queue"):
            st.session_state[state.NEW_RUNS] = submit(store.home, configs, group)
            cache.statuses.clear()
            st.switch_page("pages/runs.py")
