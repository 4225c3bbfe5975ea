"""PostgreSQL and Valkey out of wheels, for when no URL names real ones.

Nothing here needs Django, and importing it needs nothing but the standard
library: ``make doctor`` runs it before any package is installed.
"""

from aiosmon.embedded.paths import (
    EmbeddedError,
    create_data_dir,
    data_dir,
    known_secret_key,
    secret_key,
)
from aiosmon.embedded.postgres import Postgres, known_database_url
from aiosmon.embedded.valkey import Valkey, known_redis_url

__all__ = [
    "EmbeddedError",
    "Postgres",
    "Valkey",
    "create_data_dir",
    "data_dir",
    "known_database_url",
    "known_redis_url",
    "known_secret_key",
    "secret_key",
]
