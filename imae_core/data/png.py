"""Pictures as PNG data addresses, to stand in a page by themselves."""

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def picture_address(pixels: NDArray[Any], scale: float) -> str:
    """A uint8 picture (C, H, W), whose values times `scale` lie in [0, 1], as a PNG data address; grey is ink on white."""
    shown = np.clip(np.asarray(pixels, dtype=np.float32) * scale * 255, 0, 255).astype(np.uint8)
    image = Image.fromarray(255 - shown[0]) if shown.shape[0] == 1 else Image.fromarray(shown.transpose(1, 2, 0))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
