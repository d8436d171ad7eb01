"""Which net fits which data; needs no torch."""

SMALLEST_PICTURE = 24


def default_model(input_shape: tuple[int, ...], on_gpu: bool) -> str:
    """`mlp` for tables and tiny pictures; for larger ones `resnet20` on a GPU and `small_cnn` on a CPU."""
    if len(input_shape) != 3 or min(input_shape[1:]) < SMALLEST_PICTURE:
        return "mlp"
    return "resnet20" if on_gpu else "small_cnn"
