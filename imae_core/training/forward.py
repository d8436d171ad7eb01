"""How a net is run on a training batch: its memory layout, its precision, and whether it is compiled."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import nn

from imae_core.config import RunConfig

# where a minute of compiling is won back: ResNet20 gains a fortieth on two CPU cores
COMPILE_FROM_STEPS = {"cpu": 20_000, "cuda": 2_000}
log = logging.getLogger("imae.run")


class Forward:
    """Logits of a batch in training mode; what it decides depends on the config and the device alone, so that a run that is resumed goes on with the same arithmetic.

    `compile`: always, never, or (auto) convolutional nets that train for 20,000 steps or more on a CPU, 2,000 on a GPU. Only full batches go through
    the compiled net, so that one compilation is enough. Where compilation fails (no C++ compiler, say) there is a line in
    the log and the net runs as it is.

    `precision`: float32, or mixed: the net in bfloat16 where PyTorch's autocast holds that to be safe, the loss and all that
    is recorded in float32. auto is mixed for convolutional nets on a GPU. Evaluation is in float32 always.
    """

    def __init__(self, model: nn.Module, config: RunConfig, device: torch.device, batch_size: int, steps: int) -> None:
        self.model = model
        self.device = device
        self.batch_size = batch_size
        is_convolutional = memory_format(model) is torch.channels_last
        model.to(memory_format=memory_format(model))
        self.is_mixed = config.precision == "mixed" or (
            config.precision == "auto" and is_convolutional and device.type == "cuda"
        )
        wanted = is_convolutional and steps >= COMPILE_FROM_STEPS.get(device.type, 2_000)
        self.is_compiled = config.compile == "always" or (config.compile == "auto" and wanted)
        self.is_warm = False
        self._compiled: Any = None

    @property
    def must_warm_up(self) -> bool:
        return self.is_compiled and not self.is_warm

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """(B, K) in float32."""
        with self._precision():
            if self._compiled is not None and len(inputs) == self.batch_size:
                if self.device.type == "cuda":
                    torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
                return self._compiled(inputs).float()  # type: ignore[no-any-return]
            return self.model(inputs).float()  # type: ignore[no-any-return]

    def warm_up(self, inputs: torch.Tensor) -> None:
        """Compiles, forwards and backwards, and leaves the net as it was; falls back to the plain one on any failure."""
        if not self.must_warm_up:
            return
        try:
            started = time.perf_counter()
            self._compiled = self._compile()
            with _untouched(self.model):
                self(inputs).sum().backward()  # type: ignore[no-untyped-call]
            log.info("the net was compiled in %.0f s", time.perf_counter() - started)
            self.is_warm = True
        except Exception as error:
            self.is_compiled, self._compiled = False, None
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            log.warning("the net could not be compiled and trains as it is (%s)", reason)

    def _compile(self) -> Any:
        if self.device.type == "cuda":
            return torch.compile(self.model, dynamic=False, mode="reduce-overhead")
        return torch.compile(self.model, dynamic=False, options={"compile_threads": 1})

    def _precision(self) -> Any:
        return torch.autocast(self.device.type, torch.bfloat16) if self.is_mixed else nullcontext()


def memory_format(model: nn.Module) -> torch.memory_format:
    """Of the net and of its inputs: convolutions are fastest on channels last."""
    is_convolutional = any(isinstance(module, nn.Conv2d) for module in model.modules())
    return torch.channels_last if is_convolutional else torch.contiguous_format


@contextmanager
def _untouched(model: nn.Module) -> Iterator[None]:
    """Puts back the buffers (batch norm's averages) and removes the gradients that come from within."""
    before = [buffer.clone() for buffer in model.buffers()]
    devices = [parameter.device for parameter in model.parameters() if parameter.device.type == "cuda"][:1]
    model.train()
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        with torch.no_grad():
            for buffer, value in zip(model.buffers(), before, strict=True):
                buffer.copy_(value)
        model.zero_grad(set_to_none=True)
