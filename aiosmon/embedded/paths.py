"""Where the data lives, who owns it, and the small private files in it."""

import hashlib
import json
import os
import pwd
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
# Any unprivileged number will do where there is no user `nobody`.
FALLBACK_UID = 65534


class EmbeddedError(Exception):
    """An embedded server can't work; the message says what is wrong and what mends it."""


@dataclass(frozen=True)
class Owner:
    """The user that an embedded server runs as."""

    uid: int
    gid: int


def data_dir() -> Path:
    """The data directory of this checkout. Only computed: nothing is created."""
    if named := os.environ.get("AIOSMON_DATA_DIR"):
        return Path(named).absolute()
    if os.geteuid() != 0:
        return CHECKOUT / ".data"
    # PostgreSQL refuses root, and the user it is dropped to can't enter /root.
    digest = hashlib.sha256(os.fsencode(CHECKOUT)).hexdigest()[:8]
    return Path("/var/lib/aiosmon") / f"{CHECKOUT.name}-{digest}"


def server_owner() -> Owner | None:
    """Who embedded servers are dropped to when we are root; None when we are not."""
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return Owner(FALLBACK_UID, FALLBACK_UID)
    return Owner(nobody.pw_uid, nobody.pw_gid)


def create_data_dir(data: Path) -> None:
    """Create the data directory; EmbeddedError when that is impossible."""
    try:
        made = [folder for folder in (data, *data.parents) if not folder.exists()]
        data.mkdir(parents=True, exist_ok=True)
        for folder in made:
            # Under root another user must pass through to its own folder, whatever our umask,
            # but list nothing. Folders that were there before are never opened.
            folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
        with tempfile.TemporaryFile(dir=data):
            pass
    except OSError as error:
        raise EmbeddedError(
            f"The data directory {data} can't be used: {error.strerror}. "
            "Give it to this user, or set AIOSMON_DATA_DIR to another directory."
        ) from error


def create_server_dir(path: Path, owner: Owner | None) -> None:
    """Create a folder that only the embedded server's user may enter."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if owner is not None:
        os.chown(path, owner.uid, owner.gid)


def write_private(path: Path, text: str, owner: Owner | None = None) -> None:
    """Replace a file atomically; only its owner may read it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if owner is not None:
            os.chown(temporary, owner.uid, owner.gid)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a state file; None when it is absent, unreadable or not an object."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def known_secret_key() -> str | None:
    """The secret key that an earlier start made, if there is one."""
    try:
        return (data_dir() / "secret_key").read_text(encoding="ascii").strip() or None
    except OSError:
        return None


def secret_key(data: Path) -> str:
    """The installation's secret key, made on the first call; concurrent callers get the same."""
    path = data / "secret_key"
    if not path.exists():
        create_data_dir(data)
        draft = data / f".secret_key.{os.getpid()}.{secrets.token_hex(4)}"
        write_private(draft, secrets.token_urlsafe(64))
        try:
            # link() fails when the name exists, so the first writer wins and no reader
            # ever sees half a key.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii").strip()
