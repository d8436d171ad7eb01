"""The colours of lines: readable on both themes, told apart by colour-blind eyes, and never a population's."""

from itertools import combinations

import numpy as np
import pytest

from imae_core.palette import COLOR, SERIES

PAGES = {
    "#FFFFFF": 2.2,
    "#171614": 3.0,
}  # the page's colour in the light and the dark theme, and the least contrast to it
# linear RGB as dichromats see it: Machado, Oliveira and Fernandes 2009, severity 1
EYES = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
# Oklab (Ottosson 2020)
TO_CONES = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005]]  # fmt: skip
TO_LAB = [[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099],
          [0.0259040371, 0.7827717662, -0.808675766]]  # fmt: skip


def linear(color):
    values = np.array([int(color[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(color, page):
    """WCAG 2.2, from 1 to 21."""
    low, high = sorted(float(linear(one) @ [0.2126, 0.7152, 0.0722]) for one in (color, page))
    return (high + 0.05) / (low + 0.05)


def seen(color, eye):
    """In Oklab times 100: about 2 is the least difference that shows."""
    return (
        100
        * np.cbrt(np.clip(np.array(EYES[eye]) @ linear(color), 0, 1) @ np.transpose(TO_CONES))
        @ np.transpose(TO_LAB)
    )


def test_contrast_and_distance_are_measured_right():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert seen("#FFFFFF", "normal") == pytest.approx([100, 0, 0], abs=0.01)
    assert seen("#FF0000", "normal") == pytest.approx([62.80, 22.49, 12.58], abs=0.01)


@pytest.mark.parametrize(("page", "least"), PAGES.items())
def test_every_line_stands_out_from_the_page(page, least):
    assert {color: contrast(color, page) for color in SERIES if contrast(color, page) < least} == {}


@pytest.mark.parametrize("eye", EYES)
def test_no_two_lines_look_alike(eye):
    near = {(a, b): float(np.linalg.norm(seen(a, eye) - seen(b, eye))) for a, b in combinations(SERIES, 2)}
    assert {pair: distance for pair, distance in near.items() if distance < 7.5} == {}


def test_no_line_has_a_populations_colour():
    near = {
        (a, b): float(np.linalg.norm(seen(a, "normal") - seen(b, "normal"))) for a in SERIES for b in COLOR.values()
    }
    assert {pair: distance for pair, distance in near.items() if distance < 6} == {}
