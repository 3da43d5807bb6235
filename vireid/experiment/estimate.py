"""What a run will take, estimated before it runs: memory of a step, time on a few devices."""

from dataclasses import dataclass

import torch

# Multiply-adds a second that a training step of a convolutional network reaches in practice, not a
# data sheet's peak: of 2 CPU cores measured by ``vireid cost``, of GPUs about 40 % of their peak.
DEVICES = {
    "2 CPU cores (float32)": 6e10,
    "RTX 3090 (float32)": 7e12,
    "H100 (bfloat16)": 1.5e14,
}
BACKWARD = 3  # forward and backward cost about three forward passes
BYTES = {"agw": 98e6, "vit": 130e6}  # of activations a picture in float32, measured at 288 x 144


@dataclass(frozen=True)
class _Load:
    """Pictures that a run pushes through the network: in steps, and to label and score."""

    learnt: int
    described: int
    batch: int


def estimate(plan) -> list:
    """Lines of a plan's part "estimates"."""
    from vireid.experiment.plan import Line
    from vireid.models.cost import multiply_adds

    load = _load(plan)
    name, _, size = plan.network
    with torch.device("meta"):
        model = plan.model()
    each = multiply_adds(model, size)
    lines = [Line("estimates", "pictures of a batch", load.batch, "settings")]
    if name in BYTES:
        scale = size[0] * size[1] / (288 * 144)
        gigabytes = load.batch * BYTES[name] * scale / 1e9
        less = "less with recomputation or bfloat16"
        source = "estimate, from bytes a picture measured at 288 x 144"
        told = ("activations of a step", f"about {gigabytes:.0f} GB", source, less)
        lines.append(Line("estimates", *told))
    for device, rate in DEVICES.items():
        hours = each * (BACKWARD * load.learnt + 2 * load.described) / rate / 3600
        lines.append(
            Line(
                "estimates",
                device,
                f"about {_words(hours)}",
                "estimate",
                "without reading pictures",
            )
        )
    return lines


def _load(plan) -> _Load:
    m, schedule = plan.method, plan.method.schedule
    shown = plan.shown(plan.stages[-1])
    infrared = getattr(m, "infrared_identities", None) or m.identities
    clusters = sum(m.identities if letter in "va" else infrared for letter in shown)
    batch = clusters * m.instances
    pictures = sum(plan.facts.pictures or (0, 0))
    return _Load(batch * m.steps, pictures * sum(schedule.epochs), batch)


def _words(hours: float) -> str:
    """Hours as people say them."""
    n, unit = (60 * hours, "minute") if hours < 1 else (hours, "hour")
    if hours >= 48:
        n, unit = hours / 24, "day"
    n = max(1, round(n))
    return f"{n} {unit}s" if n > 1 else f"{n} {unit}"
