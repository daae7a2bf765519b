# SPDX-License-Identifier: GPL-2.0-or-later
"""What a lab test is, and how the tests are found.

A test is a file tests/lab/tests/NAME.py. Its docstring's first line is its title, a sentence of behaviour. It has:
    FEATURES    IDs of features.tsv that it proves, the first one names its folder under out/
    test(host)  raises on failure, Skip where this machine cannot show it; test(host, other) with HOSTS = 2
and may have:
    SNAPSHOT    "bare" (default: booted, without our packages), "ready" (packages installed) or one that another test provides
    PROVIDES    the name of a snapshot that is made when this test has passed, for others to start from
    SMOKE       True: part of `lab run --smoke`
    READS_ONLY  True: leaves the host as it found it, so that the next test needs no restore
    HOSTS       how many hosts it needs (default 1)
"""
import importlib.util
import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .features import all_features
from .places import TESTS
from .words import LabError


class Skip(Exception):
    """The test cannot be shown here; the reason is printed."""


@dataclass(frozen=True)
class LabTest:
    """One test file."""

    name: str
    title: str
    features: tuple[str, ...]
    function: Callable[..., None]
    snapshot: str = "bare"
    smoke: bool = False
    reads_only: bool = False
    hosts: int = 1
    provides: str = ""


def load(path: pathlib.Path) -> LabTest:
    """Imports one test file and checks its form. LabError names what is wrong with it."""
    spec = importlib.util.spec_from_file_location(f"lab_test_{path.stem}", path)
    assert spec and spec.loader
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    title = (module.__doc__ or "").strip().split("\n")[0].rstrip(".")
    known = {f.ident for f in all_features()}
    features = tuple(getattr(module, "FEATURES", ()))
    if not title or not features or not callable(getattr(module, "test", None)):
        raise LabError(f"{path} is no lab test", "It needs a docstring, FEATURES and test(host).")
    if unknown := [f for f in features if f not in known]:
        raise LabError(f"{path} names no feature: {', '.join(unknown)}", "tests/lab/features.tsv has them all.")
    return LabTest(path.stem, title, features, module.test, getattr(module, "SNAPSHOT", "bare"), getattr(module, "SMOKE", False),
                   getattr(module, "READS_ONLY", False), getattr(module, "HOSTS", 1), getattr(module, "PROVIDES", ""))


def all_tests() -> list[LabTest]:
    """Every test. Who provides a snapshot comes before those that start from it; who only reads, first: they share a restore."""
    tests = [load(p) for p in sorted(TESTS.glob("*.py"))]
    order = {"bare": 0, "ready": 1}
    return sorted(tests, key=lambda t: (order.get(t.snapshot, 2), t.snapshot, not t.provides, not t.reads_only, t.name))


def select(words: list[str], smoke: bool) -> list[LabTest]:
    """The tests that the words name, by their name or by a feature ID, and what they stand on; all if there are no words."""
    tests = all_tests()
    for word in words:
        if not any(word == t.name or word in t.features for t in tests):
            raise LabError(f"there is no test \"{word}\"", "lab run --list shows all.")
    chosen = [t for t in tests if (not words or t.name in words or any(f in words for f in t.features)) and (t.smoke or not smoke)]
    needed = {t.snapshot for t in chosen}
    return [t for t in tests if t in chosen or t.provides in needed - {""}]
