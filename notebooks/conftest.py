"""Under nbval: a notebook fails when it takes longer than the budget its first cell promises."""

import json
import os
from collections import defaultdict

import pytest

SLACK = float(os.environ.get("VIREID_SLACK", 2))  # what a machine busy with other tests may add
spent: dict = defaultdict(float)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Add up the seconds of a notebook's cells, its kernel's start included."""
    report = yield
    if item.path.suffix == ".ipynb":
        spent[item.path] += call.duration
        promised = json.loads(item.path.read_text("utf-8"))["metadata"]["vireid"]["budget_s"]
        if report.when == "call" and report.passed and spent[item.path] > SLACK * promised:
            report.outcome = "failed"
            report.longrepr = (
                f"{item.path.name} has taken {spent[item.path]:.0f} s and promises {promised} s; "
                "make it faster or, if the machine is slow, set VIREID_SLACK"
            )
    return report
