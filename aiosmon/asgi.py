"""The ASGI entry point that the web server loads: fast ingestion in front of Django.

Django runs as WSGI in a fixed pool of threads, which keep their database
connections; its own ASGI handler was measured three times slower.
"""

import os
from typing import Any, cast

from a2wsgi import WSGIMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiosmon.settings")

# Loads the apps: what follows needs them.
from aiosmon.wsgi import application as django
from metrics.ingest.asgi import Ingestion

THREADS = 8

_wsgi: Any = WSGIMiddleware(cast("Any", django), workers=THREADS)
application = Ingestion(_wsgi)
