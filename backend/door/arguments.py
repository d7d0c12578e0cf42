"""What was typed after `./hub`, and which part of the door it means."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from .checks import run_checks
from .errors import DoorError, Stopped, explain_os_error
from .home import ROOT, Home
from .hub import detach
from .status import bring_down, show_status
from .up import UpOptions, bring_up
from .verbs import run_verb

USAGE = """\
./hub up [--port 8000] [--home DIR] [--detach] [--empty]   install, start everything, print the address; Ctrl-C stops it
./hub down [--home DIR]                                    stop a detached hub
./hub status [--home DIR] [--json]                         health of every part
./hub test [pytest arguments]                              every check and test, or pytest with these arguments
./hub import LAYOUT PATH --dataset SLUG [--limit N]        a folder in a published layout becomes a dataset
./hub rehearse LAYOUT PATH [--images N] [--annotators K]   the whole loop on a throw-away hub
./hub bench NAME [--json]                                  one benchmark
./hub VERB ...                                             any other command of manage.py (./hub help lists them)
"""


def run(arguments: list[str]) -> int:
    """Do what was asked; the exit status. A refusal is one line on stderr and status 2."""
    try:
        return _dispatch(arguments)
    except DoorError as error:
        print(f"hub: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"hub: {explain_os_error(error, doing='running ./hub')}", file=sys.stderr)
        return 2
    except (Stopped, KeyboardInterrupt):
        return 130


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, end="")
        return 0
    verb, rest = arguments[0], arguments[1:]
    if verb == "test":
        return run_checks(rest)
    if verb == "up":
        parser = _Parser(prog="./hub up", description="Install what is missing, start everything, print the address.")
        parser.add_argument("--port", type=int, default=8000, help="TCP port on 127.0.0.1; 0 picks a free one (8000)")
        parser.add_argument("--home", default=str(ROOT / ".hub"), help="folder of the database, objects, logs (.hub)")
        parser.add_argument("--detach", action="store_true", help="return when it is ready; ./hub down stops it")
        parser.add_argument("--empty", action="store_true", help="a new home gets one operator and no demo")
        chosen = parser.parse_args(rest)
        options = UpOptions(home=Path(chosen.home).expanduser().absolute(), port=chosen.port, empty=chosen.empty)
        return detach(options) if chosen.detach else bring_up(options)
    rest, home = take_home(rest)
    if verb == "status":
        parser = _Parser(prog="./hub status", description="Health of every part; status 1 where one is down.")
        parser.add_argument("--json", action="store_true")
        return show_status(home, as_json=parser.parse_args(rest).json)
    if verb == "down":
        _Parser(prog="./hub down", description="Stop the hub of a home.").parse_args(rest)
        return bring_down(home)
    return run_verb(verb, rest, home)


def take_home(arguments: list[str]) -> tuple[list[str], Home]:
    """`--home DIR` taken out of the arguments of any verb, and the home it names. Raises DoorError."""
    rest: list[str] = []
    home = str(ROOT / ".hub")
    words = iter(arguments)
    for word in words:
        if word == "--home":
            home = next(words, "")
        elif word.startswith("--home="):
            home = word.partition("=")[2]
        else:
            rest.append(word)
            continue
        if not home:
            raise DoorError("--home needs a folder")
    return rest, Home(os.path.expanduser(home))


class _Parser(argparse.ArgumentParser):
    """Refuses in one line, as everything here does."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise DoorError(f"{message} (see {self.prog} --help)")
