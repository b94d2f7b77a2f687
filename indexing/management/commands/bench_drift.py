"""`manage.py bench_drift`: measures how often drift gives a false alarm, and how often it is
found."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.index.live_index import live_generation
from indexing.monitoring.drift.alarm_benchmark import measure_alarms
from indexing.monitoring.drift.measuring import MAX_VECTORS


class Command(BaseCommand):
    help = "Measures on the embeddings of the live index how often drift gives a false alarm."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--weeks", type=int, default=500, help="weeks of each kind")
        parser.add_argument("--photos", type=int, default=MAX_VECTORS, help="photos of a week")

    def handle(self, *args: Any, weeks: int, photos: int, **options: Any) -> None:
        live = live_generation()
        if live is None:
            raise CommandError("Nothing is live yet: run 'index rebuild'.")
        self.stdout.write(f"{photos} photos a week, {weeks} weeks of each kind")
        for rate in measure_alarms(live, weeks, photos):
            self.stdout.write(f"{rate.name:32}{rate.share:8.1%} alarms")
