"""The whole state of a trainer between any two steps, as tensors, numbers and lists."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from imae_core.training.trainer import Trainer


def state_of(trainer: "Trainer") -> dict[str, Any]:
    """Everything needed to go on bit for bit."""
    return {
        "model": trainer.model.state_dict(),
        "optimizer": trainer.optimizer.state_dict(),
        "criterion": trainer.criterion.state_dict(),
        "order_generator": trainer.order_generator.get_state(),
        "augment_generator": trainer.augment_generator.get_state(),
        "recorder": trainer.recorder.state(),
        "trajectories": {
            name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
            for name, value in trainer.trajectories.state().items()
        },
        "place": {
            "step": trainer.step,
            "epoch": trainer.epoch,
            "batch": trainer.batch,
            "seconds": trainer.epoch_seconds,
        },
        "order": trainer.order.cpu(),
        "loss_sum": trainer.loss_sum,
        "history": trainer.history,
    }


def put_back(trainer: "Trainer", state: Mapping[str, Any]) -> None:
    """Puts a trainer of the same choices where `state` was taken."""
    trainer.model.load_state_dict(state["model"])
    trainer.optimizer.load_state_dict(state["optimizer"])
    trainer.criterion.load_state_dict(state["criterion"])
    trainer.order_generator.set_state(state["order_generator"].cpu())
    trainer.augment_generator.set_state(state["augment_generator"].cpu())
    trainer.recorder.load(state["recorder"])
    trainer.trajectories.load(
        {
            name: value.cpu().numpy().copy() if isinstance(value, torch.Tensor) else value
            for name, value in state["trajectories"].items()
        }
    )
    place = state["place"]
    trainer.step, trainer.epoch, trainer.batch = place["step"], place["epoch"], place["batch"]
    trainer.epoch_seconds = place["seconds"]
    trainer.order = state["order"].to(trainer.device)
    trainer.loss_sum.copy_(state["loss_sum"])
    trainer.history = list(state["history"])
    trainer.criterion.progress = trainer.share_done_before  # an evaluation may come before the next step
    trainer.model.train()
    trainer.criterion.train()
