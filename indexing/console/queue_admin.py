"""The tables of the task queue, read-only in the console.

A task or a schedule names a function that a worker calls. A user who could edit one, or send one
again, could run any function."""

import django_q.admin  # noqa: F401  (registers the lists that are replaced below)
from django.contrib import admin
from django.template.defaultfilters import truncatechars
from django_q.models import Failure, OrmQ, Schedule, Success, Task

from catalog.console.base import ReadOnlyAdmin

for model in (Failure, OrmQ, Schedule, Success):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


class TaskAdmin(ReadOnlyAdmin):
    list_display = ("name", "func", "group", "started", "stopped", "short_result")
    list_filter = ("group",)
    search_fields = ("name", "func", "group")
    readonly_fields = ("name", "func", "args", "kwargs", "group", "started", "stopped", "result")
    fields = readonly_fields

    @admin.display(description="result")
    def short_result(self, task: Task) -> str:
        return truncatechars(str(task.result), 100)


admin.site.register(Success, TaskAdmin)
admin.site.register(Failure, TaskAdmin)


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin):
    """`config/first_start.py` writes the schedules at every start."""

    list_display = ("name", "func", "cron", "next_run", "last_task")
    search_fields = ("name", "func")

    @admin.display(description="last task")
    def last_task(self, schedule: Schedule) -> str:
        return schedule.task or "–"
