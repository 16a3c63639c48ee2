"""`/openapi.json` (OpenAPI 3.1), made from the same table as the routes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from switchgear import _core
from switchgear.server.operations import Operation

ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "string"},
                "category": {"type": "string"},
                "message": {"type": "string"},
                "hint": {"type": "string"},
                "request_id": {"type": "string"},
                "retryable": {"type": "boolean"},
                "retry_after_seconds": {"type": ["number", "null"]},
                "connection_id": {"type": ["string", "null"]},
                "entity": {"type": ["string", "null"]},
                "source_request_id": {"type": ["string", "null"]},
                "source_http_status": {"type": ["integer", "null"]},
            },
            "required": ["code", "category", "message", "hint", "request_id"],
        }
    },
    "required": ["error"],
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same request sent again with it is answered as the first one was. Kept for a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def document(operations: Iterable[Operation], server: str) -> dict[str, Any]:
    """The description. `server`: where the interface is mounted."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "switchgear",
            "version": _core.__version__,
            "description": "Connections to industrial source systems: how they are, their records, and queued writes.",
        },
        "servers": [{"url": server or "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`switchgear token create`. Without any, only the server's own machine is answered.",
                }
            },
            "schemas": {"Error": ERROR},
            "responses": {
                "Error": {
                    "description": "What went wrong, and what to do next.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                }
            },
        },
    }


def _described(operation: Operation) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    for name, schema in operation.query.items():
        parameter: dict[str, Any] = {"name": name, "in": "query", "required": False, "schema": dict(schema)}
        if schema["type"] == "array":
            parameter |= {"style": "form", "explode": False}
        parameters.append(parameter)
    if operation.once:
        parameters.append(IDEMPOTENCY_KEY)
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {
            **{
                str(status): {"description": said, "content": {"application/json": {"schema": dict(schema)}}}
                for status, (said, schema) in operation.answers.items()
            },
            "default": {"$ref": "#/components/responses/Error"},
        },
    }
    if operation.scope:
        described["description"] = f"Needs a token with the scope `{operation.scope}`."
    else:
        described["security"] = []
    if operation.body is not None:
        described["requestBody"] = {
            "required": "required" in operation.body,
            "content": {"application/json": {"schema": dict(operation.body)}},
        }
    return described
