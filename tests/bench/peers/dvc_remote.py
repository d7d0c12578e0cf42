"""DVC fetching the same files from a remote that is a folder on this machine, for the benchmark of downloads.

DVC (https://dvc.org) is no dependency: the benchmark is told where its command lies. A pull from a folder verifies
nothing on the way and speaks no HTTP, which favours it; it fills a cache and a working folder, as people's pulls do.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path


class DvcRemote:
    """Files pushed once to a folder, from where any number of fresh working folders pull them.

    Args:
        dvc: The command.
        files: A folder of files.
        place: An empty folder for the remote and the working folders.

    Raises:
        subprocess.CalledProcessError: What DVC said stands in ``stderr``.
    """

    def __init__(self, dvc: Path, files: Path, place: Path) -> None:
        self._dvc, self._place = dvc, place
        self._seed = place / "seed"
        self._seed.mkdir(parents=True)
        self._init(self._seed)
        shutil.copytree(files, self._seed / "data")
        self._run(self._seed, "add", "data")
        self._run(self._seed, "push", "--jobs", "8")
        shutil.rmtree(self._seed / "data")
        shutil.rmtree(self._seed / ".dvc" / "cache")

    def pull(self, jobs: int) -> float:
        """Seconds of one pull of everything into a working folder of its own, which is removed after."""
        folder = self._place / "pulled"
        folder.mkdir()
        try:
            self._init(folder)
            shutil.copy(self._seed / "data.dvc", folder)
            began = time.perf_counter()
            self._run(folder, "pull", "--jobs", str(jobs))
            return time.perf_counter() - began
        finally:
            shutil.rmtree(folder)

    def _init(self, folder: Path) -> None:
        self._run(folder, "init", "--no-scm", "--quiet")
        self._run(folder, "config", "core.analytics", "false")
        self._run(folder, "config", "core.site_cache_dir", str(self._place / "site"))
        self._run(folder, "remote", "add", "--default", "kept", str(self._place / "remote"))

    def _run(self, folder: Path, *words: str) -> None:
        subprocess.run([self._dvc, *words], cwd=folder, check=True, capture_output=True)
