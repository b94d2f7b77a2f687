"""Creates what an installation needs to serve: an administrator, schedules and an index."""

from datetime import datetime
from pathlib import Path

from croniter import croniter
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils import timezone
from django_q.models import Schedule

from catalog.index.live_index import encoder_named, live_generation
from catalog.models import Product
from catalog.visual.errors import EncoderError
from config.environment import read_or_create_secret
from config.paths import DATA_DIR
from indexing.generations.encoder_registry import default_encoder
from indexing.ledger.runs import RunConflict
from indexing.pipeline.rebuild import start_rebuild
from indexing.tasks import enqueue_run

ADMIN_USERNAME = "admin"
PASSWORD_FILE = DATA_DIR / "admin_password"


def create_admin(password_file: Path = PASSWORD_FILE) -> None:
    """Creates the user `admin` with a random password, which it keeps in `password_file`, if there
    is no administrator."""
    users = get_user_model().objects
    if not users.filter(is_superuser=True).exists():
        users.create_superuser(ADMIN_USERNAME, password=read_or_create_secret(password_file, 12))


def describe_admin_login(password_file: Path = PASSWORD_FILE) -> str:
    """Returns how to log in. Only the first call contains the password, as terminals are logged
    and shared; later calls name its file."""
    user = get_user_model().objects.filter(username=ADMIN_USERNAME).first()
    if user is None or not password_file.exists():
        return "(log in as the administrator you created)"
    password = password_file.read_text().strip()
    if not user.check_password(password):
        return f"user {ADMIN_USERNAME}, with the password you set"
    shown = password_file.with_suffix(".shown")
    if shown.exists():
        return f"user {ADMIN_USERNAME}, password in {password_file}"
    shown.touch()
    return f"user {ADMIN_USERNAME}, password {password}"


def set_schedules() -> None:
    """Schedules refreshes by the current REFRESH_CRON, a check for abandoned runs, fetches of
    photos, pulls of sources and webhooks every minute, a measurement every five, and learning from
    clicks and from the history and the measurement of drift every night."""
    schedules = {
        "refresh": settings.REFRESH_CRON,
        "join_abandoned_runs": "* * * * *",
        "fetch_photos": "* * * * *",
        "pull_sources": "* * * * *",
        "send_webhooks": "* * * * *",
        "measure": "*/5 * * * *",
        "learn_from_clicks": "40 3 * * *",
        "measure_drift": "20 4 * * *",
        "learn_recommendations": "40 4 * * *",
    }
    for name, cron in schedules.items():
        if not Schedule.objects.filter(name=name, cron=cron).exists():
            Schedule.objects.update_or_create(
                name=name,
                defaults={
                    "func": f"indexing.tasks.{name}",
                    "schedule_type": Schedule.CRON,
                    "cron": cron,
                    "next_run": croniter(cron, timezone.now()).get_next(datetime),
                    "repeats": -1,
                },
            )


def ensure_first_index() -> None:
    """Loads the demo into an empty catalogue, and builds the first index before it returns. Raises
    CommandError."""
    if not Product.objects.exists():
        call_command("load_demo")
    if live_generation() is None:
        print("Building the index for the first time:", flush=True)
        call_command("index", "rebuild")


def follow_encoder() -> None:
    """Starts a rebuild in the background if the encoder has changed since the live index was built.
    The live index keeps answering with its own encoder until then."""
    live = live_generation()
    if live is None:
        print("There is no index yet. Import products, then run manage.py index rebuild.")
        return
    try:
        if encoder_named(default_encoder()).checksum != live.encoder.checksum:
            enqueue_run(start_rebuild())
            print("The encoder has changed: a new index is being built in the background.")
    except (EncoderError, RunConflict) as error:
        print(f"No rebuild was started: {error}")
