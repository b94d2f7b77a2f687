"""Settings of Vitrina. `docs/settings.md` lists the environment variables that set them."""

import os
from datetime import timedelta

from django.templatetags.static import static

from config.database import build_database_settings
from config.environment import (
    choose_photo_storage,
    choose_vector_store,
    read_bool,
    read_choice,
    read_cron,
    read_file,
    read_float,
    read_folder,
    read_hosts,
    read_int,
    read_list,
    read_networks,
    read_or_create_secret,
    read_text,
    read_url,
    read_weights,
)
from config.log_lines import build_logging
from config.paths import BASE_DIR, BUILT_IN, DATA_DIR
from config.rest_api import REST_FRAMEWORK, SPECTACULAR_SETTINGS  # noqa: F401  (settings)

# --- Identity -----------------------------------------------------------------------------------
SECRET_KEY = os.environ.get("SECRET_KEY", "").strip() or read_or_create_secret(
    DATA_DIR / "secret_key"
)
DEBUG = read_bool("DEBUG", False)
PORT = read_int("PORT", 8000, 1, 65535)
HOST = os.environ.get("HOST", "").strip() or "127.0.0.1"
# `make run`, load balancers and Prometheus use the machine's own names.
ALLOWED_HOSTS = [*read_list("ALLOWED_HOSTS", []), "localhost", "127.0.0.1", "[::1]", HOST]
CSRF_TRUSTED_ORIGINS = read_list("CSRF_TRUSTED_ORIGINS", [])
CSRF_FAILURE_VIEW = "catalog.console.error_pages.refuse_form"

# --- Applications -------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "axes",
    "catalog",
    "indexing",
    "search",
    "django_q",  # after indexing, whose command qcluster replaces that of django_q
]
MIDDLEWARE = [
    "config.web.request_ids.RequestIdMiddleware",
    "config.web.proxies.TrustedProxyMiddleware",
    "config.web.security_headers.SecurityHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "config.web.request_size.RequestSizeMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "catalog.console.error_pages.ConsoleErrors",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
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
            "libraries": {
                "shop": "search.page.number_formats",
                "photos": "search.page.photo_sizes",
            },
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# They recommend HSTS for subdomains and the preload list. The shop decides on both.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

# --- Database -----------------------------------------------------------------------------------
HNSW_EF_SEARCH = read_int("HNSW_EF_SEARCH", 240, 10, 1000)
# config/web/gunicorn.py sets both for web processes.
DATABASE_POOL = read_int("DATABASE_POOL", 0, 0, 1000)
STATEMENT_TIMEOUT_S = read_float("STATEMENT_TIMEOUT_S", 0.0, 0.0, 86_400.0)
DATABASES = {"default": build_database_settings(HNSW_EF_SEARCH, DATABASE_POOL, STATEMENT_TIMEOUT_S)}

# --- Language and time --------------------------------------------------------------------------
LOGIN_REDIRECT_URL = "admin:index"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ru", "Русский")]
LOCALE_PATHS = [BASE_DIR / "templates" / "locale"]
TIME_ZONE = "UTC"

# --- Files --------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = (BUILT_IN if BUILT_IN.exists() else DATA_DIR) / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_URL = "media/"
MEDIA_ROOT = read_folder("MEDIA_ROOT", DATA_DIR / "media")
PHOTO_STORAGE, PHOTO_BUCKET, PHOTO_BUCKET_URL = choose_photo_storage()
PHOTO_COPIES = DATA_DIR / "photo_copies"  # of photos in the bucket that pages show
STORAGES = {
    "default": {"BACKEND": PHOTO_STORAGE},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Encoder ------------------------------------------------------------------------------------
ENCODER = os.environ.get("ENCODER", "").strip() or "starter"
ENCODER_CACHE = DATA_DIR / "encoders"  # models compiled for this machine, named by checksum
MODELS_ROOT = DATA_DIR / "models"  # encoders that were trained on the catalogue
TRAINING_ROOT = DATA_DIR / "training"  # what trainings that are under way work with
ENCODER_DEVICE = read_choice("ENCODER_DEVICE", "auto", {"auto", "cpu", "cuda"})
ENCODER_THREADS = read_int("ENCODER_THREADS", 0, 0, 256)  # 0: OpenVINO chooses

# --- Limits of a query --------------------------------------------------------------------------
IMAGE_MAX_BYTES = 15 * 1024 * 1024
IMAGE_MAX_PIXELS = 10**6 * read_int("IMAGE_MAX_MEGAPIXELS", 40, 1, 100)
IMAGES_PER_QUERY = 5
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024**2  # a form without its files, or JSON
REQUEST_MAX_BYTES = IMAGES_PER_QUERY * IMAGE_MAX_BYTES + 2 * DATA_UPLOAD_MAX_MEMORY_SIZE
FILE_UPLOAD_MAX_MEMORY_SIZE = IMAGE_MAX_BYTES

# --- Search -------------------------------------------------------------------------------------
SEARCH_CANDIDATES = read_int("SEARCH_CANDIDATES", 200, 20, 1000)  # photos taken from the graph
MATCH_SIMILAR = read_float("MATCH_SIMILAR", 0.75, 0.0, 1.0)  # without a calibrated threshold
DETECTOR = "catalog.detection.object_head_detector.ObjectHeadDetector"  # finds objects in photos
# Objects with at least this share of the highest confidence in a photo are searched for.
OBJECT_LEAST = read_float("OBJECT_LEAST", 0.5, 0.0, 1.0)
# An object that is this many times as likely as the others is shown alone.
OBJECT_DOMINANCE = read_float("OBJECT_DOMINANCE", 2.5, 1.0, 1000.0)
# The weight of the whole photo, added to the vector of an object's crop.
OBJECT_SURROUNDINGS = read_float("OBJECT_SURROUNDINGS", 0.15, 0.0, 1.0)
# Added to the cosine for each feature's distance from its ordinary value
# (search/ranking/features.py).
RANKING_WEIGHTS = read_weights(
    "RANKING_WEIGHTS",
    {
        "tags": 0.01,
        "category": 0.01,
        "stock": 0.02,
        "price": 0.01,
        "popularity": 0.005,
        "clicks": 0.05,
    },
)
# Products whose best photos have at least this cosine are shown as one.
LOOKALIKE = read_float("LOOKALIKE", 0.985, 0.5, 1.0)
QUERY_PHOTO_KEPT_S = read_int("QUERY_PHOTO_KEPT_S", 900, 0, 86_400)  # for searches with another box
QUERY_PHOTOS = DATA_DIR / "query_photos"
QUERY_PHOTOS_BYTES = 1024**2 * read_int("QUERY_PHOTOS_MB", 1024, 16, 1024**2)
# Photos of products in the widths that pages show. The least used ones go first.
SIZED_PHOTOS = DATA_DIR / "sized_photos"
SIZED_PHOTOS_BYTES = 1024**2 * read_int("SIZED_PHOTOS_MB", 1024, 1, 1024**2)
PHOTO_ADDRESSES = read_bool("PHOTO_ADDRESSES", True)  # shoppers may give the address of a photo
PHOTO_ADDRESS_HOSTS = read_hosts("PHOTO_ADDRESS_HOSTS")  # even if their addresses are private
DECODERS = read_int("DECODERS", min(4, os.cpu_count() or 1), 1, 64)  # processes of each web process
SEARCHES_AT_ONCE = read_int("SEARCHES_AT_ONCE", 8, 1, 128)  # in each web process
# Further searches wait in each web process, up to this number. More get 503.
SEARCH_QUEUE = read_int("SEARCH_QUEUE", 16, 0, 1000)
SEARCH_TIME_LIMIT_S = read_float("SEARCH_TIME_LIMIT_S", 5.0, 0.1, 600.0)
SEARCH_LOG_DAYS = read_int("SEARCH_LOG_DAYS", 90, 0, 3650)  # 0: no log
SEARCH_LOG_PHOTO_DAYS = read_int("SEARCH_LOG_PHOTO_DAYS", 0, 0, 365)  # 0: photos are not kept
SEARCH_LOG_WORDS_DAYS = read_int("SEARCH_LOG_WORDS_DAYS", 0, 0, 3650)  # 0: words are not kept
HISTORY_DAYS = read_int("HISTORY_DAYS", SEARCH_LOG_DAYS, 0, 3650)  # for which events are kept
SEARCH_LOG_PHOTOS = DATA_DIR / "search_photos"
# Events per minute. One call may send 500, so no limit is lower.
EVENTS_PER_ADDRESS = read_int("EVENTS_PER_ADDRESS", 1000, 500, 10_000_000)
EVENTS_PER_SESSION = read_int("EVENTS_PER_SESSION", 500, 500, 10_000_000)
SUGGESTIONS_PER_MINUTE = read_int("SUGGESTIONS_PER_MINUTE", 300, 1, 1_000_000)  # of an address

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# --- Index --------------------------------------------------------------------------------------
REFRESH_CRON = read_cron("REFRESH_CRON", "0 */5 * * *")
FRESHNESS_TARGET_S = read_int("FRESHNESS_TARGET_S", 17_280, 1, 30 * 86_400)  # a fifth of a day
VECTOR_STORE, QDRANT_URL = choose_vector_store()
QDRANT_API_KEY = read_text("QDRANT_API_KEY")
QDRANT_SHARDS = read_int("QDRANT_SHARDS", 1, 1, 1000)  # of a collection
QDRANT_REPLICAS = read_int("QDRANT_REPLICAS", 1, 1, 100)  # of each shard
VECTOR_DIMENSIONS = 128
HNSW_M = read_int("HNSW_M", 24, 2, 100)
HNSW_EF_CONSTRUCTION = read_int("HNSW_EF_CONSTRUCTION", 200, 4, 1000)
KEPT_GENERATIONS = read_int("KEPT_GENERATIONS", 2, 1, 100)  # retired ones, for rollbacks
GATE_RECALL_AT_20 = read_float("GATE_RECALL_AT_20", 0.95, 0.0, 1.0)
GATE_PHOTO_RECALL_DROP = read_float("GATE_PHOTO_RECALL_DROP", 0.05, 0.0, 1.0)
COMPOSED_PHOTOS = read_int("COMPOSED_PHOTOS", 300, 0, 2000)  # of a self-test without real ones
ADAPTER_SAMPLE = read_int("ADAPTER_SAMPLE", 2000, 100, 20_000)  # photos to fit adapters to
# As a share of the new encoder's own recall.
GATE_ADAPTER_RECALL = read_float("GATE_ADAPTER_RECALL", 0.95, 0.0, 1.0)
MEASUREMENT_DAYS = read_int("MEASUREMENT_DAYS", 30, 1, 3650)  # kept for the charts of the console
LABELLED_PHOTOS = read_file("LABELLED_PHOTOS", BASE_DIR / "catalog" / "demo" / "photos.jsonl")
CHUNK_IMAGES = read_int("CHUNK_IMAGES", 512, 1, 100_000)
CHUNK_LEASE_S = read_float("CHUNK_LEASE_S", 60.0, 1.0, 3600.0)
QUARANTINE_ATTEMPTS = 3

# --- Imports: photos by address, and sources ----------------------------------------------------
IMPORT_ALLOWED_HOSTS = read_hosts("IMPORT_ALLOWED_HOSTS")  # even if their addresses are private
IMPORT_FETCHES_AT_ONCE = read_int("IMPORT_FETCHES_AT_ONCE", 16, 1, 256)  # in each fetching process
IMPORT_FETCHES_PER_HOST = read_int("IMPORT_FETCHES_PER_HOST", 4, 1, 256)  # at once
IMPORT_FETCHES_PER_SECOND = read_int("IMPORT_FETCHES_PER_SECOND", 10, 1, 10_000)  # from one host
IMPORT_FETCH_TIME_LIMIT_S = read_float("IMPORT_FETCH_TIME_LIMIT_S", 30.0, 0.1, 3600.0)
IMPORT_FETCH_AGE_S = read_int("IMPORT_FETCH_AGE_S", 86_400, 0, 3650 * 86_400)
IMPORT_FETCH_RUN_S = read_int("IMPORT_FETCH_RUN_S", 600, 1, 86_400)
IMPORT_ROOT = read_folder("IMPORT_ROOT", DATA_DIR / "import")  # sources name files below it
UPLOADED_FEEDS = DATA_DIR / "uploaded_feeds"  # until they are imported, at most for a day
IMPORT_UPLOADS_BYTES = 1024**2 * read_int("IMPORT_UPLOADS_MB", 1024, 1, 1024**2)  # that wait
IMPORT_UPLOAD_BYTES = 1024**2 * read_int("IMPORT_UPLOAD_MB", 200, 1, 1024)  # of an uploaded feed
SOURCE_CRON = read_cron("SOURCE_CRON", "40 */5 * * *")
SOURCE_MAX_BYTES = 1024**2 * read_int("SOURCE_MAX_MB", 1024, 1, 1024**2)  # of a feed
SOURCE_TIME_LIMIT_S = read_float("SOURCE_TIME_LIMIT_S", 600.0, 1.0, 86_400.0)  # to fetch a feed
SOURCE_MAX_HIDDEN = read_float("SOURCE_MAX_HIDDEN", 0.1, 0.0, 1.0)  # share that a pull may hide

# --- Offline work -------------------------------------------------------------------------------
REDIS_URL = read_url("REDIS_URL", {"redis", "rediss", "unix"})
RUN_WORKERS = read_int("RUN_WORKERS", 1, 1, 1000)  # tasks of the queue that share a run
Q_CLUSTER = {
    "name": "vitrina",
    "workers": read_int("WORKERS", 2, 1, 64),
    "recycle": 20,
    "daemonize_workers": False,  # daemons may not have children, and workers decode in one
    # A task only joins a run, and runs resume at their chunks: interrupted tasks lose nothing.
    "timeout": 6 * 3600,
    "retry": 6 * 3600 + 600,
    "max_attempts": 3,
    "ack_failures": True,
    "catch_up": False,  # one refresh after an outage, not one for each missed refresh
    "poll": 1,
    "save_limit": 250,
    "label": "Task queue",
    **({"redis": REDIS_URL} if REDIS_URL else {"orm": "default"}),
}

# --- REST API -----------------------------------------------------------------------------------
SEARCH_OPEN = read_bool("SEARCH_OPEN", True)  # False: searches and events need a key, too
# Calls a minute; 0: any number.
CALLS_PER_ADDRESS = read_int("CALLS_PER_ADDRESS", 6000, 0, 10_000_000)
CALLS_PER_KEY = read_int("CALLS_PER_KEY", 6000, 0, 10_000_000)

# --- Admin --------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "Vitrina",
    "SITE_HEADER": "Vitrina",
    "SITE_URL": "/",
    "DASHBOARD_CALLBACK": "config.console.show_home",
    "SCRIPTS": [lambda request: static("console.js")],
    "STYLES": [lambda request: static("console.css")],
    "SIDEBAR": {"navigation": "config.console.navigation", "show_all_applications": True},
}

# --- Security -----------------------------------------------------------------------------------
HTTPS = read_bool("HTTPS", False)  # behind a proxy that serves HTTPS and sets X-Forwarded-Proto
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(livez|readyz|metrics)$"]  # called from inside, past the proxy
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
TRUSTED_PROXIES = read_networks("FORWARDED_ALLOW_IPS", ["127.0.0.1", "::1"])
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "config.web.logins.render_lockout_page"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # otherwise the lockout has no known end
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
OTLP_ENDPOINT = read_url("OTEL_EXPORTER_OTLP_ENDPOINT", {"http", "https"})  # of a collector
LOGGING = build_logging(DEBUG, read_choice("LOG_FORMAT", "text", {"text", "json"}))
