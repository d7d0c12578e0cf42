#!/usr/bin/env python
"""Django's commands. `./hub VERB` ends here once the environment stands."""

from __future__ import annotations

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings.hub")
    # After the settings module is named.
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from cellcommons.errors import CellCommonsError

    try:
        execute_from_command_line(sys.argv)
    except CellCommonsError as error:
        sys.exit(_refuse(error.line()))
    except ImproperlyConfigured as error:
        sys.exit(_refuse(str(error)))


def _refuse(line: str) -> int:
    """A refusal is one line and status 2, as everywhere."""
    sys.stderr.write(f"{line}\n")
    return 2


if __name__ == "__main__":
    main()
