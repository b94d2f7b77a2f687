"""`manage.py qcluster`: runs the task queue. Overrides the command of django-q2."""

import os
from typing import Any

from django.core.management.base import CommandError
from django_q.management.commands import qcluster

from indexing.pipeline.task_queue import run_task_queue


class Command(qcluster.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        if options["cluster_name"]:
            os.environ["Q_CLUSTER_NAME"] = options["cluster_name"]
        if not run_task_queue(once=options["run_once"]):
            raise CommandError("The task queue's sentinel died.")
