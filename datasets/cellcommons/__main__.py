"""``python -m cellcommons``: the command line where its script is not on the PATH."""

import sys

from cellcommons.cli import main

sys.exit(main())
