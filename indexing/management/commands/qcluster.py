"""`manage.py qcluster`: runs the task queue. Overrides the command of django-q2."""

import os
from contextlib import suppress
from typing import Any

from django.core.management.base import CommandError
from django.db import OperationalError, connection
from django_q.management.commands import qcluster
from django_q.models import Schedule

from indexing.pipeline.task_queue import run_task_queue


class Command(qcluster.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        if options["cluster_name"]:
            os.environ["Q_CLUSTER_NAME"] = options["cluster_name"]
        with suppress(OperationalError):  # the queue waits for a database that is away
            Schedule.objects.exists()  # without tables, this command fails, not each child
        connection.close()  # children have connections of their own
        if not run_task_queue(once=options["run_once"]):
            raise CommandError("The task queue's sentinel died.")
