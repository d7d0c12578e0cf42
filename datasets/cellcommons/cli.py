"""The command ``cellcommons``: download, verify, look at and export releases."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from cellcommons import __version__
from cellcommons.client import Client, Progress
from cellcommons.errors import CellCommonsError, NotFound
from cellcommons.exports import export_layouts, export_release
from cellcommons.folder import ReleaseFolder
from cellcommons.layouts.registry import all_layouts
from cellcommons.manifest import Manifest
from cellcommons.release import Member

HUB = "http://127.0.0.1:8000"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status: 0, 2 for bad input, 130 for Ctrl-C."""
    arguments = _parser().parse_args(argv)
    try:
        result: dict[str, Any] = arguments.run(arguments)
    except CellCommonsError as error:
        _print(f"cellcommons: {error.line()}", sys.stderr)
        return 2
    except OSError as error:
        _print(f"cellcommons: {error.filename or ''}: {error.strerror or error}", sys.stderr)
        return 2
    except KeyboardInterrupt:
        hint = " Run the same command again: it goes on where it stopped." if arguments.command == "download" else ""
        _print(f"\ncellcommons: stopped.{hint}", sys.stderr)
        return 130
    if arguments.json:
        _print(json.dumps(result, ensure_ascii=False))
    else:
        for name, value in result.items():
            _print(f"{name:<16} {value}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cellcommons", description="Releases of cell images with labels.")
    parser.add_argument("--version", action="version", version=f"cellcommons {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print one JSON object as the last line")

    command = commands.add_parser("download", parents=[shared], help="fetch and verify a release; resumes if cut")
    command.add_argument("reference", metavar="SLUG@EDITION")
    command.add_argument("folder", metavar="DIR", type=Path)
    command.add_argument(
        "--hub",
        metavar="URL",
        default=os.environ.get("CELLCOMMONS_HUB", HUB),
        help="a hub, or an address or folder with manifest.json beside objects/ (CELLCOMMONS_HUB; %(default)s)",
    )
    command.add_argument("--jobs", type=_jobs, default=8, help="objects fetched at once (%(default)s)")
    command.add_argument(
        "--repair", action="store_true", help="check what is there already, and replace what is damaged"
    )
    command.add_argument("--sha256", metavar="HEX", help="refuse any manifest but this one")
    command.set_defaults(run=_download)

    command = commands.add_parser("verify", parents=[shared], help="check every byte of a downloaded release")
    command.add_argument("folder", metavar="DIR", type=Path)
    command.set_defaults(run=_verify)

    command = commands.add_parser("info", parents=[shared], help="say what a downloaded release or a manifest holds")
    command.add_argument("path", metavar="DIR_OR_FILE", type=Path)
    command.set_defaults(run=_info)

    command = commands.add_parser("export", parents=[shared], help="write a release's movies as other tools read them")
    command.add_argument("release", metavar="RELEASE_DIR", type=Path, help="a downloaded release of tracking")
    command.add_argument("folder", metavar="DIR", type=Path, help="a folder that does not exist yet")
    command.add_argument("--layout", choices=export_layouts(), default="ctc", help="%(default)s if not named")
    command.add_argument("--split", help="one split only: train, validation or test")
    command.add_argument("--channel", type=int, default=0, help="of the image, where a layout holds one (%(default)s)")
    command.set_defaults(run=_export)

    command = commands.add_parser("layouts", parents=[shared], help="list the published layouts that can be read")
    command.set_defaults(run=_layouts)
    return parser


def _download(arguments: argparse.Namespace) -> dict[str, Any]:
    meter = Meter(sys.stderr)
    # The token is read from the environment only: a command line is visible to everyone on the machine.
    client = Client(arguments.hub, os.environ.get("CELLCOMMONS_TOKEN"))
    try:
        done = client.download(
            arguments.reference,
            arguments.folder,
            jobs=arguments.jobs,
            progress=meter.show,
            repair=arguments.repair,
            sha256=arguments.sha256,
        )
    finally:
        meter.end()
    return asdict(done)


def _verify(arguments: argparse.Namespace) -> dict[str, Any]:
    place = ReleaseFolder(arguments.folder)
    total = place.load().manifest.objects
    meter, seen = Meter(sys.stderr), [0, 0, 0]

    def progress(member: Member) -> None:
        # The manifest comes first and is not one of the objects it counts.
        if seen[2]:
            seen[0], seen[1] = seen[0] + 1, seen[1] + member.size
        seen[2] = 1
        meter.show(Progress(seen[0], total.count, seen[1], total.bytes, 0))

    try:
        release = place.verify(progress)
    finally:
        meter.end()
    return {
        "reference": release.manifest.reference,
        "manifest_sha256": release.digest,
        "objects": total.count,
        "bytes": total.bytes,
        "verified": True,
    }


def _info(arguments: argparse.Namespace) -> dict[str, Any]:
    path: Path = arguments.path
    if path.is_dir():
        release = ReleaseFolder(path).load()
        manifest, digest = release.manifest, release.digest
    elif path.is_file():
        manifest = Manifest.parse(path.read_bytes(), where=str(path))
        digest = manifest.digest
    else:
        raise NotFound("no such file or folder", where=str(path))
    return {
        "reference": manifest.reference,
        "title": manifest.title,
        "task": manifest.task,
        "licence": manifest.licence,
        "created": manifest.created,
        "manifest_sha256": digest,
        "parent": manifest.parent,
        **asdict(manifest.counts),
        "classes": (manifest.ontology or {}).get("names", []),
        "objects": manifest.objects.count,
        "bytes": manifest.objects.bytes,
    }


def _export(arguments: argparse.Namespace) -> dict[str, Any]:
    release = ReleaseFolder(arguments.release).load()
    done = export_release(
        release, arguments.folder, layout=arguments.layout, split=arguments.split, channel=arguments.channel
    )
    return {"reference": release.manifest.reference, **asdict(done)}


def _layouts(arguments: argparse.Namespace) -> dict[str, Any]:
    return {layout.name: f"{layout.task}: {layout.title}" for layout in all_layouts()}


class Meter:
    """One line of progress: rewritten in place on a terminal, a line every few seconds elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._live = stream, stream.isatty()
        self._next, self._open = 0.0, False

    def show(self, progress: Progress) -> None:
        """Show ``progress``, not more often than can be read."""
        now = time.monotonic()
        if now < self._next and progress.objects < progress.objects_total:
            return
        self._next = now + (0.1 if self._live else 5.0)
        share = 100 * progress.bytes / max(1, progress.bytes_total)
        text = (
            f"{progress.objects:,}/{progress.objects_total:,} objects  "
            f"{progress.bytes / 1e6:,.1f}/{progress.bytes_total / 1e6:,.1f} MB  {share:.0f} %"
        )
        _print(f"\r\x1b[K{text}" if self._live else text, self._stream, end="" if self._live else "\n")
        self._open = self._live

    def end(self) -> None:
        """Leave the line."""
        if self._open:
            _print("", self._stream)
            self._open = False


def _jobs(text: str) -> int:
    try:
        jobs = int(text)
    except ValueError:
        jobs = 0
    if not 1 <= jobs <= 64:
        raise argparse.ArgumentTypeError("a number from 1 to 64")
    return jobs


def _print(text: str, stream: TextIO | None = None, end: str = "\n") -> None:
    out = stream or sys.stdout
    out.write(text + end)
    out.flush()
