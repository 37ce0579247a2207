"""Lines in a plot, as SVG that is readable on light and on dark pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

_WIDTH: Final = 640
_HEIGHT: Final = 320
_LEFT: Final = 60
_BOTTOM: Final = 40
_TOP: Final = 40
_COLORS: Final = ("#2f6fdb", "#d1622b", "#2a9d5c", "#8a4fd0")
Points = Sequence[tuple[float, float]]


def plot(title: str, x: str, y: str, lines: Mapping[str, Points]) -> str:
    """Return a plot of some lines, from zero on both axes."""
    most_x = max(point[0] for points in lines.values() for point in points)
    most_y = max(point[1] for points in lines.values() for point in points) * 1.1

    def place(point: tuple[float, float]) -> tuple[float, float]:
        across = _LEFT + point[0] / most_x * (_WIDTH - _LEFT - 150)
        return across, _HEIGHT - _BOTTOM - point[1] / most_y * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        "<style>text { font: 13px sans-serif; fill: #222 } .axis { stroke: #888; fill: none }"
        " @media (prefers-color-scheme: dark) { text { fill: #ddd } }</style>",
        f"<title>{title}</title>",
        _text(_LEFT, 20, f"{title} ({y})"),
        _text((_WIDTH - 150) / 2, _HEIGHT - 6, x),
    ]
    left, low = place((0, 0))
    right, high = place((most_x, most_y))
    parts.append(f'<path class="axis" d="M{left:.0f} {high:.0f} V{low:.0f} H{right:.0f}"/>')
    for step in range(5):
        value = most_y * step / 4
        parts.append(_text(8, place((0, value))[1] + 4, f"{value:.3g}"))
    for value in sorted({point[0] for points in lines.values() for point in points}):
        parts.append(_text(place((value, 0))[0] - 8, low + 18, f"{value:g}"))
    for (name, points), color in zip(lines.items(), _COLORS, strict=False):
        places = [place(point) for point in points]
        path = " ".join(f"{across:.1f},{down:.1f}" for across, down in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3" fill="{color}"/>' for across, down in places
        ]
        across, down = places[-1]
        parts.append(f'<text x="{across + 8:.0f}" y="{down + 4:.0f}" style="fill:{color}">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _text(across: float, down: float, text: str) -> str:
    return f'<text x="{across:.0f}" y="{down:.0f}">{text}</text>'
