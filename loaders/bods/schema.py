"""Checks one statement against the standard's own JSON Schema, which `libcovebods` holds.

`jsonschema` does the checking, with formats on. A fault's path is the standard's own notation
(`$[0].recordDetails.addresses[0].type`); it names properties and positions, never a value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib import resources
from itertools import islice
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from referencing import Registry, Resource

from loaders.document import Fault

_FOLDER: Final = "data/schema-0-4-0"
#: Enough to mend a statement by; a hostile one could hold a fault a byte.
_MAX_FAULTS: Final = 50


@cache
def _validator() -> Draft202012Validator:
    folder = resources.files("libcovebods").joinpath(_FOLDER)
    schemas = (json.loads(item.read_text()) for item in folder.iterdir() if _is_schema(item.name))
    registry: Registry[Any] = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas
    )
    return Draft202012Validator(
        {"$ref": "urn:statement#/$defs/Statement"},
        registry=registry,
        format_checker=FormatChecker(),
    )


def _is_schema(name: str) -> bool:
    return name.endswith(".json") and name != "codelist-schema.json"


def faults(statement: object, index: int) -> tuple[Fault, ...]:
    """Give `bad_structure` for each rule of the schema that the statement at `index` breaks."""
    try:
        found = islice(_validator().iter_errors(statement), _MAX_FAULTS)
        places = [place for error in found for place in _places(error)]
    except RecursionError:
        places = [""]
    return tuple(
        Fault(None, "bad_structure", f"$[{index}]{place}") for place in dict.fromkeys(places)
    )


def _places(error: ValidationError) -> Iterator[str]:
    """Name where it broke; for what is missing, the missing property itself."""
    place = error.json_path.removeprefix("$")
    required, instance = error.validator_value, error.instance
    if error.validator == "required" and isinstance(required, list) and isinstance(instance, dict):
        yield from (f"{place}.{name}" for name in required if name not in instance)
    else:
        yield place
