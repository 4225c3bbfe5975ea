"""What large bodies took goes back to the system."""

import contextlib
import ctypes

# mallopt's names for them (glibc, malloc.h).
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
# Most requests stay below, and keep the speed of memory that is at hand.
_LARGE_BYTES, _KEPT_BYTES = 256 * 1024, 8 * 1024 * 1024


def give_back_large_blocks() -> None:
    """Tell glibc to map large blocks one by one, so that each is unmapped when it is freed.

    By itself it stops doing so at the first block of 8 MiB that is freed, and after a
    few requests of that size the process holds 240 MB more. Other C libraries are left alone.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
