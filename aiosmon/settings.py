"""AIOSMON's settings: one file, read from the environment.

docs/operations.md lists every variable. Nothing here has a side effect: what
``make run`` starts by itself (PostgreSQL, Valkey, a secret key) it hands over
through the environment or the data directory's state files.
"""

from pathlib import Path
from typing import Any

from aiosmon import embedded, env
from aiosmon.logs import is_news
from aiosmon.unfold_settings import unfold_settings

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = env.flag("AIOSMON_DEBUG", False)
SECRET_KEY = env.text("AIOSMON_SECRET_KEY") or embedded.known_secret_key() or ""
ALLOWED_HOSTS = env.words("AIOSMON_ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]"))
CSRF_TRUSTED_ORIGINS = env.words("AIOSMON_CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "aiosmon",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "csp",
    "accounts",
    "metrics",
    "slas",
    "alerts",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.middleware.UserTimeZoneMiddleware",
]

ROOT_URLCONF = "aiosmon.urls"
WSGI_APPLICATION = "aiosmon.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Stores -----------------------------------------------------------------

DATABASE_URL = env.text("DATABASE_URL") or embedded.known_database_url() or ""
REDIS_URL = env.text("REDIS_URL") or embedded.known_redis_url() or ""

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        # Without a URL the settings still load, so that the check in checks.py can say what to do.
        **(
            env.postgres(DATABASE_URL) if DATABASE_URL else {"NAME": "aiosmon", "HOST": "127.0.0.1"}
        ),
        "CONN_MAX_AGE": 600,
        # A connection that PostgreSQL's restart broke is replaced, not served as an error.
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            "application_name": "aiosmon",
            **env.postgres_options(DATABASE_URL),
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"

# --- Celery -----------------------------------------------------------------

CELERY_BROKER_URL = REDIS_URL or "redis://127.0.0.1:6379/0"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    # Past the visibility timeout, the defaults sweep for a dead worker's tasks only every 100 s.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Below the visibility timeout: a task that outlives it would be run twice.
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_SOFT_TIME_LIMIT = 540
CELERY_TASK_DEFAULT_QUEUE = "celery"
CELERY_TASK_ROUTES = {
    # Dispatch stays prompt while evaluation and roll-ups are busy.
    "metrics.tasks.dispatch_probes": {"queue": "probes"},
    "metrics.tasks.run_probe": {"queue": "probes"},
    # A channel that hangs costs a thread of its own pool, and nothing else.
    "alerts.tasks.deliver": {"queue": "delivery"},
    "alerts.tasks.send_channel": {"queue": "delivery"},
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "aiosmon.beat:Scheduler"
# Beat looks for changed schedules at least this often (seconds).
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_TIMEZONE = "UTC"
DJANGO_CELERY_BEAT_TZ_AWARE = True

# --- The portal -------------------------------------------------------------

PORTAL_URL = env.text("AIOSMON_URL", "http://127.0.0.1:8000")

INGEST_MAX_ROWS = env.integer("AIOSMON_INGEST_MAX_ROWS", 10_000, least=1)
INGEST_MAX_BYTES = env.integer("AIOSMON_INGEST_MAX_BYTES", 8 * 1024 * 1024, least=1024)
# Clocks differ: a row up to this far ahead of ours is still taken (seconds).
INGEST_MAX_AHEAD_SECONDS = env.integer("AIOSMON_INGEST_MAX_AHEAD_SECONDS", 300)
# What a key may send unless its own limit says otherwise; 0: no limit.
INGEST_ROWS_PER_MINUTE = env.integer("AIOSMON_INGEST_ROWS_PER_MINUTE", 3_000_000)
# A repeated Idempotency-Key gets the first answer again for this long.
IDEMPOTENCY_HOURS = env.integer("AIOSMON_IDEMPOTENCY_HOURS", 24, least=1)
# What is enqueued as soon as rows are committed; empty: they wait for beat's tick.
AFTER_ROWS_TASK = "alerts.tasks.evaluate" if env.flag("AIOSMON_NUDGE", True) else ""
# A service that has not reported for this long counts as silent.
SILENT_AFTER_SECONDS = env.integer("AIOSMON_SILENT_AFTER_SECONDS", 900, least=60)

ROW_RETENTION_DAYS = env.integer("AIOSMON_ROW_RETENTION_DAYS", 14, least=1)
MINUTE_RETENTION_DAYS = env.integer("AIOSMON_MINUTE_RETENTION_DAYS", 90, least=1)
HOUR_RETENTION_DAYS = env.integer("AIOSMON_HOUR_RETENTION_DAYS", 730, least=1)
# Corrections are what models learn from: they outlive the rows.
FEEDBACK_RETENTION_DAYS = env.integer("AIOSMON_FEEDBACK_RETENTION_DAYS", 730, least=1)
VERDICT_RETENTION_DAYS = env.integer("AIOSMON_VERDICT_RETENTION_DAYS", 90, least=1)

# Probes reach only these hosts; an entry ".example.org" allows every subdomain.
PROBE_ALLOWED_HOSTS = env.words("AIOSMON_PROBE_ALLOWED_HOSTS", ("localhost", "127.0.0.1"))
# Named databases for ML inference probes: AIOSMON_PROBE_DSN_<NAME>=postgresql://…
PROBE_DSNS = env.suffixed("AIOSMON_PROBE_DSN_")
PROBE_MAX_RESPONSE_BYTES = 4 * 1024 * 1024

# An alert of another system that names no end is over after this, unless it is told again.
ALERT_RESOLVE_TIMEOUT_SECONDS = env.integer("AIOSMON_ALERT_RESOLVE_TIMEOUT_SECONDS", 300, least=10)
# After a person resolves an alert, what was measured until this long after does not reopen it.
RESOLVE_GRACE_SECONDS = env.integer("AIOSMON_RESOLVE_GRACE_SECONDS", 60)
# A breach that comes back so soon after the portal resolved it reopens the same alert.
REOPEN_SECONDS = env.integer("AIOSMON_REOPEN_SECONDS", 600)
# Alerts of related components that fire within this of one another are one incident.
INCIDENT_SPAN_SECONDS = env.integer("AIOSMON_INCIDENT_SPAN_SECONDS", 1800)
# So many openings and closings within the span are flapping, until steady for that long.
FLAP_CHANGES = env.integer("AIOSMON_FLAP_CHANGES", 6, least=3)
FLAP_SPAN_SECONDS = env.integer("AIOSMON_FLAP_SPAN_SECONDS", 3600, least=60)
FLAP_STEADY_SECONDS = env.integer("AIOSMON_FLAP_STEADY_SECONDS", 1800, least=60)
# What is enqueued as soon as an alert's event is committed; empty: it waits for beat's tick.
AFTER_EVENTS_TASK = "alerts.tasks.deliver" if env.flag("AIOSMON_NUDGE", True) else ""
# Encrypt channels' URLs and keys: the first encrypts, all decrypt, then the secret key.
CHANNEL_KEYS = env.words("AIOSMON_CHANNEL_KEY")
# Hosts and networks that notifications may go to although they are internal.
NOTIFY_ALLOW = env.words("AIOSMON_NOTIFY_ALLOW")
# For so long a message's links can acknowledge and resolve.
LINK_HOURS = env.integer("AIOSMON_LINK_HOURS", 72, least=1)
NOTIFICATION_RETENTION_DAYS = env.integer("AIOSMON_NOTIFICATION_RETENTION_DAYS", 90, least=1)
# A part counts as stopped when its heartbeat, written every 5 s, is older than this. With the
# front page's refresh of 10 s, everybody knows within 30.
HEARTBEAT_MAX_AGE_SECONDS = env.integer("AIOSMON_HEARTBEAT_MAX_AGE_SECONDS", 20, least=10)
# Pinged every so often while everything works; whoever listens there misses it when it stops.
DEADMAN_URL = env.text("AIOSMON_DEADMAN_URL")
DEADMAN_SECONDS = env.integer("AIOSMON_DEADMAN_SECONDS", 60, least=10)
# Whoever asks from these addresses or networks sees all of /metrics without a key.
METRICS_ALLOW = env.networks("AIOSMON_METRICS_ALLOW")

# --- REST -------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.authentication.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "EXCEPTION_HANDLER": "metrics.ingest.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_SCHEMA_CLASS": "aiosmon.openapi.schema.PortalSchema",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "OAS_VERSION": "3.1.0",
    "TITLE": "AIOSMON API",
    "VERSION": "v1",
    "DESCRIPTION": "Send measurements of AI services, and read them back. A method that an address "
    "does not have is answered with 405; every error names field, problem and fix.",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "ENUM_NAME_OVERRIDES": {"AlertStatus": "alerts.models.Status"},
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "aiosmon.openapi.hooks.complete",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "/static/aiosmon/icon.svg",
    # No validator: it would send the description to a server of somebody else's.
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "defaultModelsExpandDepth": 0,
        "validatorUrl": None,
    },
}

# --- Security ---------------------------------------------------------------

HTTPS = env.flag("AIOSMON_HTTPS", False)
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        # Alpine, which django-unfold is built on, evaluates its attributes.
        "script-src": ["'self'", "'unsafe-eval'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "base-uri": ["'self'"],
        "object-src": ["'none'"],
    }
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"
# unfold's sign-in form sends no next: without this it would lead to /accounts/profile/.
LOGIN_REDIRECT_URL = "admin:index"

# --- Language, time, files --------------------------------------------------

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
FORMAT_MODULE_PATH = ["aiosmon.formats"]
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "aiosmon" / "static"]
# Served from the packages themselves, so that no collectstatic step can be forgotten.
WHITENOISE_USE_FINDERS = True

DATA_UPLOAD_MAX_MEMORY_SIZE = INGEST_MAX_BYTES

# --- Logs -------------------------------------------------------------------

LOG_LEVEL = env.text("AIOSMON_LOG_LEVEL", "INFO").upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "fmt": "%(asctime)s %(levelname)s %(name)s %(process)d %(message)s",
            "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
        },
        "text": {"format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s"},
    },
    "filters": {"news": {"()": "django.utils.log.CallbackFilter", "callback": is_news}},
    "handlers": {
        "nowhere": {"class": "logging.NullHandler"},
        "console": {
            "filters": ["news"],
            "class": "logging.StreamHandler",
            "formatter": env.text("AIOSMON_LOG_FORMAT", "json"),
        },
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # What a channel's service says is kept with the notification.
        "apprise": {"level": "INFO", "handlers": ["nowhere"], "propagate": False},
        "httpx": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
        "django_celery_beat": {"level": "WARNING"},
    },
}

UNFOLD = unfold_settings()
