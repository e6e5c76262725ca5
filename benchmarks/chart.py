"""Bar charts as SVG, without a library."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

_BAR: Final = 14
_GAP: Final = 18
_LEFT: Final = 190
_WIDTH: Final = 460
_PAPER: Final = '<path fill="#fff" d="M0 0h9999v99999H0z"/>\n'
_NAMED_MIN: Final = 0.15
_COLOURS: Final = (
    "#0b6e4f",
    "#3d5a80",
    "#98c1d9",
    "#e09f3e",
    "#9e2a2b",
    "#7f7f7f",
    "#b5838d",
    "#6d597a",
    "#00add8",
    "#b7410e",
)


def bars(title: str, groups: Mapping[str, Sequence[tuple[str, float]]]) -> str:
    """Horizontal bars in groups; lengths are logarithms of the values, from the smallest value's power of ten."""
    values = [value for group in groups.values() for _, value in group if value > 0]
    low = math.floor(math.log10(min(values))) if values else 0
    high = math.log10(max(values)) if values else 1
    parts, top = [_text(10, 20, title, "bold")], 40
    labels = list(dict.fromkeys(label for group in groups.values() for label, _ in group))
    colours = {label: _COLOURS[place % len(_COLOURS)] for place, label in enumerate(labels)}
    for name, group in groups.items():
        parts.append(_text(10, top + 11, name, "bold"))
        for place, (label, value) in enumerate(group):
            length = _WIDTH * (math.log10(value) - low) / max(high - low, 1e-9) if value > 0 else 0
            parts += _bar(top + 16 + place * _BAR, label, value, length, colours[label])
        top += 16 + len(group) * _BAR + _GAP
    return _drawing(top, parts)


def stacks(title: str, parts: Sequence[str], rows: Mapping[str, Mapping[str, float]]) -> str:
    """One bar for each row, divided by the shares of its parts (of 1) in the given order, and a legend."""
    # Steps of the golden angle: neighbours differ, and no colour comes twice.
    colours = {part: f"hsl({137.5 * place % 360:.0f} 45% 45%)" for place, part in enumerate(parts)}
    drawn = [_text(10, 20, title, "bold")]
    for place, (name, row) in enumerate(rows.items()):
        left, top = float(_LEFT), 40 + place * (_BAR + _GAP)
        drawn.append(_text(10, top + 11, name, "bold"))
        for part in [each for each in parts if each in row]:
            width = row[part] * _WIDTH
            drawn.append(_block(left, top, width, colours[part], f"{part}: {row[part]:.0%}"))
            if row[part] >= _NAMED_MIN:
                drawn.append(_text(left + 4, top + 10, part, fill="#fff"))
            left += width
    legend = 50 + len(rows) * (_BAR + _GAP)
    for place, part in enumerate(parts):
        drawn.append(_block(_LEFT, legend + place * _BAR, _BAR, colours[part], part))
        drawn.append(_text(_LEFT + 2 * _BAR, legend + place * _BAR + 10, part))
    return _drawing(legend + (len(parts) + 1) * _BAR, drawn)


def _drawing(height: int, parts: Sequence[str]) -> str:
    size = f'width="{_LEFT + _WIDTH + 90}" height="{height}"'
    style = 'font-family="sans-serif" font-size="11"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n{_PAPER}{"".join(parts)}</svg>\n'


def _block(left: float, top: float, width: float, colour: str, title: str) -> str:
    place = f'x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_BAR - 3}"'
    return f'<rect {place} fill="{colour}" stroke="#fff" stroke-width="0.5"><title>{escape(title)}</title></rect>\n'


def _bar(top: float, label: str, value: float, length: float, colour: str) -> list[str]:
    return [
        _text(30, top + 10, label),
        f'<rect x="{_LEFT}" y="{top}" width="{length:.1f}" height="{_BAR - 3}" fill="{colour}"/>\n',
        _text(_LEFT + length + 5, top + 10, f"{value:.3f}"),
    ]


def _text(left: float, top: float, text: str, weight: str = "normal", fill: str = "#000") -> str:
    place = f'x="{left:.1f}" y="{top:.1f}"'
    return f'<text {place} font-weight="{weight}" fill="{fill}">{escape(text)}</text>\n'
