"""Panels that move without a kernel: pictures made beforehand, and a page's few lines to turn them.

A panel is a function that yields a picture for each setting of its dials; ``write`` saves them and
returns the HTML that ``docs/site/panel.js`` brings to life.
"""

import html
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from vireid.plots.base import png, smaller

Drawn = tuple[Figure, str]  # a picture and its alt text, which is shown as its caption too


@dataclass(frozen=True)
class Panel:
    """A picture for each setting: ``draw`` is called with one value of each dial.

    dials : name -> its values; numbers make a slider, words a choice, and *Play* moves the last one
    start : a value of each dial to begin with
    """

    title: str
    dials: Mapping[str, Sequence]
    start: Sequence
    draw: Callable[..., Drawn]

    def settings(self) -> Iterator[tuple]:
        """All settings, the last dial moving fastest, as the page counts them."""
        return itertools.product(*self.dials.values())


def save(path: Path, content: str | bytes) -> Path:
    """Write a file that can be made again, and the folders above it; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def write(name: str, panel: Panel, folder: Path, *, dpi: int = 130) -> str:
    """Save a panel's pictures as ``folder/NAME-NUMBER.png``; returns its HTML.

    The HTML refers to ``_static/panels``, seen from a page at the site's root.
    """
    frames = []
    for number, setting in enumerate(panel.settings()):
        figure, alt = panel.draw(*setting)
        file = f"{name}-{number:03d}.png"
        save(folder / file, smaller(png(figure, dpi=dpi)))
        frames.append({"src": f"_static/panels/{file}", "alt": alt})
    return _html(name, panel, frames)


def _html(name: str, panel: Panel, frames: list[dict]) -> str:
    first = frames[list(panel.settings()).index(tuple(panel.start))]
    alt, title = html.escape(first["alt"], quote=True), html.escape(panel.title)
    rows = "\n".join(
        _dial(f"{name}-{i}", word, values, panel.start[i])
        for i, (word, values) in enumerate(panel.dials.items())
    )
    data = json.dumps({"frames": frames}, ensure_ascii=False).replace("</", "<\\/")
    return (
        f'<figure class="panel" id="panel-{name}" aria-label="{title}">\n'
        f'<div class="dials">\n{rows}\n<button type="button" class="play">Play</button>\n</div>\n'
        f'<img src="{first["src"]}" alt="{alt}">\n'
        f'<figcaption aria-live="polite">{html.escape(first["alt"])}</figcaption>\n'
        f'<script type="application/json">{data}</script>\n</figure>\n'
    )


def _dial(key: str, word: str, values: Sequence, start) -> str:
    label = f'<label for="{key}">{html.escape(word)}</label>'
    if all(isinstance(value, int | float) for value in values):
        words = html.escape(json.dumps([f"{value:g}" for value in values]), quote=True)
        slider = f'<input type="range" id="{key}" min="0" max="{len(values) - 1}" step="1"'
        return (
            f'{label}{slider} value="{list(values).index(start)}" data-values="{words}">'
            f'<output for="{key}">{start:g}</output>'
        )
    options = "".join(
        f"<option{' selected' * (value == start)}>{html.escape(value)}</option>" for value in values
    )
    return f'{label}<select id="{key}">{options}</select>'
