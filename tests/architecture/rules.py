# SPDX-License-Identifier: GPL-2.0-or-later
"""The dependency table of docs/architecture.md, and what no source file may contain.

Pure: `check(root)` reads a source tree and returns faults; architecture_test.py runs it on ours and
on planted trees. A new edge between folders is a change of the architecture: argue for it in the
commit that changes UNITS, do not slip it in.
"""

import dataclasses
import fnmatch
import pathlib
import re

BASE = "vmspec/base"

# unit -> what it may #include: another unit, or a glob of header files. The longest prefix names
# the unit of a file. "*" is for tests, which look at everything and which nothing may include.
UNITS = {
    "vmspec/base": [],
    "vmspec": [BASE],
    "netpolicy": [BASE, "vmspec"],
    "diode": [BASE, "vmspec"],
    "device-broker": [BASE, "vmspec"],
    "hostd": [BASE, "vmspec", "netpolicy", "diode", "device-broker",
              "hostd/super/*_messages.h", "hostd/super/*_protocol.h"],
    # The service manager runs as root: it knows the leaf code and its own protocol, nothing else.
    "hostd/super": [BASE, "hostd/super_client.h", "hostd/super_*.h"],
    # agentd reads guest bytes: the less it can call the better.
    "hostd/agentd": [BASE, "hostd/agentd_*.h"],
    # The CLI speaks D-Bus; it links the spec language to check a folder without a daemon.
    # `spec lower` prints what hostd would tell the host: the same pure step, not a second one; and
    # both ends of what Host1 carries of a spec set are one file.
    "hostd/cli": [BASE, "vmspec", "hostd/gptr.h", "hostd/lower/lower.h", "hostd/bus/spec_variants.h",
                  # doctor proves KVM as hostd does, where hostd does not run.
                  "hostd/accel/accel_probe.h"],
    "guest-images/agent": [BASE],
    "panel": [BASE],
    "tests": ["*"],
}

# Headers from outside -> units that may know them. "tests" may include any.
FOREIGN = {
    r"libvirt(-glib|-gobject|-gconfig)?/": (["hostd"], "only hostd knows libvirt"),
    r"libnftnl/|libmnl/|linux/netfilter": (["netpolicy"], "only netpolicy knows nftables"),
    r"libudev\.h|linux/loop\.h": (["device-broker"], "only device-broker opens devices"),
    r"toml\+\+/|toml\.hpp": (["vmspec"], "only vmspec reads TOML"),
    r"openssl/": ([BASE], "hashes come from vmspec/base"),
    r"seccomp\.h|linux/(seccomp|landlock)\.h": (
        [BASE, "guest-images/agent", "hostd/cli"], "confinement comes from vmspec/base/confine.h"),
    r"gio/|glib|giomm|glibmm": (
        ["hostd", "hostd/cli", "panel"], "only hostd, its CLI and the panel run the GLib main loop"),
}

SOURCE_SUFFIXES = {".cc", ".h"}
CPP_LIKE = {".c", ".cpp", ".cxx", ".hpp", ".hh"}
SPDX_SUFFIXES = {".cc", ".h", ".py", ".sh", ".bash", ".build", ".toml", ".xml", ".service", ".socket",
                 ".1", ".5", ".7", ".8"}
SPDX = "SPDX-License-Identifier: GPL-2.0-or-later"

# (pattern on code without comments and strings, why)
FORBIDDEN_CALLS = [
    (re.compile(r"(?<![\w.>])(?:::|std::)?system\s*\("), "system() runs a shell: use Spawn(ProcessSpec)"),
    (re.compile(r"(?<![\w.>])(?:::)?popen\s*\("), "popen() runs a shell: use Spawn(ProcessSpec)"),
    (re.compile(r"(?<![\w.>])(?:::)?g_spawn_command_line_\w+\s*\("),
     "this splits a command string: use Spawn(ProcessSpec)"),
    (re.compile(r"(?<![\w.>])(?:::)?exec(?:vp|lp|vpe)\s*\("),
     "this searches PATH: give an absolute path to Spawn(ProcessSpec)"),
    (re.compile(r"(?<![\w.>])(?:::|std::)?(?:strcpy|strcat|sprintf|vsprintf|gets|tmpnam|mktemp|alloca)\s*\("),
     "unbounded or racy: use std::string, snprintf or mkostemp"),
]
# A string literal that is a shell; tests may start one as a specimen child.
SHELL_LITERAL = re.compile(r'"(?:(?:/usr)?/bin/)?(?:ba|da|z|k)?sh(?: -\w*c\b[^"]*)?"')

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# Comments and literals of C++, in one alternation so that neither is found inside the other.
TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^()\s\\]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.S)


@dataclasses.dataclass(frozen=True)
class Fault:
    """One broken rule, printed as a compiler would."""

    file: str
    line: int
    message: str

    def __str__(self):
        return f"{self.file}:{self.line}: {self.message}"


def unit_of(path):
    """The longest unit that is a folder above `path`, or None."""
    parts = path.split("/")
    for n in range(len(parts) - 1, 0, -1):
        prefix = "/".join(parts[:n])
        if prefix in UNITS:
            return prefix
    return None


# docs/first-levels.md has its reader write these into the checkout (.gitignore has them, too).
GUIDE_FOLDERS = ("my-levels", "my-set", "new-set")


def source_tree(root):
    """Relative paths of all files of the project, without build folders, git's own and the user's."""
    found = []

    def walk(folder):
        for entry in sorted(folder.iterdir()):
            if entry.is_symlink() or entry.name in (".git", "__pycache__", ".cache"):
                continue
            if folder == root and entry.name in GUIDE_FOLDERS:
                continue
            if entry.is_dir():
                if not (entry / "meson-private").exists():
                    walk(entry)
            elif entry.is_file():
                found.append(entry.relative_to(root).as_posix())

    walk(root)
    return found


def blank(text, keep_strings):
    """The source with comments (and, unless kept, literals) blanked, line numbers unchanged."""

    def replace(match):
        token = match.group(0)
        if keep_strings and not token.startswith("/"):
            return token
        return re.sub(r"[^\n]", " ", token)

    return TOKEN.sub(replace, text)


def may_include(unit, target):
    target_unit = unit_of(target)
    if target_unit == unit:
        return True
    for allowed in UNITS[unit]:
        if allowed == "*" or target_unit == allowed or fnmatch.fnmatch(target, allowed):
            return True
    return False


def check_own_include(path, number, target):
    if "/" not in target:
        yield Fault(path, number, f'write "{target}" with its path from the source root')
        return
    unit = unit_of(path)
    if ".." in target.split("/") or unit_of(target) is None:
        yield Fault(path, number, f'"{target}" is in no folder of the table in tests/architecture/rules.py')
    elif not may_include(unit, target):
        yield Fault(path, number, f'{unit} may not depend on "{target}" '
                                  f"(allowed: {', '.join(UNITS[unit]) or 'nothing of ours'})")


def check_foreign_include(path, number, target):
    unit = unit_of(path)
    if unit == "tests":
        return
    for pattern, (units, why) in FOREIGN.items():
        if re.match(pattern, target) and unit not in units:
            yield Fault(path, number, f"<{target}> in {unit}: {why}")


def check_includes(path, text):
    for number, line in enumerate(blank(text, keep_strings=True).splitlines(), 1):
        if found := INCLUDE.match(line):
            check_one = check_own_include if found.group(1) == '"' else check_foreign_include
            yield from check_one(path, number, found.group(2))


def check_forbidden(path, text):
    code = blank(text, keep_strings=False).splitlines()
    literal = blank(text, keep_strings=True).splitlines()
    for number, (line, quoted) in enumerate(zip(code, literal), 1):
        for pattern, why in FORBIDDEN_CALLS:
            if pattern.search(line):
                yield Fault(path, number, why)
        if unit_of(path) != "tests" and SHELL_LITERAL.search(quoted):
            yield Fault(path, number, "a shell is started: give the program and its arguments to Spawn(ProcessSpec)")


def needs_spdx(path, text):
    if path.startswith("tests/") and pathlib.PurePath(path).suffix in (".toml", ".xml"):
        return False  # specimens of input, often with faults counted by line
    name = pathlib.PurePath(path)
    return name.suffix in SPDX_SUFFIXES or name.name == "meson_options.txt" or text.startswith("#!")


def check_form(path, text):
    """What every file has: a licence, and for headers the guard."""
    if needs_spdx(path, text) and not any(SPDX in line for line in text.splitlines()[:6]):
        yield Fault(path, 1, f"no '{SPDX}' line at the top")
    suffix = pathlib.PurePath(path).suffix
    if suffix in CPP_LIKE:
        yield Fault(path, 1, "C++ files here are called .cc and .h")
    if suffix == ".h" and "#pragma once" not in blank(text, keep_strings=False):
        yield Fault(path, 1, "no #pragma once")


def check(root):
    """All faults of the tree at `root`, in order of file and line."""
    root = pathlib.Path(root)
    faults = []
    for path in source_tree(root):
        text = (root / path).read_bytes()[:4 << 20].decode("utf-8", "replace")
        faults += check_form(path, text)
        if pathlib.PurePath(path).suffix not in SOURCE_SUFFIXES:
            continue
        if unit_of(path) is None:
            faults.append(Fault(path, 1, "this folder is not in the table of tests/architecture/rules.py"))
            continue
        faults += check_includes(path, text)
        faults += check_forbidden(path, text)
    return faults
