"""The contrast of the page's colours, by the formula of WCAG 2."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from alb_mutual_tls.operations.page.colours import DARK, GRAPHICS, LIGHT, TEXT


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_formula_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "back"), TEXT)
def test_text_can_be_read(colours: Mapping[str, str], text: str, back: str) -> None:
    assert contrast(colours[text], colours[back]) >= 4.5


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("drawn", "back"), GRAPHICS)
def test_lines_and_bars_can_be_seen(colours: Mapping[str, str], drawn: str, back: str) -> None:
    assert contrast(colours[drawn], colours[back]) >= 3


def test_both_themes_have_the_same_colours() -> None:
    assert LIGHT.keys() == DARK.keys()
