"""The browser of the tests: a system Chromium, else one from the npm registry unpacked into `.cache/browser`."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from .environment import installing
from .errors import DoorError, explain_os_error
from .frontend import Node
from .home import ROOT, require_space
from .services import VENV
from .stamps import digest_files, read_stamp, write_stamp
from .steps import Steps

SYSTEM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: The package unpacks into the temporary folder, and its shared libraries only where it believes to run on Lambda.
UNPACK = "import chromium from '@sparticuz/chromium'; console.log(await chromium.executablePath());"
ARGUMENTS = (
    "--headless",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--enable-unsafe-swiftshader",
    "--use-gl=angle",
    "--use-angle=swiftshader",  # WebGL2 without a GPU
)


class Browser:
    """Finds or fetches a Chromium; `path`, `arguments()` and `env()` are what Playwright's `launch` needs."""

    def __init__(self, root: Path = ROOT, venv: Path = VENV) -> None:
        self.root, self.venv = root, venv
        self.pins = root / "tests" / "browser"
        self.folder = root / ".cache" / "browser"
        self.unpacked = self.folder / "unpacked"
        self.stamp = self.unpacked / ".hub-stamp.json"
        self.log = root / ".cache" / "browser.log"

    @property
    def path(self) -> Path:
        """The executable. Raises DoorError where `ensure` has not been called and the system has none."""
        if system := self._system():
            return system
        if self._is_current():
            return self.unpacked / "chromium"
        raise DoorError("No browser to test with: run ./hub test once, which fetches it")

    def arguments(self) -> list[str]:
        """Command-line switches; Chromium's sandbox does not work for root."""
        return [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 or not self._system() else [])]

    def env(self) -> dict[str, str]:
        """Our environment, and what came with the browser (libraries, fonts) where the system lacks it."""
        stamp = {} if self._system() else read_stamp(self.stamp)
        return dict(os.environ) | dict(stamp.get("env", {}))

    def ensure(self, steps: Steps) -> None:
        """Fetch and unpack as needed. Raises DoorError."""
        if self._system() or self._is_current():
            return
        with installing(self.root, steps):
            try:
                if not self._is_current():
                    self._fetch(steps)
            except OSError as error:
                raise explain_os_error(error, doing="unpacking the browser for the tests") from error

    def _system(self) -> Path | None:
        return next((Path(found) for name in SYSTEM_NAMES if (found := shutil.which(name))), None)

    def _wanted(self) -> str:
        return digest_files([self.pins / "package.json", self.pins / "package-lock.json"], root=self.pins)

    def _is_current(self) -> bool:
        return read_stamp(self.stamp).get("wanted") == self._wanted()

    def _fetch(self, steps: Steps) -> None:
        require_space(self.root, megabytes=600, what="the browser for the tests")
        node = Node(self.venv)
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(self.pins / name, self.folder / name)
        node.install(self.folder, what="the browser for the tests", steps=steps, log=self.log)
        making = self.folder / "unpacked.making"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        env = node.env() | {"TMPDIR": str(making), "AWS_LAMBDA_JS_RUNTIME": "nodejs22.x"}
        command = [str(node.node), "--input-type=module", "-e", UNPACK]
        steps.run(command, what="Unpacking the browser for the tests", log=self.log, env=env, cwd=self.folder)
        shutil.rmtree(self.unpacked, ignore_errors=True)
        os.replace(making, self.unpacked)
        write_stamp(self.stamp, {"wanted": self._wanted(), "env": self._find_env()})

    def _find_env(self) -> dict[str, str]:
        """What the unpacked browser needs beside our environment to start. Raises DoorError where nothing helps."""
        has_fonts = any(Path("/usr/share/fonts").rglob("*.[to]tf"))
        fonts = {} if has_fonts else {"FONTCONFIG_PATH": str(self.unpacked / "fonts")}
        libraries = {"LD_LIBRARY_PATH": str(self.unpacked / "al2023" / "lib")}
        said = ""
        for extra in (fonts, fonts | libraries):
            command = [str(self.unpacked / "chromium"), "--no-sandbox", "--headless", "--version"]
            tried = subprocess.run(command, env=dict(os.environ) | extra, capture_output=True, text=True)
            if tried.returncode == 0:
                return extra
            said = (tried.stderr.strip().splitlines() or ["no message"])[-1]
        raise DoorError(f"The browser for the tests does not start: {said}. Install chromium and try again")


def launch_options() -> dict[str, object]:
    """Keyword arguments for Playwright's `chromium.launch`."""
    browser = Browser()
    return {"executable_path": str(browser.path), "args": browser.arguments(), "env": browser.env()}
