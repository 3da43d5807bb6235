"""The table of methods. A new one is one new file and one row here, or "module:Class" anywhere."""

from importlib import import_module

from vireid import declared

TABLE = {  # name -> module:class; loaded when asked for
    "dcl": "vireid.methods.dcl:DCL",
    "adca": "vireid.methods.adca:ADCA",
    "bmil": "vireid.methods.bmil:BMIL",
    "dmdl": "vireid.methods.dmdl:DMDL",
    "mcf": "vireid.methods.mcf:MCF",
    "mult": "vireid.methods.mult:MULT",
    "nulc": "vireid.methods.nulc:NULC",
    "pgm": "vireid.methods.pgm:PGM",
}


def kind(name: str) -> type:
    """The class of a method: by its name in the table, or "module:Class" from anywhere.

    Every command and function that takes a method's name asks here. Raises ValueError for what is
    neither, listing the table, and as ``outside.loaded``.
    """
    if name in TABLE:
        module, cls = TABLE[name].split(":")
        return getattr(import_module(module), cls)
    if ":" not in name:
        known = ", ".join(TABLE)
        raise ValueError(f"method {name!r} is unknown; known: {known}, or module:Class for yours")
    from vireid.methods.outside import loaded

    return loaded(name)


def file_name(name: str) -> str:
    """A method's name as a part of a file's: without the colon of "module:Class"."""
    return name.replace(":", ".")


def build(name: str, *, preset: str = "official", row: str | None = None, **switches):
    """Make a method.

    Parameters
    ----------
    name : a name of the method table, e.g. "bmil", or "module:Class"
    preset : a whole setting of the method: "official" (what the released code does, SYSU-MM01),
        "paper" (what the text says), "light" (SynthVI), ...; ``kind(name).presets`` lists them
    row : a row of the paper's ablation, or a control, on top of the preset; ``kind(name).rows``
    switches : single fields of the method or of its schedule, on top of both

    Raises ValueError listing what is known when a name, preset, row or switch is not.
    """
    from vireid.methods.base import Schedule

    cls = kind(name)
    if preset not in cls.presets:
        raise ValueError(f"preset {preset!r} of {name} is unknown; known: {', '.join(cls.presets)}")
    if row is not None and row not in cls.rows:
        raise ValueError(f"row {row!r} of {name} is unknown; known: {', '.join(cls.rows)}")
    settings = cls.presets[preset] | (cls.rows[row] if row else {}) | switches
    timing, own = set(declared.hints(Schedule)), set(declared.hints(cls)) - {"schedule"}
    if unknown := sorted(set(settings) - timing - own):
        raise ValueError(
            f"{name} has no switch {', '.join(unknown)}; known: {', '.join(sorted(own | timing))}"
        )
    schedule = Schedule(**{k: v for k, v in settings.items() if k in timing})
    return cls(schedule=schedule, **{k: v for k, v in settings.items() if k in own})


def again(name: str, config: dict):
    """The method that a run record's ``config`` tells of, field by field."""
    from vireid.methods.base import Schedule

    known = {*declared.hints(kind(name)), *declared.hints(Schedule)}
    return build(name, **{k: v for k, v in config.items() if k in known})


def value(name: str, field: str, given):
    """A field's value, of a method or its schedule, from text or Python; see ``declared.value``."""
    from vireid.methods.base import Schedule

    owner = Schedule if field in declared.hints(Schedule) else kind(name)
    if field not in declared.hints(owner):
        known = sorted({*declared.hints(Schedule), *declared.hints(owner)} - {"schedule"})
        raise ValueError(f"{name} has no switch {field}; known: {', '.join(known)}")
    return declared.value(owner, field, given)
