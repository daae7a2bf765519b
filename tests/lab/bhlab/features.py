# SPDX-License-Identifier: GPL-2.0-or-later
"""The features owed, by ID, and the last result that the lab had for each."""
import json
import pathlib
from dataclasses import dataclass
from typing import Any

from .places import HERE

LIST = HERE / "features.tsv"


@dataclass(frozen=True)
class Feature:
    """One row of the list: the group it is owed in, its ID and what it is."""

    group: str
    ident: str
    title: str


def all_features() -> list[Feature]:
    """In the order of the list."""
    rows = (line.split("\t") for line in LIST.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#"))
    return [Feature(group, ident, title) for ident, group, title in rows]


def results(path: pathlib.Path) -> dict[str, Any]:
    """Test name -> its last result, {} if nothing ran yet."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def keep(path: pathlib.Path, name: str, entry: dict[str, Any]) -> None:
    """Notes a test's result; written whole, so that a killed run loses at most the last."""
    scratch = path.with_suffix(".new")
    scratch.write_text(json.dumps(results(path) | {name: entry}, indent=1, sort_keys=True), encoding="utf-8")
    scratch.rename(path)
