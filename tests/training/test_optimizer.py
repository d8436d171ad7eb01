"""The optimiser: what it was for old configs, its groups, Nesterov by hand; the learning rate's triangle by hand."""

import pytest
import torch

from imae_core.models import build_model
from imae_core.recipes import make_config
from imae_core.training.optimizer import build_optimizer, norm_biases, set_lr
from imae_core.training.schedule import lr_at


def config(**choices):
    return make_config("cifar10", (3, 32, 32), 50_000, **{"recipe": "small", "lr": 0.5, "weight_decay": 0.01} | choices)


@pytest.mark.parametrize("name", ["mlp", "small_cnn", "resnet20"])
def test_by_default_it_is_plain_sgd_over_all_parameters_in_order(name):
    model = build_model(name, (3, 32, 32), 10, seed=0)
    optimizer = build_optimizer(config(model=name), model)
    (group,) = optimizer.param_groups
    assert [id(parameter) for parameter in group["params"]] == [id(parameter) for parameter in model.parameters()]
    assert (group["lr"], group["weight_decay"]) == (0.5, 0.01)
    assert (optimizer.momentum, optimizer.nesterov) == (0.9, False)


@pytest.mark.parametrize("choices", [{}, {"nesterov": True}, {"momentum": 0.0}, {"norm_bias_lr_factor": 8.0}])
def test_it_moves_and_remembers_as_torch_does(choices):
    """Also in channels last, and from a checkpoint of torch's own class on."""
    models = [
        build_model("fast_cnn", (3, 32, 32), 10, seed=0, width=4).to(memory_format=torch.channels_last)
        for _ in range(3)
    ]
    chosen = config(**choices)
    ours, again = build_optimizer(chosen, models[0]), build_optimizer(chosen, models[2])
    place_of = {id(parameter): place for place, parameter in enumerate(models[0].parameters())}
    own = list(models[1].parameters())
    groups = [{**group, "params": [own[place_of[id(p)]] for p in group["params"]]} for group in ours.param_groups]
    torchs = torch.optim.SGD(groups, momentum=chosen.momentum, nesterov=chosen.nesterov)
    generator = torch.Generator().manual_seed(0)
    for step in range(4):
        if step == 2:
            models[2].load_state_dict(models[1].state_dict())
            again.load_state_dict(torchs.state_dict())
        for optimizer, model in ((ours, models[0]), (torchs, models[1]), (again, models[2])):
            optimizer.zero_grad()
            set_lr(optimizer, 0.1 + step)
            inputs = torch.rand(8, 3, 32, 32, generator=generator.manual_seed(step)).to(
                memory_format=torch.channels_last
            )
            model(inputs).square().mean().backward()
            optimizer.step()
    for other in (models[0], models[2]):
        for (name, value), mine in zip(models[1].named_parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(mine, value, rtol=1e-4, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}")
    for place, kept in torchs.state_dict()["state"].items():
        if kept.get("momentum_buffer") is not None:
            mine = ours.state_dict()["state"][place]["momentum_buffer"]
            torch.testing.assert_close(mine, kept["momentum_buffer"], rtol=1e-3, atol=1e-5)


def test_a_gradient_of_another_layout_is_refused():
    layer = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    optimizer = build_optimizer(config(), layer)
    layer.weight.grad = torch.ones(4, 3, 3, 3)
    with pytest.raises(ValueError, match="laid out like its parameter"):
        optimizer.step()


def test_norm_biases_get_the_factor_and_decay_as_all_others_do():
    model = build_model("fast_cnn", (3, 32, 32), 10, seed=0, width=4)
    optimizer = build_optimizer(config(norm_bias_lr_factor=8.0), model)
    others, biases = optimizer.param_groups
    assert [id(p) for p in biases["params"]] == [id(p) for p in norm_biases(model)]
    assert len(biases["params"]) == 6
    learned = {id(p) for p in model.parameters() if p.requires_grad}
    assert {id(p) for p in [*others["params"], *biases["params"]]} == learned
    set_lr(optimizer, 0.25)
    assert (others["lr"], biases["lr"]) == (0.25, 2.0)
    assert others["lr"] * others["weight_decay"] == biases["lr"] * biases["weight_decay"] == 0.25 * 0.01


def test_a_net_without_batch_norm_has_one_group():
    optimizer = build_optimizer(config(norm_bias_lr_factor=8.0), build_model("mlp", (8,), 2, seed=0))
    assert len(optimizer.param_groups) == 1


def test_checkpoints_from_before_factors_are_gone_on_with():
    model = build_model("mlp", (8,), 2, seed=0)
    old = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9, weight_decay=0.01).state_dict()
    optimizer = build_optimizer(config(model="mlp"), model)
    optimizer.load_state_dict(old)
    set_lr(optimizer, 0.125)
    assert optimizer.param_groups[0]["lr"] == 0.125


def test_nesterov_by_hand():
    """Gradient 1 at every step, no decay: the buffer is 1, then 1.5; the steps are 1 + 0.5 * 1 and 1 + 0.5 * 1.5."""
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(layer.weight)
    optimizer = build_optimizer(config(nesterov=True, momentum=0.5, lr=1.0, weight_decay=0.0), layer)
    for expected in (-1.5, -3.25):
        layer.weight.grad = torch.ones(1, 1)
        optimizer.step()
        assert float(layer.weight.detach()) == expected


def test_the_triangle_by_hand():
    """100 steps, its peak at 25: 0.2 at first, half way up 0.6, half way down (1 + 0.07) / 2, one 75th above 0.07 at last."""
    triangle = config(schedule="triangle", warmup=0.25, lr=2.0)
    rates = [lr_at(triangle, step, 100) / 2.0 for step in range(100)]
    assert [rates[step] for step in (0, 1, 12, 25, 26)] == pytest.approx([0.2, 0.232, 0.584, 1.0, 0.9876])
    assert rates[99] == pytest.approx(0.07 + 0.93 / 75)
    assert max(rates) == rates[25]
    assert lr_at(triangle, 0, 1) == pytest.approx(0.4), "a run of one step"
