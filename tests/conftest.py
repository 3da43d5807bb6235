"""How tests run: files with slow ones first, property tests with the same draws every time.

``VIREID_FUZZ=10`` lets property tests draw anew.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "fixed",
    derandomize="VIREID_FUZZ" not in os.environ,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],  # goes by the clock
)
settings.load_profile("fixed")


def pytest_collection_modifyitems(items):
    """Two workers that take a file each then end together."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
