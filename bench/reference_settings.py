"""The portal's settings with the reference's addresses."""

from aiosmon.settings import *  # noqa: F403  # a settings module is what star imports are for

ROOT_URLCONF = "bench.reference"
