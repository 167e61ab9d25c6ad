"""The compose file as compose reads it: merged, and its variables put in by the compose rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from jobs.common.settings import PROJECT_ROOT

FILE = PROJECT_ROOT / "docker-compose.yaml"
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?:(:-|:\?)([^}]*))?\}")


class Refused(Exception):
    """A required variable is missing: compose does not start."""


def text() -> str:
    """Without comments."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


def variables() -> set[tuple[str, str, str]]:
    """(name, operator, word) of each variable that is used."""
    return set(VARIABLE.findall(text()))


def put_in(value: str, given: Mapping[str, str]) -> str:
    """One value with its variables resolved.

    Raises:
        Refused: a `:?` variable is missing or empty.
    """

    def one(match: re.Match[str]) -> str:
        name, operator, word = match.groups()
        found = given.get(name, "")
        if operator == ":?" and not found:
            raise Refused(f"{name}: {word}")
        return found or (word if operator == ":-" else "")

    return VARIABLE.sub(one, value)


def resolved(given: Mapping[str, str]) -> dict[str, Any]:
    """The whole file with its variables resolved."""
    whole: dict[str, Any] = _resolve(yaml.safe_load(FILE.read_text(encoding="utf-8")), given)
    return whole


def _resolve(node: Any, given: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _resolve(value, given) for key, value in node.items()}
    if isinstance(node, list):
        return [_resolve(value, given) for value in node]
    return put_in(node, given) if isinstance(node, str) else node


def strings(node: Any) -> Iterator[str]:
    """Every string below a node."""
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list):
        for value in node:
            yield from strings(value)
    elif isinstance(node, str):
        yield node
