"""Picture files: what their headers say, and their pixels in one size."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from imae_core.errors import DatasetError
from imae_core.limits import Limits

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
GREY_MODES = ("1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")
ROTATED = (5, 6, 7, 8)  # EXIF orientations that swap height and width
ORIENTATION = 0x0112
PNG_ORIENTED = (b"eXIf", b"exif", b"adobe.xmp")  # a PNG that says how it is to be turned has one of these
DEFAULT_SIDE = 64
Image.MAX_IMAGE_PIXELS = None  # `read_header` has its own limit, before any pixel is decoded


class UnreadablePictureError(DatasetError):
    """A file that is named like a picture and cannot be used as one."""


@dataclass(frozen=True)
class Header:
    """What is known without decoding; height and width as the picture is to be seen."""

    height: int
    width: int
    is_grey: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Shape:
    """The one shape of all pictures of a data set; `keep` if no picture needs to change."""

    channels: int
    height: int
    width: int
    keep: bool


def read_header(content: bytes, name: str, limits: Limits) -> Header:
    """Format, size and mode; UnreadablePictureError if it is no picture, or one too large to decode."""
    image = _opened(content, name)
    width, height = image.size
    if width * height > limits.picture_megapixels * 1e6:
        raise UnreadablePictureError(
            f"{name} is {width:,} x {height:,}, more than {limits.picture_megapixels:g} megapixels "
            "(IMAE_LIMIT_PICTURE_MEGAPIXELS)"
        )
    if not width or not height:
        raise UnreadablePictureError(f"{name} has no pixels")
    notes = []
    if getattr(image, "n_frames", 1) > 1:
        notes.append("only the first of several frames is taken")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        notes.append("transparency is laid on white")
    if image.mode.startswith("I") or image.mode == "F":
        notes.append("more than 8 bits a pixel are scaled down to 8")
    # Pillow decodes a whole PNG to look for what may follow the pixels
    looks = image.format != "PNG" or any(word in content for word in PNG_ORIENTED)
    orientation = _orientation(image) if looks else 0
    if orientation not in (0, 1):
        notes.append("turned upright as its EXIF orientation says")
    if orientation in ROTATED:
        width, height = height, width
    return Header(height, width, image.mode in GREY_MODES, tuple(notes))


def common_shape(headers: dict[tuple[int, int], int], all_grey: bool, side: int) -> Shape:
    """One shape for pictures of the sizes (height, width) -> count.

    Small pictures of one size stay as they are; otherwise the shorter side becomes `side` (or the largest shorter
    side that there is, so that nothing is only blown up) and the middle is cropped to a square.
    """
    channels = 1 if all_grey else 3
    if len(headers) == 1:
        ((height, width),) = headers
        if min(height, width) <= side and max(height, width) <= 4 * side:
            return Shape(channels, height, width, keep=True)
    largest = min(side, max(min(size) for size in headers))
    return Shape(channels, largest, largest, keep=False)


def decode(content: bytes, name: str, shape: Shape) -> NDArray[np.uint8]:
    """Pixels (C, H, W) uint8 in the common shape; UnreadablePictureError if the file is cut off or damaged."""

    def work() -> NDArray[np.uint8]:
        image = _opened(content, name)
        if not shape.keep and image.format == "JPEG":
            image.draft(None, (2 * shape.width, 2 * shape.height))
        image = ImageOps.exif_transpose(image)
        return _to_pixels(image, shape)

    return _guarded(work, name)  # type: ignore[no-any-return]


def fitted(pixels: NDArray[np.uint8], shape: Shape) -> NDArray[np.uint8]:
    """Pixels (C, h, w) of another size brought to the common shape (C, H, W)."""
    image = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    return _to_pixels(image, shape)


def _to_pixels(image: Image.Image, shape: Shape) -> NDArray[np.uint8]:
    image = _eight_bit(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    image = image.convert("L" if shape.channels == 1 else "RGB")
    if image.size != (shape.width, shape.height):
        image = ImageOps.fit(image, (shape.width, shape.height), Image.Resampling.BILINEAR)
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[None] if shape.channels == 1 else pixels.transpose(2, 0, 1)


def _eight_bit(image: Image.Image) -> Image.Image:
    """Pillow's own conversion cuts off at 255 where it should scale."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image).astype(np.uint32) // 257).astype(np.uint8))
    if image.mode in ("I", "F"):
        values = np.asarray(image, dtype=np.float64)
        top = 65535.0 if values.max(initial=0) > 255 else 255.0
        return Image.fromarray(np.clip(np.nan_to_num(values) * 255 / top, 0, 255).astype(np.uint8))
    return image


def _opened(content: bytes, name: str) -> Image.Image:
    return _guarded(lambda: Image.open(io.BytesIO(content), formats=FORMATS), name)  # type: ignore[no-any-return]


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ORIENTATION, 0)
    except Exception:  # damaged EXIF data must not cost the picture
        return 0
    return value if value in range(9) else 0


def _guarded(work: Callable[[], Any], name: str) -> Any:
    """Pillow's decoders raise whatever their parsers meet; a damaged file is bad input, never a crash."""
    try:
        return work()
    except (MemoryError, KeyboardInterrupt):
        raise
    except UnidentifiedImageError:
        raise UnreadablePictureError(f"{name} is not a picture in a known format ({', '.join(FORMATS)})") from None
    except Exception as error:
        raise UnreadablePictureError(f"{name} is damaged or cut off ({error})") from None
