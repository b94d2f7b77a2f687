"""The parser of JSON request bodies."""

import json
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from catalog.models.attributes import is_nested_deeper

MAX_DEPTH = 100  # of nested lists and objects; later code recurses into them
TOO_DEEP = "The JSON is nested too deeply."


class StrictJSONParser(BaseParser):
    """Parses JSON in UTF-8 (RFC 8259) whose strings are valid Unicode.

    It is no JSONParser, because Django REST framework limits the bodies of those to
    DATA_UPLOAD_MAX_MEMORY_SIZE. `config/web/request_size.py` limits them by call.

    JSON can escape half of a surrogate pair ("\\ud800"). Python reads it into a string that cannot
    be stored in PostgreSQL or sent in a response. The parser refuses such a body."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            parsed = json.loads(stream.read().decode(), parse_constant=_refuse_constant)
            json.dumps(parsed, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ParseError("The JSON has a string with half of a surrogate pair.") from error
        except RecursionError as error:
            raise ParseError(TOO_DEEP) from error
        except ValueError as error:  # includes UnicodeDecodeError and JSONDecodeError
            raise ParseError(f"The JSON cannot be read: {error}.") from error
        if is_nested_deeper(parsed, MAX_DEPTH):
            raise ParseError(TOO_DEEP)
        return parsed


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
