"""No training's numbers move unseen: who moves one raises its version and says so.

``tests/numbers.json`` holds the losses of a few steps of every method. A difference means that
records of the old numbers are no longer what the code gives: raise ``numbers`` of the method
(``Method.numbers``), or ``vireid.identity.NUMBERS`` when more than one method moved, write the file
anew with ``python tests/test_numbers.py`` and say in CHANGELOG.md what moved.
"""

import json
from pathlib import Path

import pytest
import torch
from toy import images, net, region_net

from vireid import methods
from vireid.identity import numbers_of
from vireid.training import fit

FILE = Path(__file__).with_name("numbers.json")
SMALL = {
    "epochs": (2, 2), "iterations": 2, "k1": 6, "k2": 2, "eps": 0.7, "min_samples": 2,
    "identities": 3, "instances": 2, "lr": 1e-3,
}  # fmt: skip
CHANGES = {  # what the settings of SMALL lack for this toy
    "bmil": {"subset_ratio": 1.0},
    "mcf": {"joint_k1": 10, "joint_k2": 4, "rho": 0.3, "bn_chunks": 1, "stage2_lr": 1e-3},
}
CLOSE = 2e-3  # of a loss: other processors add up in another order, and steps enlarge that


def losses(name: str, **switches) -> dict[str, float]:
    """Every loss of every epoch of a short training of a method at its official setting."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    method = methods.build(name, **SMALL | CHANGES.get(name, {}) | switches)
    run = fit(region_net() if name == "mcf" else net(), method, images(), seed=0)
    torch.set_num_threads(threads)
    return {
        f"{row['epoch']}/{key}": value
        for row in run.curves
        for key, value in row.items()
        if key.startswith("loss/")
    }


def told(name: str) -> dict:
    return {"numbers": numbers_of(methods.kind(name)), "losses": losses(name)}


@pytest.mark.parametrize("name", methods.TABLE)
def test_numbers_move_only_with_their_version(name):
    kept, now = json.loads(FILE.read_text())[name], told(name)
    assert now["numbers"] == kept["numbers"], f"write {FILE.name} anew; see the head of this file"
    assert now["losses"] == pytest.approx(kept["losses"], rel=CLOSE), (
        f"{name} trains otherwise than the version of its numbers says. {__doc__}"
    )


@pytest.mark.parametrize("slip", [{"write_order": "rav"}, {"temperature": 0.06}])
def test_a_slip_is_seen(slip):
    kept = json.loads(FILE.read_text())["dcl"]["losses"]
    assert losses("dcl", **slip) != pytest.approx(kept, rel=CLOSE)


if __name__ == "__main__":
    FILE.write_text(json.dumps({name: told(name) for name in methods.TABLE}, indent=1) + "\n")
