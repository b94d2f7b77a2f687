"""Mapping files: JSON that says which column of a table holds which field of a product."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from catalog.importing.errors import ImportFailed
from catalog.importing.formats.feed import PRODUCT_FIELDS
from catalog.importing.formats.text_encoding import cannot_read

SALE_FIELDS = ("sale_price", "sale_begins", "sale_ends")
KNOWN_FIELDS = (*PRODUCT_FIELDS, *SALE_FIELDS, "group", "is_group")


@dataclass(frozen=True)
class ColumnMapping:
    """`columns`: the columns of each field, in order; the names of other fields are attributes.
    `options`: the column of each option. `values`: fields that have one value in the whole file.
    `separators`: what stands between the steps of a category path, where that is not ">"."""

    columns: dict[str, tuple[str, ...]]
    options: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    separators: dict[str, str] = field(default_factory=dict)

    @property
    def used(self) -> dict[str, str]:
        """Maps each column to the field that it is read for."""
        used = {
            column: name if name in KNOWN_FIELDS else f"attribute {name}"
            for name, columns in self.columns.items()
            for column in columns
        }
        return used | {column: f"option {name}" for name, column in self.options.items()}

    def missing_from(self, header: Sequence[str]) -> list[str]:
        """Returns the columns that a table with this header does not have."""
        return [column for column in self.used if column not in header]


def read_mapping(path: Path) -> ColumnMapping:
    """Reads a mapping file, as `parse_mapping` does. Raises ImportFailed if it is not one."""
    try:
        return parse_mapping(json.loads(path.read_bytes()), path.name)
    except OSError as error:
        raise cannot_read(path, error) from error
    except (ValueError, RecursionError) as error:
        raise ImportFailed(f"{path.name}: the mapping is not valid JSON: {error}.") from error


def parse_mapping(given: Any, name: str) -> ColumnMapping:
    """Reads a decoded mapping. `name` is what errors call it. Raises ImportFailed.

    `{"sku": "Number", "images": ["Photo 1", "Photo 2"], "currency": {"value": "EUR"},
    "category": {"column": "Path", "separator": "/"}, "options": {"Size": "Size EU"}}`"""
    if not isinstance(given, dict) or "sku" not in given:
        raise ImportFailed(
            _('%(name)s: the mapping must be a JSON object with a "sku".') % {"name": name}
        )
    mapping = ColumnMapping({})
    for field_name, entry in given.items():
        _add(mapping, name, field_name, entry)
    return mapping


def _add(mapping: ColumnMapping, mapping_name: str, name: str, entry: Any) -> None:
    if name == "options" and _is_text_object(entry):
        mapping.options.update(entry)
    elif name == "options":
        raise ImportFailed(
            _('%(name)s: "options" must be an object: option to column.') % {"name": mapping_name}
        )
    elif isinstance(entry, str):
        mapping.columns[name] = (entry,)
    elif isinstance(entry, list) and entry and all(isinstance(item, str) for item in entry):
        mapping.columns[name] = tuple(entry)
    elif _is_text_object(entry) and set(entry) == {"value"}:
        mapping.values[name] = entry["value"]
    elif _is_text_object(entry) and set(entry) == {"column", "separator"} and entry["separator"]:
        mapping.columns[name] = (entry["column"],)
        mapping.separators[name] = entry["separator"]
    else:
        raise ImportFailed(
            _(
                '%(name)s: "%(field)s" must be the name of a column, a list of such names,'
                ' {"value": "…"} or {"column": "…", "separator": "…"}.'
            )
            % {"name": mapping_name, "field": name}
        )


def _is_text_object(entry: Any) -> bool:
    return isinstance(entry, dict) and all(isinstance(value, str) for value in entry.values())
