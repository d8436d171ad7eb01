"""Where a run is in its steps and epochs, and what follows from that."""

from imae_core.config import RunConfig
from imae_core.training.schedule import lr_at


class Course:
    """Counts steps from 0, epochs from 1, and batches within an epoch from 0.

    Args:
        config: says how long the run is, and when it evaluates.
        num_examples: N, that it trains on.
    """

    def __init__(self, config: RunConfig, num_examples: int) -> None:
        self.config = config
        self.batches = config.steps_per_epoch(num_examples)
        self.total_steps = config.total_steps(num_examples)
        self.epochs = -(-self.total_steps // self.batches)
        self.step = 0
        self.epoch = 1
        self.batch = 0

    @property
    def is_finished(self) -> bool:
        return self.epoch > self.epochs

    @property
    def is_last_epoch(self) -> bool:
        return self.epoch == self.epochs

    @property
    def batches_of_this_epoch(self) -> int:
        """Fewer in the last epoch where `iterations` ends in the middle of one."""
        return min(self.batches, self.total_steps - (self.epoch - 1) * self.batches)

    @property
    def is_at_end_of_epoch(self) -> bool:
        return self.batch == self.batches_of_this_epoch

    @property
    def must_evaluate(self) -> bool:
        """At the end of this epoch."""
        return self.is_last_epoch or self.epoch % self.config.eval_every == 0

    @property
    def share_done(self) -> float:
        """Of all steps, in [0, 1]."""
        return self.step / self.total_steps

    @property
    def share_done_before(self) -> float:
        """Of all steps, when the last one was taken: what an evaluation counts as done."""
        return max(self.step - 1, 0) / self.total_steps

    @property
    def lr(self) -> float:
        """Of the next step."""
        return lr_at(self.config, self.step, self.total_steps)

    @property
    def batch_slice(self) -> slice:
        """The places of the next batch in the order of its epoch."""
        size = self.config.batch_size
        return slice(self.batch * size, (self.batch + 1) * size)
