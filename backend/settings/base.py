"""Settings that every process of the hub shares. Values that differ between hubs come from the environment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from backend.settings.environment import env

ROOT = Path(__file__).resolve().parents[2]

SECRET_KEY = env.text("SECRET_KEY")
DEBUG = False
ALLOWED_HOSTS = env.words("HUB_HOSTS", "127.0.0.1,localhost")
# Where the browser reaches the hub, when that is not plainly its host: behind a proxy that speaks https.
CSRF_TRUSTED_ORIGINS = env.words("HUB_ORIGINS", "")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.admin",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "django_filters",
    "drf_spectacular",
    "backend.core",
    "backend.people",
    "backend.imaging",
    "backend.annotation",
    "backend.consensus",
    "backend.releases",
    "backend.modelzoo",
    "backend.selection",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "backend.core.headers.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

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

ROOT_URLCONF = "backend.urls"
ASGI_APPLICATION = "backend.asgi.application"

# ---- Data --------------------------------------------------------------------------------------------------------
DATABASES = {"default": env.database("DATABASE_URL")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SIGNING_KEY = env.key("HUB_SIGNING_KEY")
OBJECTS_URL = env.store("OBJECTS_URL")
# Where clients reach the bucket themselves: large objects of published releases are fetched from there.
OBJECTS_PUBLIC_ENDPOINT = env.endpoint("OBJECTS_PUBLIC_ENDPOINT")

# ---- People ------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "people.Person"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
SESSION_COOKIE_AGE = int(timedelta(days=14).total_seconds())
# Browsers share cookies between ports of one host: two hubs side by side need names of their own.
_COOKIE_SUFFIX = env.text("HUB_COOKIE_SUFFIX", "")
SESSION_COOKIE_NAME = f"cellcommons_session{_COOKIE_SUFFIX}"
CSRF_COOKIE_NAME = f"cellcommons_csrf{_COOKIE_SUFFIX}"
CSRF_FAILURE_VIEW = "backend.core.errors.csrf_refused"
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
HTTPS = env.flag("HUB_HTTPS", False)
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 3600 * 24 * 30 if HTTPS else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# ---- Uploads -----------------------------------------------------------------------------------------------------
UPLOAD_LIMIT_BYTES = env.whole("UPLOAD_LIMIT_BYTES", 2 << 30)
ARCHIVE_LIMIT_BYTES = env.whole("ARCHIVE_LIMIT_BYTES", 20 << 30)
# Uploads that one person may have under way at once, those included that were left lying.
LIVE_UPLOADS = env.whole("LIVE_UPLOADS", 500)
# A body of JSON (edits in base64) is held in memory; files are streamed to disk and not counted here.
DATA_UPLOAD_MAX_MEMORY_SIZE = env.whole("JSON_LIMIT_BYTES", 32 << 20)
FILE_UPLOAD_MAX_MEMORY_SIZE = 4 << 20
FILE_UPLOAD_HANDLERS = [
    "backend.core.uploads.LimitedUpload",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# ---- Queue -------------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = env.broker("BROKER_URL")
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "cpu"
# Imports read and write for minutes; in a queue of their own they keep nobody's consensus waiting.
CELERY_TASK_ROUTES = {"ml_worker.*": {"queue": "gpu"}, "imaging.*": {"queue": "io"}}
# Longer than the longest training: a broker that redelivers unacknowledged work earlier would start it twice.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": int(timedelta(hours=24).total_seconds())}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Work whose row has been silent for so long was lost with a process that died: a sweep sends it again.
LOST_AFTER = timedelta(seconds=env.whole("HUB_LOST_SECONDS", 120))
SWEEP_SECONDS = env.whole("HUB_SWEEP_SECONDS", 30)

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# ---- API ---------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": ["backend.core.permissions.DenyAll"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        # First: its challenge makes an anonymous refusal a 401, not a 403.
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "backend.core.negotiation.OneForm",
    "DEFAULT_FILTER_BACKENDS": [],
    "DEFAULT_PAGINATION_CLASS": "backend.core.pagination.Pages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_RATES": {
        "sign_in_person": "10/min",
        "sign_in_address": env.text("SIGN_IN_RATE", "300/min"),
    },
    "EXCEPTION_HANDLER": "backend.core.errors.problem_response",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Cell Commons",
    "DESCRIPTION": "Images, readings, consensus, releases and models of one hub. See docs/protocol.md.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_PERMISSIONS": ["backend.core.permissions.Anyone"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "backend.core.schema.add_problems",
    ],
    "ENUM_NAME_OVERRIDES": {
        "RoleEnum": "backend.people.models.Role",
        "VisibilityEnum": "backend.imaging.models.Visibility",
        "ImageStateEnum": "backend.imaging.models.ImageState",
        "ImportStateEnum": "backend.imaging.models.ImportState",
        "UploadStateEnum": "backend.imaging.models.UploadState",
        "TaskEnum": "backend.annotation.models.Task",
        "CampaignStateEnum": "backend.annotation.models.CampaignState",
        "AssignmentStateEnum": "backend.annotation.models.AssignmentState",
        "ConsensusStateEnum": "backend.consensus.models.ConsensusState",
        "DisagreementStateEnum": "backend.consensus.models.DisagreementState",
        "DisagreementKindEnum": "backend.consensus.models.DisagreementKind",
        "ReleaseStateEnum": "backend.releases.models.ReleaseState",
        "SplitEnum": "backend.releases.models.Split",
        "RunStateEnum": "backend.modelzoo.models.RunState",
        "PredictionScopeEnum": "backend.modelzoo.models.PredictionScope",
        "StrategyEnum": "backend.selection.models.Strategy",
    },
}

# ---- Pages -------------------------------------------------------------------------------------------------------
UI_FOLDER = env.folder("UI_FOLDER", str(ROOT / "annotator_ui" / "dist"))
STATIC_URL = "static/"
HUB_HOME = env.folder("HUB_HOME", None)

# ---- Language, time, log -----------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {"django.request": {"level": "ERROR"}, "botocore": {"level": "WARNING"}},
}
