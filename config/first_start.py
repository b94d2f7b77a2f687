"""What a new installation needs once: an administrator, and the schedule of the refresh."""

from datetime import datetime

from croniter import croniter
from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils import timezone
from django_q.models import Schedule

from config.environment import secret_kept_in
from config.paths import DATA_DIR

ADMIN = "admin"
PASSWORD_FILE = DATA_DIR / "admin_password"


def create_admin() -> None:
    """The user `admin` with a random password, where there is no administrator yet."""
    users = get_user_model().objects
    if not users.filter(is_superuser=True).exists():
        users.create_superuser(ADMIN, password=secret_kept_in(PASSWORD_FILE, 12))


def admin_login() -> str:
    """How to log in, for the person at the terminal."""
    user = get_user_model().objects.filter(username=ADMIN).first()
    if user is None or not PASSWORD_FILE.exists():
        return "(log in as you set it up)"
    password = PASSWORD_FILE.read_text().strip()
    if not user.check_password(password):
        return f"user {ADMIN}, with the password you set"
    return f"user {ADMIN}, password {password}"


def set_schedules() -> None:
    """The refresh at the times of REFRESH_CRON (what was changed there counts from now on), and
    each minute a look for runs whose worker has died."""
    schedules = {"refresh": settings.REFRESH_CRON, "join_abandoned_runs": "* * * * *"}
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
