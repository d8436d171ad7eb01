"""How the net is run: compiled or as it is, mixed or in float32; same results, and a fallback."""

import logging

import numpy as np
import pytest
import torch

from imae_core.models import build_model
from imae_core.recipes import make_config
from imae_core.training.forward import COMPILE_FROM_STEPS, Forward
from tests.training.test_trainer import CPU, Notebook, trained, trainer_for

PICTURES = (3, 32, 32)


def forward_of(model="small_cnn", steps=10, device=CPU, **choices):
    config = make_config("pictures", PICTURES, 1000, model=model, recipe="he", **choices)
    net = build_model(config.model.name, PICTURES, 10, seed=0, **config.model.params)
    return Forward(net, config, device, config.batch_size, steps)


def test_what_is_compiled_depends_on_the_config_alone():
    assert not forward_of(steps=COMPILE_FROM_STEPS["cpu"] - 1).is_compiled
    assert forward_of(steps=COMPILE_FROM_STEPS["cpu"]).is_compiled
    assert forward_of(steps=COMPILE_FROM_STEPS["cuda"], device=torch.device("cuda")).is_compiled
    assert not forward_of("mlp", steps=10**6).is_compiled
    assert not forward_of(steps=10**6, compile="never").is_compiled
    assert forward_of("mlp", steps=1, compile="always").is_compiled
    assert not forward_of().is_mixed
    assert forward_of(precision="mixed").is_mixed
    assert forward_of(device=torch.device("cuda")).is_mixed
    assert not forward_of("mlp", device=torch.device("cuda")).is_mixed
    assert not forward_of(device=torch.device("cuda"), precision="float32").is_mixed


def test_a_failed_compilation_leaves_a_line_in_the_log_and_the_net_as_it_was(caplog, monkeypatch):
    caplog.set_level(logging.WARNING)
    forward = forward_of(compile="always")

    def no_compiler(_inputs):
        forward.model(torch.rand(8, *PICTURES))  # batch norm has moved by then
        raise RuntimeError("InvalidCxxCompiler: No working C++ compiler found\nmore of it")

    monkeypatch.setattr(forward, "_compile", lambda: no_compiler)
    before = {name: value.clone() for name, value in forward.model.state_dict().items()}
    forward.warm_up(torch.rand(128, *PICTURES))
    assert not forward.is_compiled
    assert (
        "could not be compiled and trains as it is (InvalidCxxCompiler: No working C++ compiler found)" in caplog.text
    )
    for name, value in forward.model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert all(parameter.grad is None for parameter in forward.model.parameters())
    assert forward(torch.rand(128, *PICTURES)).shape == (128, 10)


def test_warming_up_changes_nothing_and_full_batches_alone_are_compiled(monkeypatch):
    forward = forward_of(compile="always", batch_size=16)
    seen = []
    monkeypatch.setattr(forward, "_compile", lambda: lambda inputs: seen.append(len(inputs)) or forward.model(inputs))
    before = {name: value.clone() for name, value in forward.model.state_dict().items()}
    forward.warm_up(torch.rand(16, *PICTURES))
    assert all(torch.equal(value, before[name]) for name, value in forward.model.state_dict().items())
    forward(torch.rand(5, *PICTURES))
    assert seen == [16]


def test_mixed_precision_records_in_float32_and_learns_the_same():
    plain, notebook = trained(model="small_cnn", epochs=3, num_train=600)
    mixed, other = trained(model="small_cnn", epochs=3, num_train=600, precision="mixed")
    inputs = plain.train_data.inputs(torch.arange(8))
    assert mixed.forward(inputs).dtype == torch.float32
    first, second = notebook.records[0].seen["p_label"], other.records[0].seen["p_label"]
    np.testing.assert_allclose(second, first, atol=0.1)
    assert not np.array_equal(second, first), "bfloat16 was not used"
    assert mixed.history[-1]["test_accuracy"] == pytest.approx(plain.history[-1]["test_accuracy"], abs=0.1)


def test_a_compiled_run_is_the_same_but_for_rounding_and_resumes_bit_for_bit():
    choices = {"model": "small_cnn", "epochs": 2, "num_train": 200, "batch_size": 64, "compile": "always"}
    plain, _ = trained(**choices | {"compile": "never"})
    compiled, notebook = trained(**choices)
    if not compiled.forward.is_compiled:
        pytest.skip("there is no compiler on this machine")
    assert "compiling" in {progress.phase for progress in notebook.progress}
    for row, other in zip(plain.history, compiled.history, strict=True):
        assert other["train_loss"] == pytest.approx(row["train_loss"], rel=1e-3)
    halted, _ = trained(stop_at=3, **choices)
    resumed = trainer_for(**choices)
    resumed.load(halted.state())
    resumed.run(Notebook())
    for name, value in compiled.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_where_nothing_can_be_compiled_at_all_the_run_goes_on(monkeypatch, caplog):
    monkeypatch.setattr(torch, "compile", lambda *_, **__: 1 / 0)
    trainer, _ = trained(model="small_cnn", epochs=1, num_train=200, batch_size=64, compile="always")
    assert trainer.is_finished
    assert "could not be compiled" in caplog.text
