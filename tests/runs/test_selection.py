"""Choosing among stored runs: which parameter varies, for which data and noise, in words."""

import pytest

from imae_core.analysis.parameters import flat_parameters
from imae_core.errors import BadInputError
from imae_core.recipes import make_config
from imae_core.runs.selection import select_among, selections
from imae_core.runs.store import Store
from imae_core.runs.submit import create_run
from tests.runs.folders import result

ACCURACIES = {0: (0.50, 0.52), 4: (0.56, 0.57), 8: (0.55, 0.575)}


def stored(home, accuracy, test, done=True, **choices):
    config = make_config("digits", (1, 8, 8), 1297, **{"noise": {"rate": 0.4}} | choices)
    folder = create_run(home, config)
    store = Store(home)
    store.add(folder.run_id, config, executor="local", state="done" if done else "running")
    if done:
        values = {"validation_accuracy_given": accuracy, "final_test_accuracy": test}
        folder.write_result(result(folder.run_id, config, 1038, True) | values)
    return store.get(folder.run_id), folder


def values_of_t(home, accuracies=ACCURACIES, **choices):
    return [
        stored(home, accuracy, 0.9 - abs(T - 8) / 100, loss={"name": "imae", "params": {"T": T}}, seed=seed, **choices)
        for T, values in accuracies.items()
        for seed, accuracy in enumerate(values)
    ]


def test_the_varying_parameter_is_found_and_the_choice_said(home):
    runs = [
        *values_of_t(home),
        stored(home, None, None, done=False, loss={"name": "imae", "params": {"T": 16}}, seed=0),
    ]
    chosen = select_among(runs)
    assert (chosen.field, chosen.title, chosen.selection.chosen, chosen.num_unfinished) == (
        "loss.params.T",
        "T",
        4.0,
        1,
    )
    text = " ".join(chosen.sentences())
    assert (
        "T = 4 is chosen: 56.5 % of the held-out rows are predicted as their given label, the highest mean over 2 seeds"
        in text
    )
    assert "Within one standard error of it, so not told apart: T = 8." in text
    assert "86.0 %, 4.0 points below the best value, T = 8 with 90.0 %; rank correlation 0.50" in text
    assert "shows as 0.56 points" in text
    assert "1 unfinished runs" in text
    assert "From 2 seeds the standard error itself is rough" in text
    plain = chosen.as_json()
    assert [row["value"] for row in plain["values"]] == [0.0, 4.0, 8.0]
    assert plain["truth"]["regret"] == pytest.approx(0.04)


def test_parts_by_noise_and_loss(home):
    runs = [*values_of_t(home), *values_of_t(home, noise={"rate": 0.2}), stored(home, 0.5, 0.9, loss={"name": "cce"})]
    found = selections(runs)
    assert list(found) == ["IMAE · digits · Symmetric 40 %", "IMAE · digits · Symmetric 20 %"]
    assert "shows as 0.78 points" in found["IMAE · digits · Symmetric 20 %"].note


def test_other_parameters_and_losses(home):
    rates = [stored(home, accuracy, 0.9, lr=lr) for lr, accuracy in ((0.1, 0.4), (0.01, 0.5))]
    assert select_among(rates).sentences()[0].startswith("learning rate = 0.01 is chosen")
    losses = [stored(home, accuracy, 0.9, loss={"name": name}) for name, accuracy in (("cce", 0.4), ("gce", 0.5))]
    assert select_among(losses).sentences()[0].startswith("GCE is chosen")
    assert list(selections(losses)) == ["digits · Symmetric 40 %"]


def test_runs_that_differ_in_more_are_refused(home):
    runs = values_of_t(home)
    with pytest.raises(BadInputError, match="these differ in learning rate, T|these differ in T, learning rate"):
        select_among([*runs, stored(home, 0.5, 0.9, loss={"name": "imae", "params": {"T": 2}}, lr=0.01)])
    with pytest.raises(BadInputError, match="these differ in nothing but their seeds"):
        select_among(runs[:2])
    with pytest.raises(BadInputError, match="these differ in noise rate"):
        select_among([stored(home, 0.5, 0.9, noise={"rate": rate}) for rate in (0.2, 0.4)])
    with pytest.raises(BadInputError, match="differ in nothing but their seeds"):
        selections(runs[:2])


@pytest.mark.parametrize(
    "noise", [{"rate": 0.0}, {"kind": "feature", "rate": 0.4}, {"kind": "instance_dependent", "rate": 0.4}]
)
def test_what_is_no_noise_of_classes_promises_nothing(home, noise):
    chosen = select_among(values_of_t(home, noise=noise))
    assert "an assumption here" in chosen.note


def test_the_version_is_no_parameter():
    assert "format_version" not in flat_parameters({"format_version": 2, "lr": 0.1})
