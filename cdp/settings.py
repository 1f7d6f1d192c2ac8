"""Settings, from the environment alone (see `.env.example`).

Without `DATABASE_URL` this is a laptop: embedded services under `.cdp/`, generated keys ("debug"). With it, this is a
deployment, which refuses to start while anything is missing (`cdp.core.startup`).
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import django_stubs_ext
from celery.schedules import crontab
from csp.constants import NONE, SELF
from redis.backoff import NoBackoff
from redis.retry import Retry

from cdp.core import embedded, keyring

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
EMBEDDED = "DATABASE_URL" not in os.environ
SERVICES = embedded.services()


def _flag(name: str, default: bool) -> bool:
    return os.environ.get(name, str(default)).strip().lower() in {"1", "true", "yes", "on"}


def _list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


# What is prepared (see `cdp.core.statements`) is planned once, for any values.
SESSION = {"search_path": "public,keys", "timezone": "UTC", "jit": "off", "plan_cache_mode": "force_generic_plan"}
PREPARING = {"prepare_threshold": 5}
# A server that takes a connection and says nothing is away as well: after so many seconds.
SILENT_SECONDS = 5
SILENT_REDIS = {"socket_timeout": SILENT_SECONDS, "socket_connect_timeout": SILENT_SECONDS}


def _database(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", parts.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "options": " ".join(f"-c {name}={value}" for name, value in SESSION.items()),
            **PREPARING,
            "connect_timeout": SILENT_SECONDS,
            **options,
        },
    }


# Our own "debug": generated keys and plain HTTP are allowed. Django's stays off for good, because its error pages show
# local variables, and those hold personal values.
CDP_DEBUG = _flag("CDP_DEBUG", EMBEDDED)
DEBUG = False

DATABASE_URL = os.environ.get("DATABASE_URL", SERVICES.database_url)
DATABASE_OWNER_URL = os.environ.get("DATABASE_OWNER_URL", SERVICES.owner_url if EMBEDDED else "")
REDIS_URL = os.environ.get("REDIS_URL", SERVICES.redis_url)
BROKER_URL = os.environ.get("REDIS_URL", SERVICES.broker_url)

DATABASES = {"default": _database(DATABASE_URL)}
if DATABASE_OWNER_URL:
    DATABASES["owner"] = _database(DATABASE_OWNER_URL)
APP_ROLE = DATABASES["default"]["USER"]

SECRET_KEY = os.environ.get("SECRET_KEY", "")
KEYRING = os.environ.get("CDP_KEYRING", "")
KEYRING_FILE = Path(os.environ.get("CDP_KEYRING_FILE", embedded.home() / "keyring.json"))
KEY_CACHE_SECONDS = int(os.environ.get("CDP_KEY_CACHE_SECONDS", "300"))
if CDP_DEBUG and not SECRET_KEY:
    SECRET_KEY = keyring.generated_secret(embedded.home() / "django-secret")

ALLOWED_HOSTS = _list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]" if CDP_DEBUG else "")
CSRF_TRUSTED_ORIGINS = _list("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    # Before Django's own admin, whose templates ours stand in for.
    "cdp.console.apps.ConsoleConfig",
    "cdp.console.apps.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_standardized_errors",
    "guardian",
    "axes",
    "django_otp",
    "csp",
    "cdp.core",
    "cdp.events",
    "identity",
    "cdp.profiles",
    "consent",
    "cdp.lake",
    "segments",
    "cdp.ingestion",
    "cdp.api",
    "cdp.demo",
    "cdp",
]

MIDDLEWARE = [
    "cdp.core.tracing.FollowRequests",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "cdp.core.headers.SecurityHeaders",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "cdp.urls"
WSGI_APPLICATION = "cdp.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {**SILENT_REDIS, "retry": Retry(NoBackoff(), 1)},
    }
}

AUTH_USER_MODEL = "core.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
# As hard to guess by brute force as Django's default, in a third of the time at each login.
PASSWORD_HASHERS = [f"django.contrib.auth.hashers.{name}" for name in ("ScryptPasswordHasher", "PBKDF2PasswordHasher")]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
ANONYMOUS_USER_NAME = None
LOGIN_URL = "admin:login"
# Where whoever signs in is led that asked for nothing, or for a page of another site.
LOGIN_REDIRECT_URL = "admin:index"

# So many wrong passwords for an account, or from an address, lock it for so many minutes; kept in the cache alone.
AXES_HANDLER = "axes.handlers.cache.AxesCacheHandler"
AXES_FAILURE_LIMIT = int(os.environ.get("CDP_LOGIN_ATTEMPTS", "10"))
AXES_COOLOFF_TIME = timedelta(minutes=int(os.environ.get("CDP_LOGIN_LOCK_MINUTES", "15")))
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "cdp.console.login.address_of"
AXES_LOCKOUT_CALLABLE = "cdp.console.login.locked_out"
AXES_ENABLE_ADMIN = AXES_VERBOSE = False
# Whether officers, administrators and superusers need a second factor; whoever has set one up is always asked.
MFA_REQUIRED = _flag("CDP_MFA_REQUIRED", not CDP_DEBUG)

LANGUAGE_CODE = os.environ.get("CDP_LANGUAGE", "en")
LANGUAGES = [("en", "English"), ("ko", "한국어")]
LOCALE_PATHS = [BASE_DIR / "cdp" / "locale"]
FORMAT_MODULE_PATH = "cdp.console.formats"
USE_I18N = True
USE_TZ = True
TIME_ZONE = os.environ.get("CDP_TIME_ZONE", "Asia/Seoul")
DEFAULT_CURRENCY = os.environ.get("CDP_CURRENCY", "KRW")
DEFAULT_COUNTRY = os.environ.get("CDP_COUNTRY", "KR")

STATIC_URL = "static/"
# Served from the packages themselves; where a proxy serves them: this folder, filled by `manage.py collectstatic`.
STATIC_ROOT = os.environ.get("CDP_STATIC_ROOT")
# Set by quickstart for the web process: what it hid in the customers it generated.
DEMO_STORIES = os.environ.get("CDP_DEMO_STORIES")
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = _flag("SECURE_SSL_REDIRECT", not CDP_DEBUG)
# SDKs take a redirect for a delivery.
SECURE_REDIRECT_EXEMPT = [r"^v1/", r"^beacon/", r"^sourceConfig", r"^rsaMetrics", r"^(healthz|readyz|metrics)$"]
SECURE_HSTS_SECONDS = 0 if CDP_DEBUG else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not CDP_DEBUG
BEHIND_PROXY = _flag("BEHIND_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not CDP_DEBUG
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 2**20
# What is uploaded is read in memory and never written to disk; what is larger is not taken.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["cdp.api.authentication.ServiceKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["cdp.api.authentication.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "cdp.api.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "COERCE_DECIMAL_TO_STRING": False,
}
DRF_STANDARDIZED_ERRORS = {
    "EXCEPTION_HANDLER_CLASS": "cdp.api.errors.ProblemHandler",
    "EXCEPTION_FORMATTER_CLASS": "cdp.api.errors.ProblemFormatter",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Customer data platform",
    "DESCRIPTION": "Unified profiles and segments, consent asked at every read.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_PERMISSIONS": [],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "SegmentState": "segments.models.Segment.State",
        "SegmentVersionState": "segments.models.Version.State",
        "ConsentState": "consent.models.ConsentRecord.State",
        "ReviewCaseState": "cdp.api.review_shapes.STATES",
        "ProfileChangeKind": "identity.models.ProfileChange.Kind",
        "TransitionKind": "segments.models.Transition.Kind",
        "DestinationRole": "segments.models.Destination.Role",
        "DeliveryKind": "segments.models.Delivery.Kind",
        "DeliveryState": "segments.models.Delivery.State",
        "ExportFileState": "segments.models.ExportJob.State",
        "HouseholdShared": "identity.types.Shared",
        "PrivacyRequestKind": "consent.grounds.Kind",
        "PrivacyRequestState": "consent.models.PrivacyRequest.State",
        "PrivacyRequestDoor": "consent.grounds.Door",
        "NamedRecordKind": "cdp.api.consents.KINDS",
    },
}

# Celery: tasks are wake-ups without state; a task lost with its worker is sent again.
CELERY_BROKER_URL = BROKER_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, **SILENT_REDIS}
CELERY_TIMEZONE = "UTC"
# In memory: what was last sent need not be known after a restart, and beat writes no file.
CELERY_BEAT_SCHEDULER = "celery.beat.Scheduler"
CELERY_BEAT_SCHEDULE = {
    "heartbeat": {"task": "heartbeat.note", "schedule": 30.0, "options": {"expires": 30}},
    "advance": {"task": "pipeline.advance", "schedule": 5.0, "options": {"expires": 5}},
    "try_again": {"task": "pipeline.try_again", "schedule": 3600.0, "options": {"expires": 3600}},
    "lake": {"task": "lake.keep_up", "schedule": 5.0, "options": {"expires": 5}},
    "lake_reconcile": {"task": "lake.reconcile", "schedule": crontab(hour=19, minute=30), "options": {"expires": 3600}},
    "linkage": {"task": "linkage.work", "schedule": 60.0, "options": {"expires": 60}},
    "quality": {"task": "quality.judge", "schedule": 900.0, "options": {"expires": 900}},
    "quality_forget": {"task": "quality.forget", "schedule": crontab(hour=19, minute=10), "options": {"expires": 3600}},
    "quarantine": {"task": "quarantine.work", "schedule": 30.0, "options": {"expires": 30}},
    "pulls": {"task": "pulls.work", "schedule": 30.0, "options": {"expires": 30}},
    "uploads": {"task": "uploads.work", "schedule": 60.0, "options": {"expires": 60}},
    "deliveries": {"task": "deliveries.work", "schedule": 5.0, "options": {"expires": 5}},
    "exports": {"task": "exports.work", "schedule": 30.0, "options": {"expires": 30}},
    "look_again": {"task": "deliveries.look_again", "schedule": 3600.0, "options": {"expires": 3600}},
    "privacy": {"task": "privacy.work", "schedule": 30.0, "options": {"expires": 30}},
    "consent": {"task": "consent.clocks", "schedule": 3600.0, "options": {"expires": 3600}},
    # At night in Seoul, when few are busy.
    "retention": {"task": "retention.run", "schedule": crontab(hour=18, minute=20), "options": {"expires": 3600}},
}
WAKE_TASK = "pipeline.advance"
LINKAGE_TASK = "linkage.work"
RETENTION_TASK = "retention.run"
PRIVACY_TASK = "privacy.work"
DELIVERY_TASK = "deliveries.send"
QUARANTINE_TASK = "quarantine.work"
PULL_TASK = "pulls.fetch"
UPLOAD_TASK = "uploads.work"
EXPORT_TASK = "exports.work"
RECOUNT_TASK = "console.recount"
# A count on the first page that takes longer is kept, shown with its age, and counted again by a worker.
QUICK_COUNT_SECONDS = 0.1

# For how long an approved export of contact values may begin.
EXPORT_APPROVAL = timedelta(hours=int(os.environ.get("CDP_EXPORT_APPROVAL_HOURS", "24")))
# For how long an export file that was prepared may be fetched.
EXPORT_KEPT = timedelta(hours=int(os.environ.get("CDP_EXPORT_KEPT_HOURS", "24")))
# Up to so many profiles a preview counts all; of more it asks a sample, and says how far that may be off.
PREVIEW_EXACT_UP_TO = int(os.environ.get("CDP_PREVIEW_EXACT_UP_TO", "200000"))
# Counts below this are not told to whoever may not see people, and others to them in steps of it (0: all are told).
SMALLEST_COUNT = int(os.environ.get("CDP_SMALLEST_COUNT", "10"))
# Where the audit's last hashes are kept outside the database, and after how many seconds another line is due.
AUDIT_ANCHOR_FILE = os.environ.get("CDP_AUDIT_ANCHOR_FILE", str(embedded.home() / "audit-anchor.jsonl"))
AUDIT_ANCHOR_SECONDS = int(os.environ.get("CDP_AUDIT_ANCHOR_SECONDS", "60"))

# Where the lake's files are, and from how many events on full runs of segments read them ("auto"), always or never.
LAKE_DIR = Path(os.environ.get("CDP_LAKE_DIR", embedded.home() / "lake"))
SEGMENT_ENGINE = os.environ.get("CDP_SEGMENT_ENGINE", "auto")
LAKE_FROM_EVENTS = int(os.environ.get("CDP_LAKE_FROM_EVENTS", "2000000"))
# From how many events on Spark, an extra, reads it instead (0: never of itself).
SPARK_FROM_EVENTS = int(os.environ.get("CDP_SPARK_FROM_EVENTS") or "0")
# Whether what a published segment means changes only by a version that another person reviews.
SEGMENT_REVIEW = os.environ.get("CDP_SEGMENT_REVIEW", "") == "required"
# After how many seconds a rule's statement is cancelled.
SEGMENT_STATEMENT_SECONDS = int(os.environ.get("CDP_SEGMENT_STATEMENT_SECONDS", "60"))
# How members are sent: "webhook=segments.webhooks,post=house.post", each a module with what `segments.outgoing` asks.
DESTINATION_KINDS = dict(
    part.split("=", 1)
    for part in _list("CDP_DESTINATION_KINDS", "webhook=segments.webhooks,files=segments.files,sftp=segments.sftp")
    if "=" in part
)
# Within how many seconds a destination answers, and after how many tries in vain, over three days, a delivery is given up.
DELIVERY_SECONDS = float(os.environ.get("CDP_DELIVERY_SECONDS", "10"))
DELIVERY_TRIES = int(os.environ.get("CDP_DELIVERY_TRIES", "10"))
# Networks besides the public ones that destinations may be in, like 10.1.0.0/16; and whether plain http may be used.
DELIVERY_NETWORKS = _list("CDP_DELIVERY_NETWORKS")
DELIVERY_PLAIN_HTTP = _flag("CDP_DELIVERY_PLAIN_HTTP", False)
# Networks besides the public ones that databases may be in from which rows are fetched, and folders of sockets, like
# 10.1.0.0/16,/run/postgresql.
PULL_NETWORKS = _list("CDP_PULL_NETWORKS")
# How many review cases a steward is handed out a day.
REVIEW_DAILY_LIMIT = int(os.environ.get("CDP_REVIEW_DAILY_LIMIT", "100"))
# How many automatic merges, and how many near misses, drawn at random wait for a steward at a time (0: none).
REVIEW_SAMPLE = int(os.environ.get("CDP_REVIEW_SAMPLE", "20"))
# Whether a marketing consent that was not re-confirmed in time stops counting.
CONSENT_UNCONFIRMED_LAPSES = _flag("CDP_CONSENT_UNCONFIRMED_LAPSES", False)
# Who answers for the data, as receipts of consents name it.
CONTROLLER = {
    "name": os.environ.get("CDP_CONTROLLER_NAME", ""),
    "address": os.environ.get("CDP_CONTROLLER_ADDRESS", ""),
    "email": os.environ.get("CDP_CONTROLLER_EMAIL", ""),
    "phone": os.environ.get("CDP_CONTROLLER_PHONE", ""),
    "url": os.environ.get("CDP_CONTROLLER_URL", ""),
    "contact": os.environ.get("CDP_CONTROLLER_CONTACT", ""),
    "withdrawal": os.environ.get("CDP_CONTROLLER_WITHDRAWAL", ""),
    "country": DEFAULT_COUNTRY,
}

# Which packages keep blind indexes, in the order in which a new index key visits them (each lists its hooks in `reindex.py`).
REINDEX_HOOKS = ["identity.reindex", "cdp.ingestion.reindex"]

# The file, outside the database, that names every erasure: after a restore they are done again. Back it up apart.
ERASURE_JOURNAL = os.environ.get("CDP_ERASURE_JOURNAL", str(embedded.home() / "erasures.jsonl"))
# What keeps a process from serving, beside the checks of core.
START_CHECKS = [
    "cdp.core.telemetry.refuse_missing",
    "consent.statutes.refuse_unknown",
    "consent.journal.refuse_unreplayed",
]
# After how many days no backup holds what was erased: stated in certificates of erasure.
BACKUP_DAYS = int(os.environ.get("CDP_BACKUP_DAYS", "35"))
# What says of an erasure, by keyed digests of the person's records, which destinations have confirmed it.
ERASURE_CONFIRMATIONS = ["segments.tombstones.confirmations"]
# The statutes that order transactions to be kept although their person asked for erasure (`consent.statutes`).
RETENTION_STATUTES = _list("CDP_RETENTION_STATUTES", "kr_ecommerce")
# For how many minutes a code holds that proves a person's address, and how it is sent, by kind of address:
# "email=consent.notices.by_email,phone=house.sms.send", each a function of the address and a letter.
PRIVACY_CODE_MINUTES = int(os.environ.get("CDP_PRIVACY_CODE_MINUTES", "15"))
PRIVACY_SENDERS = dict(
    part.split("=", 1) for part in _list("CDP_PRIVACY_SENDERS", "email=consent.notices.by_email") if "=" in part
)
# In debug, mail is printed instead of sent unless a server is named.
EMAIL_HOST = os.environ.get("EMAIL_HOST", "")
_MAIL = "console" if CDP_DEBUG and not EMAIL_HOST else "smtp"
EMAIL_BACKEND = os.environ.get("EMAIL_BACKEND", f"django.core.mail.backends.{_MAIL}.EmailBackend")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "587"))
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = _flag("EMAIL_USE_TLS", True)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", "privacy@localhost")

# The order in which an erasure visits the packages (each lists its hooks in `privacy.py`).
PRIVACY_HOOKS = [
    "cdp.console.privacy",
    "cdp.ingestion.privacy",
    "segments.privacy",
    "consent.privacy",
    "cdp.profiles.privacy",
    "identity.privacy",
    "cdp.lake.privacy",
    "cdp.events.privacy",
]

# Who may read /metrics: whoever sends this as a bearer token; without it only this machine, and nobody through a proxy.
METRICS_TOKEN = os.environ.get("CDP_METRICS_TOKEN", "")
# Where traces are sent (OTLP over HTTP, by the extra `otel`); unset: nowhere.
OTLP_ENDPOINT = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
# "json": one object a line, or "line", for a terminal.
LOG_FORMAT = os.environ.get("CDP_LOG_FORMAT") or ("line" if CDP_DEBUG else "json")
_WHEN = "%(asctime)s %(levelname)s"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "cdp.core.logs.Formatter", "format": f"{_WHEN} %(name)s [%(request)s] %(message)s"},
        "json": {"()": "cdp.core.logs.JsonFormatter"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    # What it logs are names and addresses of those who sign in; the audit log has their ids.
    "loggers": {"axes": {"level": "CRITICAL"}},
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "WARNING")},
}
