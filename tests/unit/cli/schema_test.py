#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`bulkhead spec schema` is a JSON Schema for a validator that is not ours: it takes what our checker
takes, and refuses what a person mistypes.

    schema_test.py PROGRAM SOURCES
"""

import copy
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import jsonschema
    import tomllib
except ImportError as missing:
    print(f"skipped: no Python module {missing.name} (apt install python3-jsonschema)", file=sys.stderr)
    sys.exit(77)

PROGRAM, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
KINDS = ("level", "flows", "networks", "devices", "host")


def output(*words):
    return subprocess.run([PROGRAM, *words], check=True, capture_output=True, text=True).stdout


SCHEMAS = {kind: json.loads(output("spec", "schema", kind)) for kind in KINDS}
VALIDATORS = {kind: jsonschema.Draft202012Validator(schema) for kind, schema in SCHEMAS.items()}
ANY = json.loads(output("spec", "schema"))


def kind_of(path):
    return "level" if path.parent.name == "levels" else path.stem


def holds(kind, document):
    return VALIDATORS[kind].is_valid(document)


def examples():
    found = sorted((ROOT / "vmspec/examples").glob("**/*.toml"))
    assert len(found) >= 6, "the examples have moved"
    with tempfile.TemporaryDirectory() as folder:
        output("spec", "new", "office", "--folder", folder, "--compartments", "hq", "--memory", "2 GiB")
        found += [pathlib.Path(folder, "levels/office.toml"), pathlib.Path(folder, "host.toml")]
        return [(kind_of(path), path.name, tomllib.loads(path.read_text(encoding="utf-8"))) for path in found]


def check_schemas():
    for schema in (*SCHEMAS.values(), ANY):
        jsonschema.Draft202012Validator.check_schema(schema)


def check_examples():
    for kind, name, document in examples():
        errors = [e.message for e in VALIDATORS[kind].iter_errors(document)]
        assert not errors, f"{name}: {errors}"
        assert jsonschema.Draft202012Validator(ANY).is_valid(document), name


LEVEL = {"schema": 2, "label": {"rank": 1, "compartments": ["hq"]}, "image": "minimal",
         "network": {"uplink": "out", "allow": [{"to": "10.0.0.0/8", "tcp": [443, "8000-8099"]}]},
         "devices": {"storage": "manual", "fido": {"mode": "ask", "relying-parties": ["example.org"]}},
         "life-cycle": {"idle-suspend": "5 min"}, "roles": {"start": ["user"]}}


def changed(*path, to):
    document = copy.deepcopy(LEVEL)
    where = document
    for key in path[:-1]:
        where = where.setdefault(key, {}) if isinstance(where, dict) else where[key]
    where[path[-1]] = to
    return document


def check_levels():
    assert holds("level", LEVEL)
    assert holds("level", {"schema": 2, "extends": "base"}), "a template may say the rest"
    assert holds("level", changed("image", to={"name": "minimal", "boot": "uefi"}))
    assert holds("level", changed("network", "allow", 0, "tcp", to="1-65535"))
    for document in (
            {"schema": 2}, {}, {"schema": 2, "image": "minimal"},
            changed("memmory", to="2 GiB"), changed("resources", "memory", to="2GiB"),
            changed("resources", "vcpus", to=65), changed("resources", "vcpus", to="2"),
            changed("label", to={"rank": 1001}), changed("label", to={}), changed("label", to=1),
            changed("label", "compartments", to=["HQ"]), changed("image", to="No Name"),
            changed("colour", to="red"), changed("devices", "storage", to="sometimes"),
            changed("devices", "storage", to={"write": True}), changed("devices", "floppy", to="ask"),
            changed("network", "allow", 0, "tcp", to=0), changed("network", "allow", 0, "tcp", to=[]),
            changed("network", "allow", 0, "too", to="x"), changed("autostart", to="yes"),
            changed("life-cycle", "idle-suspend", to=5), changed("roles", "start", to="user")):
        assert not holds("level", document), document


def check_others():
    flow = {"from": "low", "to": "high", "kind": "transfer"}
    assert holds("flows", {"schema": 2, "flow": {"up": flow}})
    assert not holds("flows", {"schema": 2, "flow": {"Up": flow}})
    assert not holds("flows", {"schema": 2, "flow": {"up": {**flow, "kind": "push"}}})
    assert not holds("flows", {"schema": 2, "flow": {"up": {"from": "low", "to": "high"}}})
    rule = {"action": "deny", "level": "*", "class": "storage"}
    assert holds("devices", {"schema": 2, "rule": [rule]})
    assert not holds("devices", {"schema": 2, "rule": [{**rule, "level": "**"}]})
    assert not holds("host", {"schema": 3})


def check_parts():
    """Templates and drop-ins say a part; what a part says must still be right."""
    def is_part(kind, document):
        schema = json.loads(output("spec", "schema", kind))
        jsonschema.Draft202012Validator.check_schema(schema)
        return jsonschema.Draft202012Validator(schema).is_valid(document)
    for kind in ("template", "level.d"):
        assert is_part(kind, {"schema": 2, "resources": {"vcpus": 2}})
        assert is_part(kind, {"schema": 2, "network": {"deny": [{"to": "10.0.0.0/8"}]}})
        assert not is_part(kind, {"resources": {"vcpus": 2}}), "the schema is said in each file"
        assert not is_part(kind, {"schema": 2, "resources": {"vcpu": 2}})
        assert not is_part(kind, {"schema": 2, "network": {"deny": [{"comment": "to nowhere"}]}}), "an element is whole"
    assert is_part("flows.d", {"schema": 2, "flow": {"up": {"quota": "1 GiB"}}})
    assert not is_part("flows.d", {"schema": 2, "flow": {"up": {"kwota": "1 GiB"}}})
    assert is_part("devices.d", {"schema": 2, "device": {"stick": {"serial": "1"}}})
    for kind in ("networks.d", "host.d"):
        assert is_part(kind, {"schema": 2})


check_schemas()
check_parts()
check_examples()
check_levels()
check_others()
print("the schema takes every example and refuses what is mistyped", file=sys.stderr)
