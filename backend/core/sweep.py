"""What a dead process left undone is found and taken up again, every half minute."""

from __future__ import annotations

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

Sweep = Callable[[], int]
_SWEEPS: dict[str, Sweep] = {}


def register_sweep(name: str, sweep: Sweep) -> None:
    """Let ``core.sweep`` call ``sweep`` each time; it returns how many rows it took up.

    Apps register in ``AppConfig.ready``. A sweep must be safe to run twice at once.
    """
    _SWEEPS[name] = sweep


def run_sweeps() -> dict[str, int]:
    """Run every registered sweep; one that fails is logged and does not stop the others."""
    taken_up: dict[str, int] = {}
    for name, sweep in sorted(_SWEEPS.items()):
        try:
            taken_up[name] = sweep()
        except Exception:  # one app's fault must not keep the others' leases from expiring
            log.exception("sweep %s failed", name)
            taken_up[name] = -1
        else:
            if taken_up[name]:
                log.info("sweep %s took up %d", name, taken_up[name])
    return taken_up
