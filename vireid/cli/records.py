"""--records of ``vireid compare`` and ``sweep``: no record takes the place of another run's."""

from pathlib import Path


def keep(folder: Path, runs: dict) -> None:
    """Write the records of a seed, name -> run; ValueError, before any, for another run's place."""
    from vireid.runs import Run, refuse_another

    paths = {folder / f"{name}.json": run for name, run in runs.items()}
    for path, run in paths.items():
        if path.exists():
            refuse_another(Run.load(path), run.identity, path)
    for path, run in paths.items():
        run.save(path)


def refuse_others(folder: Path, experiment, a, seed: int, rows) -> None:
    """ValueError where a record of a seed is of other settings than what is to be trained.

    ``rows`` and the parsed options ``a`` are those of ``experiment.compare``. The weights that a
    row takes over from a stage 1 are not known yet; ``keep`` looks at them.
    """
    from vireid.cli.options import fitting
    from vireid.declared import switches
    from vireid.experiment import identity_of, preset_for, setting
    from vireid.experiment.rows import trainings
    from vireid.runs import Run, refuse_another

    preset, start = preset_for(experiment, a.method), experiment.model(seed)
    told = {"preset": preset, "switches": switches(a.switches), "whole": a.whole}
    for step in trainings(a.method, rows, **told):
        path = folder / f"{step.label}.json"
        if not step.asked or not path.exists():
            continue
        kept = Run.load(path)
        method = setting(experiment, a.method, row=step.row, preset=preset, switches=step.switches)
        now = identity_of(experiment, method, start, seed=seed, **fitting(a))
        then = kept.identity.get("network")
        if step.begins and isinstance(then, dict):
            now["network"]["weights"] = then.get("weights")
        refuse_another(kept, now, path)
