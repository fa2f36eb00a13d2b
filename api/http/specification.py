"""The specification as it is served: each example fits its schema, nulls and all.

FastAPI leaves out whatever is null when it writes the document, in examples too, where a property
that may be null and must be there would then be missing. It is put back here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from fastapi import FastAPI

Schema: TypeAlias = Mapping[str, Any]


def install(app: FastAPI) -> None:
    """Serve the document with its nulls."""
    written = app.openapi

    def whole() -> dict[str, Any]:
        if app.openapi_schema is None:
            restore_nulls(written())
        return written()

    app.openapi = whole  # type: ignore[method-assign]  # FastAPI's own way to extend it


def restore_nulls(document: dict[str, Any]) -> dict[str, Any]:
    """The same document, in its examples null where a required property is not told."""
    for schema, example in examples(document):
        _complete(document, schema, example)
    return document


def examples(document: Mapping[str, Any]) -> Iterator[tuple[Schema, Any]]:
    """Each example that the document gives, with the schema that it is an example of."""
    for schema in document["components"]["schemas"].values():
        for told in (schema, *schema.get("properties", {}).values()):
            yield from ((told, example) for example in told.get("examples", ()))
    for methods in document["paths"].values():
        for endpoint in methods.values():
            bodies = (endpoint.get("requestBody", {}), *endpoint["responses"].values())
            for content in (kind for body in bodies for kind in body.get("content", {}).values()):
                given = [each["value"] for each in content.get("examples", {}).values()]
                given += [content["example"]] if "example" in content else []
                yield from ((content["schema"], example) for example in given)


def _complete(document: Mapping[str, Any], schema: Schema, value: Any) -> None:
    schema = _resolved(document, schema)
    for choice in schema.get("anyOf", ()):
        _complete(document, choice, value)
    if isinstance(value, list):
        for item in value:
            _complete(document, schema.get("items", {}), item)
    elif isinstance(value, dict):
        parts = schema.get("properties", {})
        for name in schema.get("required", ()):
            if name not in value and _may_be_null(document, parts.get(name, {})):
                value[name] = None
        for name, part in value.items():
            _complete(document, parts.get(name, schema.get("additionalProperties") or {}), part)


def _resolved(document: Mapping[str, Any], schema: Any) -> Schema:
    if not isinstance(schema, Mapping):
        return {}
    if "$ref" not in schema:
        return schema
    found: Any = document
    for step in schema["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return _resolved(document, found)


def _may_be_null(document: Mapping[str, Any], schema: Schema) -> bool:
    schema = _resolved(document, schema)
    return schema.get("type") == "null" or any(
        _may_be_null(document, choice) for choice in schema.get("anyOf", ())
    )
