#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every golden .json file is JSON for a parser that is not ours."""

import json
import pathlib
import sys

files = sorted(pathlib.Path(__file__).resolve().parent.glob("golden/*.json"))
for file in files:
    value = json.loads(file.read_text(encoding="utf-8"))
    assert isinstance(value, dict), f"{file.name}: the outermost value is an object"
assert len(files) >= 15, f"only {len(files)} files: were they moved?"
print(f"{len(files)} files are JSON", file=sys.stderr)
