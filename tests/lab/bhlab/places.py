# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things lie: in this checkout, in the cache that all labs share, and in one lab's folder."""
import os
import pathlib

HERE = pathlib.Path(__file__).resolve().parent.parent
TOP = HERE.parent.parent
TESTS = HERE / "tests"
GUEST_FILES = HERE / "guest"
PACKAGE_LIST = HERE / "packages"
CACHE = pathlib.Path(os.environ.get("BULKHEAD_LAB_CACHE", "/var/cache/bulkhead/lab"))


class LabFolder:
    """One lab's own folder: its hosts' disks, sockets, keys and results. Two labs with two folders do not meet."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.lock = path / "lock"
        self.key = path / "ssh-key"
        self.card = path / "card"
        self.settings = path / "lab.json"
        self.results = path / "results.json"
        self.out = path / "out"

    def host(self, index: int) -> pathlib.Path:
        """The folder of host `index` (1, 2)."""
        return self.path / f"host{index}"


def default_lab() -> pathlib.Path:
    """The lab of who names none: BULKHEAD_LAB, or one in the cache."""
    return pathlib.Path(os.environ.get("BULKHEAD_LAB", CACHE / "default"))
