"""The command ``cellcommons``: images, layouts and releases, in and out."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from cellcommons import __version__
from cellcommons.errors import BadSignature, CellCommonsError, DigestMismatch, DiskFull, EditedLocally, Unreachable
from cellcommons.layouts.carries import FEATURES

HUB = "http://127.0.0.1:8000"
#: Exit status by kind of error; of any other it is 2.
STATUSES: dict[type[CellCommonsError], int] = {
    DigestMismatch: 1,
    BadSignature: 1,
    EditedLocally: 1,
    Unreachable: 3,
    DiskFull: 4,
}
PLACES = "a downloaded release, LAB/SLUG@VERSION, ADDRESS/LAB/SLUG@VERSION, or the address of static files"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    0: done. 1: it is not as it should be: faults that ``validate`` or differences that ``diff`` found, bytes or
    signatures that are not those stated, files changed by hand, or that ``upload`` could not bring in. 2: bad input, or
    no such thing. 3: the other side cannot be reached. 4: the disk is full. 130: Ctrl-C.
    """
    arguments = _parser().parse_args(argv)
    try:
        result: dict[str, Any] = _command(arguments.run)(arguments)
    except CellCommonsError as error:
        _print(f"cellcommons: {error.line()}", sys.stderr)
        status = next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 2)
        if arguments.json:
            told = {"error": error.code, "what": error.what, "where": error.where, "remedy": error.remedy}
            _print(json.dumps({**told, "status": status}, ensure_ascii=False))
        return status
    except OSError as error:
        _print(f"cellcommons: {error.filename or ''}: {error.strerror or error}", sys.stderr)
        return 2
    except KeyboardInterrupt:
        again = arguments.command in ("download", "sync", "convert", "upload")
        hint = " Run the same command again: it goes on where it stopped." if again else ""
        _print(f"\ncellcommons: stopped.{hint}", sys.stderr)
        return 130
    if arguments.json:
        _print(json.dumps(result, ensure_ascii=False))
    else:
        _show(result)
    return 1 if False in [result.get(name) for name in ("valid", "same", "current", "complete")] else 0


def _command(name: str) -> Callable[[argparse.Namespace], dict[str, Any]]:
    """``module.function`` of ``cellcommons.commands``, imported when it is asked for: a download needs no layouts."""
    module, function = name.split(".")
    found: Callable[[argparse.Namespace], dict[str, Any]] = getattr(
        importlib.import_module(f"cellcommons.commands.{module}"), function
    )
    return found


class _AnyOrder(argparse.ArgumentParser):
    """Options may stand between the arguments of a command, also where one of these may be left out."""

    _within = False

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        if self._within:
            return super().parse_known_args(args, namespace)
        self._within = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._within = False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cellcommons", description="Cell images, labels and releases, in and out.")
    parser.add_argument("--version", action="version", version=f"cellcommons {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_AnyOrder)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    _folder_commands(commands, shared)
    _release_commands(commands, shared)
    _upload_command(commands, shared)
    return parser


def _folder_commands(commands: Any, shared: argparse.ArgumentParser) -> None:
    command = commands.add_parser("convert", parents=[shared], help="an image to OME-Zarr, or one layout to another")
    command.add_argument("source", metavar="SOURCE", type=Path, help="an image, or a folder in a published layout")
    command.add_argument("target", metavar="TARGET", type=Path, help="a folder that does not exist yet")
    command.add_argument("--from", dest="layout", metavar="LAYOUT", help="of SOURCE; guessed if not named")
    command.add_argument("--to", metavar="LAYOUT", help="ome-zarr (for an image), or a layout")
    command.add_argument(
        "--drop", metavar="WHAT", default="", help=f"what may be lost, by commas: all, {', '.join(FEATURES)}"
    )
    command.add_argument("--series", metavar="N_OR_NAME", help="one image of a file that holds several")
    command.add_argument("--limit", type=_count, metavar="N", help="the first N images only")
    command.add_argument("--keep-going", action="store_true", help="leave out what cannot be read, and say so")
    command.set_defaults(run="folders.convert")

    command = commands.add_parser("validate", parents=[shared], help="read everything; exit 1 if anything is wrong")
    command.add_argument("path", metavar="PATH", type=Path)
    command.add_argument("--layout", help="guessed if not named")
    command.set_defaults(run="folders.validate")

    command = commands.add_parser("info", parents=[shared], help="say what an image, a folder or a release holds")
    command.add_argument("path", metavar="PATH", type=Path)
    command.add_argument("--layout", help="guessed if not named")
    command.set_defaults(run="folders.info")

    command = commands.add_parser("layouts", parents=[shared], help="list the published layouts, and what each carries")
    command.set_defaults(run="folders.list_layouts")

    command = commands.add_parser("guess", parents=[shared], help="say which layout a folder follows, and why")
    command.add_argument("path", metavar="PATH", type=Path)
    command.set_defaults(run="folders.guess")


def _upload_command(commands: Any, shared: argparse.ArgumentParser) -> None:
    command = commands.add_parser("upload", parents=[shared], help="files to a dataset of a hub; goes on if cut")
    command.add_argument("paths", metavar="PATH", type=Path, nargs="+", help="image files; folders or zips in a layout")
    command.add_argument("--dataset", metavar="NAME", required=True)
    command.add_argument("--hub", metavar="URL", default=os.environ.get("CELLCOMMONS_HUB", HUB))
    command.add_argument("--layout", metavar="LAYOUT", help="of a folder or zip; told from it if not named")
    command.add_argument("--limit", type=_count, metavar="N", help="the first N images of a folder or zip only")
    command.add_argument("--source", default="", help="donor, slide or experiment of the image files")
    command.add_argument("--stratum", default="", help="kind of the image files, worth measuring apart")
    command.add_argument("--jobs", type=_jobs, default=4, help="files, and parts, sent at once (%(default)s)")
    command.add_argument("--token-file", metavar="FILE", type=Path, help="holds the token; else CELLCOMMONS_TOKEN")
    command.set_defaults(run="upload.upload")


def _release_commands(commands: Any, shared: argparse.ArgumentParser) -> None:
    command = commands.add_parser("download", parents=[shared], help="fetch and verify a release; resumes if cut")
    command.add_argument("reference", metavar="LAB/SLUG@VERSION")
    command.add_argument("folder", metavar="DIR", type=Path, nargs="?", help="SLUG-VERSION here, if not named")
    command.add_argument(
        "--hub",
        metavar="URL",
        default=os.environ.get("CELLCOMMONS_HUB", HUB),
        help="a hub, or an address or folder with manifest.json beside objects/ (CELLCOMMONS_HUB; %(default)s)",
    )
    command.add_argument("--jobs", type=_jobs, default=8, help="objects fetched at once (%(default)s)")
    command.add_argument("--no-packs", action="store_true", help="one request an object, as from a mirror")
    command.add_argument(
        "--repair", action="store_true", help="check what is there already, and replace what is damaged"
    )
    command.add_argument("--sha256", metavar="HEX", help="refuse any manifest but this one")
    command.add_argument("--key", metavar="HEX_OR_FILE", help="refuse a manifest that this public key has not signed")
    command.add_argument(
        "--cache",
        metavar="DIR",
        default=os.environ.get("CELLCOMMONS_CACHE"),
        help="link what is in this cache rather than fetch it, and keep the rest there (CELLCOMMONS_CACHE)",
    )
    _selection(command)
    command.set_defaults(run="download.download")

    command = commands.add_parser("sync", parents=[shared], help="bring a download to the newest version, or another")
    command.add_argument(
        "reference", metavar="LAB/SLUG[@VERSION]", nargs="?", help="the newest of what the folder holds if not named"
    )
    command.add_argument("folder", metavar="DIR", type=Path)
    command.add_argument("--hub", metavar="URL", help="as for download; else the one that the folder came from")
    command.add_argument("--jobs", type=_jobs, default=8, help="objects fetched at once (%(default)s)")
    command.add_argument("--dry-run", action="store_true", help="say what would move and change; exit 1 if anything")
    command.add_argument("--force", action="store_true", help="replace files that were changed by hand")
    command.add_argument("--sha256", metavar="HEX", help="refuse any manifest but this one")
    command.add_argument("--key", metavar="HEX_OR_FILE", help="refuse a manifest that this public key has not signed")
    command.add_argument("--cache", metavar="DIR", default=os.environ.get("CELLCOMMONS_CACHE"), help="as for download")
    _window(command.add_argument_group("another part of the images than before"))
    command.set_defaults(run="sync.sync")

    command = commands.add_parser(
        "login", parents=[shared], help="say who you are on a hub; kept for its address alone"
    )
    command.add_argument("hub", metavar="HUB", help="https://...")
    command.add_argument("--token-stdin", action="store_true", help="read a token, rather than ask name and password")
    command.add_argument("--insecure", action="store_true", help="allow http:// to another machine")
    command.set_defaults(run="login.login")

    command = commands.add_parser("logout", parents=[shared], help="forget the token of a hub on this machine")
    command.add_argument("hub", metavar="HUB")
    command.set_defaults(run="login.logout")

    command = commands.add_parser("cache", parents=[shared], help="size, prune or verify the cache of objects")
    command.add_argument("do", choices=("size", "prune", "verify"))
    command.add_argument("--cache", metavar="DIR", help="else CELLCOMMONS_CACHE, else the person's folder of caches")
    command.add_argument("--to", metavar="SIZE", default="0", help="prune until it holds at most so much, e.g. 50GB")
    command.set_defaults(run="cache.cache")

    command = commands.add_parser("verify", parents=[shared], help="check every byte, and how the splits came about")
    command.add_argument("release", metavar="RELEASE", help=PLACES)
    command.add_argument("--parent", metavar="RELEASE", help="the version before it: was test there test here?")
    command.add_argument("--quick", action="store_true", help="do not look for near-duplicates that were left out")
    command.add_argument("--hub", metavar="URL", default=os.environ.get("CELLCOMMONS_HUB", HUB), help="of SLUG@VERSION")
    command.add_argument("--key", metavar="HEX_OR_FILE", help="the manifest must be signed by this public key")
    command.set_defaults(run="verify.verify")

    command = commands.add_parser("diff", parents=[shared], help="what changed from A to B; exit 1 if anything")
    command.add_argument("before", metavar="A", help=PLACES)
    command.add_argument("after", metavar="B", help="likewise")
    command.add_argument(
        "--hub", metavar="URL", default=os.environ.get("CELLCOMMONS_HUB", HUB), help="of LAB/SLUG@VERSION"
    )
    command.add_argument("--pictures", metavar="DIR", help="write pictures of the cells that changed most")
    command.add_argument("--parquet", metavar="DIR", help="write tables of images, cells and tracks that changed")
    command.set_defaults(run="diff.diff")

    command = commands.add_parser("export", parents=[shared], help="write a release as another tool reads it")
    command.add_argument("release", metavar="RELEASE_DIR", type=Path, help="a downloaded release")
    command.add_argument("folder", metavar="DIR", type=Path, help="a folder that does not exist yet")
    command.add_argument("--layout", default="ctc", help="%(default)s if not named; `cellcommons layouts` lists them")
    command.add_argument("--split", help="one split only: train, validation or test")
    command.add_argument("--channel", type=int, default=0, help="of the image, where a layout holds one (%(default)s)")
    command.add_argument("--drop", metavar="WHAT", default="", help="what may be lost, by commas, as for convert")
    command.set_defaults(run="releases.export")


def _selection(command: Any) -> None:
    part = command.add_argument_group("a part of it")
    part.add_argument("--split", help="train, validation or test")
    part.add_argument("--images", nargs="+", default=[], metavar="NAME", help="these images")
    part.add_argument("--query", default="", metavar="TEXT", help="for example: stratum == 'tissue' and cells > 10")
    part.add_argument("--labels-only", action="store_true", help="no images, nor what is given beside them")
    part.add_argument("--no-images", action="store_true", help="all but the images")
    _window(part)


def _window(part: Any) -> None:
    part.add_argument("--channel", action="append", default=[], metavar="NAME", help="this channel; may be repeated")
    part.add_argument(
        "--roi", default="", metavar="Y0:Y1,X0:X1", help="this region, in pixels; also t=0:10,z=3:8,y=0:256,x=0:256"
    )


def _show(result: dict[str, Any]) -> None:
    """A result for a person: a line a fact, a line or a block for each row of a list."""
    for name, value in result.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            _print(f"{name}:")
            for row in value:
                if len(row) > 7:
                    _show_block(row)
                else:
                    _print("  " + "  ".join(str(part) for part in row.values() if part not in ("", [], {}, None)))
        elif value != "":
            _print(f"{name:<18} {_text(value)}")


def _show_block(row: dict[str, Any]) -> None:
    for key, value in row.items():
        if value not in ("", [], {}):
            _print(f"  {key:<16} {_text(value)}")
    _print("")


def _text(value: Any) -> str:
    """A value on one line; what is not known says so."""
    if value is None:
        return "unknown"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(one)}" for key, one in value.items()) or "none"
    if isinstance(value, list | tuple):
        parts = [_text(one) for one in value]
        return (
            f"{parts[0]}, each"
            if len(parts) > 1 and len(set(parts)) == 1 and isinstance(value[0], dict)
            else (", ".join(parts) or "none")
        )
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _jobs(text: str) -> int:
    jobs = int(text) if text.isdecimal() else 0
    if not 1 <= jobs <= 64:
        raise argparse.ArgumentTypeError("a number from 1 to 64")
    return jobs


def _count(text: str) -> int:
    count = int(text) if text.isdecimal() else 0
    if count < 1:
        raise argparse.ArgumentTypeError("a number from 1")
    return count


def _print(text: str, stream: TextIO | None = None) -> None:
    out = stream or sys.stdout
    out.write(f"{text}\n")
    out.flush()
