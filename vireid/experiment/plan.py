"""What would run, before it runs: every setting with its source and what it changes.

A plan needs neither pictures nor a GPU. ``experiment.train`` runs the plan's method and network,
and puts the plan's values into the record.
"""

import re
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import torch

from vireid import methods, models
from vireid.experiment.estimate import estimate
from vireid.experiment.facts import Facts, counted, facts
from vireid.experiment.setup import DEFAULTS, network_of, preset_of, size_of, usual_weights
from vireid.methods.base import VIEWS, Method, Schedule

VIEW_WORDS = {
    "v": "plain visible",
    "a": "augmented visible",
    "r": "infrared",
    "p": "pseudo-coloured infrared",
}


@dataclass(frozen=True)
class Line:
    """One value of a plan: where it comes from and what it changes."""

    part: str
    name: str
    value: object
    source: str = ""
    changes: str = ""


def plan(
    method: str,
    data: str,
    *,
    preset: str = "official",
    row: str | None = None,
    data_preset: str | None = None,
) -> "Plan":
    """What ``vireid train`` would do with a method on a data set.

    Parameters
    ----------
    method, data : names of the method table and of the data sets
    preset : "official", "paper", or a name of the method's presets; see ``preset_of``
    row : a row of the paper's ablation, or a control
    data_preset : which SynthVI: "tiny" (also None, as in training), "small" or "full"

    Raises ValueError for a name that is not known, listing those that are.
    """
    facts(data)
    size = size_of(data, data_preset)
    name = preset_of(method, data, preset, size)
    built = methods.build(method, preset=name, row=row)
    return Plan(method, data, name, row, built, data_preset=size)


@dataclass(frozen=True)
class Plan:
    """A method on a data set: ``lines`` says everything, ``model()`` and ``method`` run it."""

    name: str
    data: str
    preset: str
    row: str | None
    method: Method
    given: tuple[str, dict, tuple[int, int]] | None = None  # another network than the method's
    data_preset: str | None = None  # of SynthVI

    @property
    def facts(self) -> Facts:
        """What is known of the data set."""
        return facts(self.data, self.data_preset)

    @property
    def network(self) -> tuple[str, dict, tuple[int, int]]:
        """(name, options, picture size)."""
        if self.given is not None:
            return self.given
        name, options, size = network_of(self.data, method=self.name)
        return name, options, size or self.facts.size

    @property
    def weights(self) -> str:
        """Name of the usual starting weights."""
        return Path(str(usual_weights(self.network[0], DEFAULTS[self.data][1]))).name

    def model(self) -> torch.nn.Module:
        """The network with random weights."""
        name, options, _ = self.network
        return models.build(name, **options)

    @cached_property
    def counts(self) -> tuple[int, int]:
        """Weights of the network that learn; those that the method switches off."""
        with torch.device("meta"):
            model = self.model()
        off = sum(p.numel() for p in self.method.unused(model) if p.requires_grad)
        return sum(p.numel() for p in model.parameters() if p.requires_grad) - off, off

    @property
    def parameters(self) -> int:
        """Weights of the network that are trained, without those that the method switches off."""
        return self.counts[0]

    @property
    def off(self) -> str:
        """What is said of weights that are switched off."""
        return f"{self.counts[1]:,} more are switched off" if self.counts[1] else ""

    @cached_property
    def lines(self) -> list[Line]:
        """Everything, part by part."""
        return [*self._network(), *self._pictures(), *self._time(), *self._settings(),
                *self._losses(), *self._test(), *estimate(self)]  # fmt: skip

    def to_dict(self) -> dict:
        """The plan as plain values: part -> name -> value."""
        found: dict[str, dict] = {"plan": {}}
        for key in ("name", "data", "preset", "row"):
            found["plan"][{"name": "method"}.get(key, key)] = getattr(self, key)
        if self.data_preset:
            found["plan"]["data preset"] = self.data_preset
        for line in self.lines:
            value = list(line.value) if isinstance(line.value, tuple) else line.value
            found.setdefault(line.part, {})[line.name] = value
        return found

    def for_record(self) -> dict:
        """``to_dict`` without what a record has already, and without estimates."""
        found = {k: v for k, v in self.to_dict().items() if k not in ("settings", "estimates")}
        del found["network"]["starting weights"], found["test"]["choice of network"]
        return found

    def table(self):
        """The lines as a pandas DataFrame."""
        import pandas as pd

        table = pd.DataFrame([vars(line) for line in self.lines])
        return table.set_index(["part", "name"])

    def _repr_html_(self) -> str:
        return self.table().to_html(border=0)

    def __str__(self) -> str:
        head = " ".join(filter(None, [self.method.title, self.row and f"row {self.row}"]))
        data = " ".join(filter(None, [self.data, self.data_preset]))
        told = [f"{head} on {data}, preset {self.preset}"]
        told += [note] if (note := self.method.notes.get(self.preset)) else []
        part = None
        for line in self.lines:
            if line.part != part:
                part = line.part
                told += ["", part]
            tail = "; ".join(filter(None, [line.source, line.changes]))
            told.append(f"  {line.name:26s} {line.value!s:24s} {tail}".rstrip())
        return "\n".join(told)

    def _network(self) -> list[Line]:
        name, options, size = self.network
        own = DEFAULTS[self.data][0] in self.method.networks
        source = self.source("network") or f"usual of the {'method' if own else 'data set'}"
        options = ", ".join(f"{k}={v}" for k, v in options.items()) or "none"
        return [
            Line("network", "network", name, source),
            Line("network", "options", options, source),
            Line("network", "trained parameters", f"{self.parameters:,}", "counted", self.off),
            Line("network", "starting weights", self.weights, self.source("weights")),
            Line("network", "picture size", "{} x {}".format(*size), self.source("size")),
        ]

    def _pictures(self) -> list[Line]:
        m, part = self.method, "pictures"
        count = self.facts.pictures
        words = "drawn when it runs" if count is None else counted(*count)
        found = [Line(part, "training pictures", words, "data set")]
        for stage in self.stages:
            recipe = m.augmentation(0 if stage == 1 else m.schedule.epochs[0])
            erasing = f"{recipe.erasing}, probability {recipe.erasing_probability:g}"
            source = self.source("erasing") or self.source("recipe")
            found.append(Line(part, f"stage {stage}: erasing", erasing, source))
            for letter, (modality, view) in VIEWS.items():
                if letter in m.views and letter in self.shown(stage):
                    stream = recipe.stream(modality, view)
                    told = ", ".join(_told(stream)) or "crop, flip, erasing"
                    found.append(
                        Line(
                            part,
                            f"stage {stage}: {VIEW_WORDS[letter]}",
                            told,
                            self.source("recipe"),
                        )
                    )
        return found

    def shown(self, stage: int) -> str:
        """Letters of the views that a stage shows."""
        infrared = getattr(self.method, "infrared_views", lambda _: 1)(stage)
        return self.method.views if infrared == 2 else self.method.views.replace("p", "")

    @property
    def stages(self) -> tuple[int, ...]:
        """Stages that have epochs."""
        return tuple(i + 1 for i, epochs in enumerate(self.method.schedule.epochs) if epochs)

    def _time(self) -> list[Line]:
        schedule = self.method.schedule
        found = [
            Line("schedule", name, getattr(schedule, name), self.source(name), DESCRIBED[name])
            for name in DESCRIBED
        ]
        rates = runs_of([f"{schedule.lr_at(e):.3g}" for e in range(sum(schedule.epochs))])
        found.append(Line("schedule", "learning rates", rates, "computed"))
        return [*found, Line("schedule", "optimiser steps", f"{self.method.steps:,}", "computed")]

    def _settings(self) -> list[Line]:
        words = described(type(self.method))
        return [
            Line("settings", f.name, getattr(self.method, f.name), self.source(f.name),
                 words.get(f.name, ""))
            for f in fields(self.method) if f.name != "schedule"
        ]  # fmt: skip

    def _losses(self) -> list[Line]:
        m, epochs = self.method, range(sum(self.method.schedule.epochs))
        weights = [m.loss_weights(e) for e in epochs]
        names = dict.fromkeys(name for w in weights for name in w)
        return [
            Line("loss weights by epoch", name, runs_of([f"{w.get(name, 0):g}" for w in weights]))
            for name in names
        ]

    def _test(self) -> list[Line]:
        known = self.facts
        chosen = self.source("select") or "released codes: the best on the test set"
        return [
            Line("test", "choice of network", "last epoch (--select changes it)", chosen),
            Line("test", "protocol", known.protocol, "data set"),
            Line("test", "modes", ", ".join(known.modes), "data set"),
            Line("test", "gallery draws", known.draws, "data set"),
            Line("test", "networks to train", len(known.splits), "data set's splits"),
        ]

    def source(self, name: str) -> str:
        """Where the method says a value comes from."""
        return getattr(self.method, "sources", {}).get(name, "")


def _told(stream) -> list[str]:
    """What a view goes through beside crop, flip and erasing."""
    found = [stream.before] if stream.before else []
    if stream.jitter:
        found.append(f"jitter {stream.jitter:g}")
    if stream.pseudo_colour:
        found.append(f"pseudo-colour ({stream.colour_maps} maps)")
    if stream.looks:
        found.append(f"looks: {' or '.join(stream.looks)}")
    if stream.channels != "keep":
        found.append(f"channels: {stream.channels}")
    return found


def runs_of(values: list[str]) -> str:
    """Values by epoch, equal neighbours together: "0 (0-15), 0.25 (16-25)"."""
    found, start = [], 0
    for end in range(1, len(values) + 1):
        if end == len(values) or values[end] != values[start]:
            span = f"{start}" if end == start + 1 else f"{start}-{end - 1}"
            found.append(f"{values[start]} ({span})")
            start = end
    return found[0].split(" (")[0] if len(found) == 1 else ", ".join(found)


def described(cls: type) -> dict[str, str]:
    """Field -> its words in the docstrings of a dataclass and its parents."""
    found: dict[str, str] = {}
    for part in reversed(cls.__mro__):
        text = (part.__doc__ or "").partition("Parameters\n")[2]
        text = re.split(r"\n\n", text.partition("----------\n")[2])[0]
        for entry in re.split(r"\n(?=    \w[\w, \n]*? : )", "\n" + text):
            names, colon, words = entry.strip().partition(" : ")
            if colon:
                told = " ".join(words.split())
                found |= {name.strip(): told for name in re.split(r",\s*", names)}
    return found


DESCRIBED = {f.name: described(Schedule).get(f.name, "") for f in fields(Schedule)}
