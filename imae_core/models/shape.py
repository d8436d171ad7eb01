"""What a net can take."""

from imae_core.errors import BadInputError


def check_picture(model: str, input_shape: tuple[int, ...], smallest: int) -> None:
    """BadInputError unless the shape is (C, H, W) with sides of at least `smallest`."""
    if len(input_shape) != 3:
        raise BadInputError(f"{model} needs pictures, but this data set is a table; use mlp")
    if min(input_shape[1:]) < smallest:
        height, width = input_shape[1:]
        raise BadInputError(
            f"{model} needs pictures of at least {smallest} x {smallest}, got {height} x {width}; use mlp"
        )
