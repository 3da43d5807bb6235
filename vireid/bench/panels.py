"""How fast a widget answers: the redraws of a panel against as many plain charts."""

import io
from functools import cache

from vireid.bench.parts import Part

ANSWER = 2  # plain charts within which a panel answers: 0.3 s of the machine this was set on
REDRAWS = 5


def chart() -> bytes:
    """A PNG of two axes with a line each, by matplotlib alone: what a redraw is measured by."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), dpi=100, layout="constrained")
    for ax in figure.subplots(1, 2):
        ax.plot(range(30), [i**2 for i in range(30)], label="a line")
        ax.set(title="a title", xlabel="x", ylabel="y")
        ax.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def charts() -> list[bytes]:
    """As many plain charts as a panel is redrawn."""
    return [chart() for _ in range(REDRAWS)]


def parts() -> list[Part]:
    """Panels that need no training, each by the control that redraws all of it."""
    return [_part(name, control, values) for name, (control, values) in PANELS.items()]


PANELS = {
    "twins": ("modality_gap", (0.1, 0.3, 0.5, 0.7, 0.9)),
    "backdoor": ("tie", (0.0, 0.25, 0.5, 0.875, 1.0)),
    "memory_walk": ("momentum", (0.05, 0.2, 0.5, 0.9, 0.99)),
    "confidence_memory": ("strangers", (0.0, 0.1, 0.3, 0.45, 0.6)),
    "alignment_toy": ("shift", (0.0, 1.0, 3.0, 4.5, 6.0)),
}


def _part(name: str, control: str, values: tuple) -> Part:
    return Part(
        f"panel {name} (peer: a plain chart of matplotlib)",
        f"{REDRAWS} redraws",
        1 / ANSWER,
        charts,
        lambda: redraws(panel(name), control, values),
        digest=len,
        difference=lambda a, b: "other pictures",
    )


@cache
def panel(name: str):
    """A panel as a notebook holds it before a control is moved."""
    from vireid import widgets

    return getattr(widgets, name)()


def redraws(shown, control: str, values) -> list[str]:
    """What ``shown`` shows at each value of a control."""
    seen = []
    for value in values:
        shown.controls[control].value = value
        seen.append(shown.picture.value)
    return seen
