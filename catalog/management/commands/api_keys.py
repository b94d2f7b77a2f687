"""`manage.py api_keys …`: makes, lists and revokes keys of the API."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from catalog.api.access_keys import KeyRefused, create_key, revoke_key
from catalog.console.audit_log import name_rows, record
from catalog.importing.history.operators import command_operator
from catalog.models import ApiKey, Scope

MAX_DAYS = 36_500


class Command(BaseCommand):
    help = "Makes, lists and revokes keys of the API."

    def add_arguments(self, parser: CommandParser) -> None:
        steps = parser.add_subparsers(dest="step", required=True)
        create = steps.add_parser("create", help="make a key and print it, once")
        create.add_argument("name", help="what uses the key")
        create.add_argument(
            "--scope", action="append", required=True, choices=Scope.values, help="repeatable"
        )
        create.add_argument(
            "--origin",
            action="append",
            default=[],
            help="makes the key publishable, for pages of this origin; repeatable",
        )
        create.add_argument("--days", type=int, help="after which the key expires")
        create.add_argument("--calls-per-minute", type=int, help="in place of CALLS_PER_KEY")
        steps.add_parser("list", help="list the keys")
        revoke = steps.add_parser("revoke", help="revoke a key")
        revoke.add_argument("id", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"_{options['step']}")(options)

    def _create(self, options: dict[str, Any]) -> None:
        days, calls = options["days"], options["calls_per_minute"]
        if days is not None and not 1 <= days <= MAX_DAYS:
            raise CommandError(f"Write a number of days from 1 to {MAX_DAYS}.")
        if calls is not None and not 1 <= calls < 2**31:
            raise CommandError("Write a number of calls from 1.")
        if not options["name"].strip() or len(options["name"]) > 100:
            raise CommandError("Write a name of at most 100 characters.")
        by = command_operator("api_keys")
        expires_at = timezone.now() + timedelta(days=days) if days else None
        try:
            row, key = create_key(
                options["name"].strip(), options["scope"], by, options["origin"], expires_at, calls
            )
        except KeyRefused as error:
            raise CommandError(str(error)) from error
        record(by, "add", name_rows([row]), row.name)
        self.stderr.write(f"Key {row.pk} is made. It cannot be shown again:")
        self.stdout.write(key)

    def _list(self, options: dict[str, Any]) -> None:
        for key in ApiKey.objects.order_by("pk"):
            state = "revoked" if key.revoked_at else "expired" if key.is_expired else "valid"
            used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
            parts = [f"{key.pk}  {key.beginning}…  {key.name}", ", ".join(key.scopes), state]
            if key.origins:
                parts.append(f"for {', '.join(key.origins)}")
            if key.expires_at and state == "valid":
                parts.append(f"until {key.expires_at:%Y-%m-%d}")
            self.stdout.write("; ".join([*parts, f"last used {used}"]))

    def _revoke(self, options: dict[str, Any]) -> None:
        key = ApiKey.objects.filter(pk=options["id"]).first()
        if key is None:
            raise CommandError(f"There is no key {options['id']}.")
        if revoke_key(key):
            record(command_operator("api_keys"), "revoke", name_rows([key]), key.name)
        self.stdout.write(f"Key {key.pk} is revoked.")
