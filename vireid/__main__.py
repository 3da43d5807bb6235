"""``python -m vireid`` is ``vireid``."""

import sys

from vireid.cli import main

sys.exit(main())
