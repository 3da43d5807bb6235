"""Under nbval: a notebook fails when it computes longer than the budget its first cell promises.

The kernel's CPU seconds count: waiting for a busy core, or for a training that another notebook
does, costs a notebook nothing.
"""

import json
import os

import psutil
import pytest

SLACK = float(os.environ.get("VIREID_SLACK", 2))  # what other work in a core's caches may cost


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Look after each cell what its notebook's kernel has used, its start included."""
    report = yield
    if item.path.suffix == ".ipynb" and report.when == "call" and report.passed:
        promised = json.loads(item.path.read_text("utf-8"))["metadata"]["vireid"]["budget_s"]
        if (spent := cpu_seconds(item.parent.kernel)) > SLACK * promised:
            report.outcome = "failed"
            report.longrepr = (
                f"{item.path.name} has used {spent:.0f} CPU seconds and promises {promised}; "
                "make it faster or, if the machine is slow, set VIREID_SLACK"
            )
    return report


def cpu_seconds(kernel) -> float:
    """Of a kernel's process and of those it has started and waited for."""
    return sum(psutil.Process(kernel.km.provisioner.pid).cpu_times()[:4])
