"""The audit log in the console: everybody who may look at it can, and nobody can change it."""

from django.contrib import admin

from catalog.console.base import ReadOnlyAdmin
from catalog.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "by", "action", "target", "detail")
    list_filter = ("at", "action")
    search_fields = ("by", "target", "detail")
    list_per_page = 50
    show_full_result_count = False
