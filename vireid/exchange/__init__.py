"""What one run passes on to another, or one code to another: features, pseudo-labels, networks.

``export_run`` writes what a run has found, without pictures; ``import_dump`` reads what others
write, so that one method's stage 2 starts from another's stage 1.
"""

from vireid.exchange.dumps import Dump, read_dump
from vireid.exchange.out import export_run
from vireid.exchange.taken import import_dump

__all__ = ["Dump", "export_run", "import_dump", "read_dump"]
