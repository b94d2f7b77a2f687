"""What an installation needs at a start: an administrator, the schedules, and an index."""

from datetime import datetime

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
from indexing.ledger.runs import RunConflict
from indexing.pipeline.rebuild import start_rebuild
from indexing.tasks import enqueue_run

ADMIN = "admin"
PASSWORD_FILE = DATA_DIR / "admin_password"


def create_admin() -> None:
    """The user `admin` with a random password, where there is no administrator yet."""
    users = get_user_model().objects
    if not users.filter(is_superuser=True).exists():
        users.create_superuser(ADMIN, password=read_or_create_secret(PASSWORD_FILE, 12))


def admin_login() -> str:
    """How to log in, for the person at the terminal. Terminals are logged and shared, so the
    password itself is shown once, at the end of the first start."""
    user = get_user_model().objects.filter(username=ADMIN).first()
    if user is None or not PASSWORD_FILE.exists():
        return "(log in as you set it up)"
    password = PASSWORD_FILE.read_text().strip()
    if not user.check_password(password):
        return f"user {ADMIN}, with the password you set"
    shown = PASSWORD_FILE.with_suffix(".shown")
    if shown.exists():
        return f"user {ADMIN}, password in {PASSWORD_FILE}"
    shown.touch()
    return f"user {ADMIN}, password {password}"


def set_schedules() -> None:
    """The refresh at the times of REFRESH_CRON (what was changed there counts from now on), each
    minute a look for runs whose worker has died, and each night what clicks can teach."""
    schedules = {
        "refresh": settings.REFRESH_CRON,
        "join_abandoned_runs": "* * * * *",
        "learn_from_clicks": "40 3 * * *",
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


def ensure_index() -> None:
    """Loads the demo into an empty catalogue, and builds the first index here and now. Where the
    encoder has changed since the live index was built, that one goes on answering (its model is
    kept), and a new one is built in the background. Raises CommandError."""
    if not Product.objects.exists():
        call_command("load_demo")
    live = live_generation()
    if live is None:
        print("Building the index for the first time:", flush=True)
        call_command("index", "rebuild")
        return
    try:
        if encoder_named(settings.ENCODER).checksum != live.encoder.checksum:
            enqueue_run(start_rebuild())
            print("The encoder has changed: an index of the new one is built in the background.")
    except (EncoderError, RunConflict) as error:
        print(f"The index stays as it is: {error}")
