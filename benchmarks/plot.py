"""Bar charts in SVG, without a drawing library."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

#: Distinguishable with any kind of color vision, on light and on dark (Okabe and Ito).
_COLORS: Final = ("#7f7f7f", "#e69f00", "#d55e00", "#0072b2", "#56b4e9", "#009e73", "#cc79a7")
_WIDTH: Final = 860
_LABELS: Final = 270
_FIGURES: Final = 80
_BAR: Final = 16
_GAP: Final = 4
_GROUP_GAP: Final = 26
_TOP: Final = 56


@dataclass(frozen=True, kw_only=True)
class Group:
    """Bars that belong together, one for each variant."""

    label: str
    values: Sequence[float]


def bar_chart(title: str, variants: Sequence[str], groups: Sequence[Group]) -> str:
    """Returns an SVG document of horizontal bars, by group, on one scale that starts at zero."""
    longest = max(value for group in groups for value in group.values) or 1
    scale = (_WIDTH - _LABELS - _FIGURES) / longest
    parts: list[str] = []
    y = _TOP
    for group in groups:
        parts.append(_text(0, y, group.label, weight="bold"))
        y += 10
        for variant, color, value in zip(variants, _COLORS, group.values, strict=False):
            middle = y + _BAR - _GAP
            width = max(1.0, value * scale)
            parts += [
                _text(_LABELS - 8, middle, variant, anchor="end"),
                _bar(y, width, color),
                _text(_LABELS + width + 6, middle, f"{value:,.0f}"),
            ]
            y += _BAR + _GAP
        y += _GROUP_GAP
    described = "; ".join(
        f"{group.label}: "
        + ", ".join(
            f"{variant} {value:,.0f}" for variant, value in zip(variants, group.values, strict=True)
        )
        for group in groups
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y - _GROUP_GAP + 8}" '
        'role="img" font-family="system-ui, sans-serif" font-size="13">\n'
        f"<title>{escape(title)}</title>\n<desc>{escape(described)}</desc>\n"
        '<rect width="100%" height="100%" fill="#ffffff"/>\n'
        + _text(0, 20, title, weight="bold")
        + "\n"
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _bar(y: float, width: float, color: str) -> str:
    return (
        f'<rect x="{_LABELS}" y="{y}" width="{width:.1f}" height="{_BAR}" rx="2" fill="{color}"/>'
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" '
        f'fill="#1b1b1b">{escape(text)}</text>'
    )
