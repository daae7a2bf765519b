#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Manual pages and completions say what the programs do: `bulkhead help` is the truth.

    manual_test.py --root SOURCES --bulkhead PROGRAM --superd PROGRAM --agentd PROGRAM
"""
import argparse
import glob
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ARGS = argparse.ArgumentParser()
for name in ("root", "bulkhead", "superd", "agentd"):
    ARGS.add_argument("--" + name, required=True)
OPT, REST = ARGS.parse_known_args()
ROOT = pathlib.Path(OPT.root)
PAGES = sorted(glob.glob(str(ROOT / "docs/man/*.[1-8]")))
GROUP_WORDS = ("device", "flow", "net", "audit", "spec")


def output(*argv, **kwargs):
    return subprocess.run(argv, capture_output=True, text=True, check=True, **kwargs).stdout


def options_in(help_text):
    """"--lines", "-n" of the lines "  -n, --lines N   ...", as often as they are there."""
    found = []
    for line in help_text.splitlines():
        if line.startswith("  -"):
            found += re.findall(r"(?<![\w-])--?[a-z][a-z-]*", line.split("  ")[1])
    return found


def read_help():
    """{"device lend": ("DEVICE LEVEL", {"--write"})}, and the options of every command."""
    commands = {}
    table = output(OPT.bulkhead, "help").split("\n\n")[2]
    for line in table.splitlines():
        left = line[2:30].rstrip()
        words = [w for w in left.split() if re.fullmatch(r"[a-z][a-z-]*", w)]
        commands[" ".join(words)] = left[len(" ".join(words)):].strip()
    each = {c: options_in(output(OPT.bulkhead, "help", *c.split())) for c in commands}
    common = set.intersection(*map(set, each.values()))
    # One that is there twice is the command's own beside the one of all (spec show --version N).
    own = {c: {o for o in each[c] if o not in common or each[c].count(o) > 1} for c in commands}
    return {c: (commands[c], own[c]) for c in commands}, common


COMMANDS, GLOBAL = read_help()
TITLES = {f"{c} {arguments}".strip(): c for c, (arguments, _) in COMMANDS.items()}  # as manual pages head them


def first_words():
    return {c.split()[0] for c in COMMANDS}


def source_of(page):
    """A page without the escapes of roff's dash and fonts."""
    text = (ROOT / "docs/man" / page).read_text(encoding="utf-8")
    return re.sub(r"\\f[BIRP]", "", text.replace("\\-", "-"))


def options_of(text):
    tagged = [line for line in text.splitlines() if re.match(r'\.(B|BI|BR) "?-', line)]
    return {o for line in tagged for o in re.findall(r'(?<![\w-])--?[a-z][a-z-]*', line)}


class Help(unittest.TestCase):
    def test_was_understood(self):
        self.assertIn("device take-back", COMMANDS)
        self.assertEqual("LEVEL -- CMD...", COMMANDS["run"][0])
        self.assertEqual({"--lines", "-n"}, COMMANDS["audit tail"][1])
        self.assertEqual({"--json", "--bus", "--help", "-h", "--version"}, GLOBAL)


class Manual(unittest.TestCase):
    def test_of_bulkhead_has_every_command_as_help_shows_it_and_points_to_the_page_of_spec(self):
        shown = [title for title, c in TITLES.items() if not c.startswith("spec ")]
        sections = re.findall(r'^\.SS "(.*)"$', source_of("bulkhead.1"), re.M)
        self.assertEqual(1, sections.count("spec COMMAND"))
        self.assertEqual(shown, [title for title in sections if title != "spec COMMAND"])
        self.assertIn('.SS "spec COMMAND"\nChecks, shows, compares, formats and applies spec sets:\n'
                      ".BR bulkhead-spec (1).", source_of("bulkhead.1"))

    def test_of_spec_has_every_command_as_help_shows_it_and_no_other(self):
        shown = [title for title, c in TITLES.items() if c.startswith("spec ")]
        self.assertEqual(shown, re.findall(r'^\.SS "(.*)"$', source_of("bulkhead-spec.1"), re.M))

    def test_have_every_option_of_each_command_and_no_other(self):
        for page in ("bulkhead.1", "bulkhead-spec.1"):
            body, after = source_of(page).split('.SH OPTIONS')
            sections = re.split(r'^\.SS "(.*)"$', body, flags=re.M)
            for title, text in zip(sections[1::2], sections[2::2]):
                options = COMMANDS[TITLES[title]][1] if title in TITLES else set()
                self.assertEqual(options, options_of(text), title)
            self.assertEqual(GLOBAL, options_of(after.split(".SH")[0]), page)

    def test_have_every_exit_code_of_its_source(self):
        header = (ROOT / "hostd/cli/context.h").read_text(encoding="utf-8")
        codes = dict(re.findall(r"^  kExit(\w+) = (\d+),", header, re.M))
        listed = lambda page: set(re.findall(r"^\.B (\d+)$", source_of(page), re.M))
        self.assertEqual(set(codes.values()), listed("bulkhead.1"))
        of_spec = {code for name, code in codes.items() if not name.startswith("Run")}
        self.assertEqual(of_spec, listed("bulkhead-spec.1"))

    def test_pages_of_daemons_have_the_options_of_their_usage(self):
        for program, page in ((OPT.superd, "bulkhead-superd.8"), (OPT.agentd, "bulkhead-agentd.8")):
            said = subprocess.run([program, "--no-such-option"], capture_output=True, text=True, check=False)
            self.assertEqual(2, said.returncode)
            used = set(re.findall(r"--[a-z-]+", said.stderr)) - {"--no-such-option"}
            self.assertEqual(used, options_of(source_of(page)) & set(re.findall(r"--[a-z-]+", source_of(page))))

    def test_of_the_diode_has_the_options_that_superd_gives_it(self):
        table = (ROOT / "hostd/super/service_table.cc").read_text(encoding="utf-8")
        body = table[table.index("void DescribeDiodeHalf"):].split("\n}\n")[0]
        given = set(re.findall(r'"(--[a-z-]+)"', body))
        self.assertIn("--quota", given)
        self.assertEqual(given, {o for o in options_of(source_of("bulkhead-diode.8")) if o.startswith("--")})

    def test_of_the_spec_is_made_from_the_reference(self):
        made = output(sys.executable, str(ROOT / "docs/man/make_spec_page.py"))
        page = (ROOT / "docs/man/bulkhead.spec.5").read_text(encoding="utf-8")
        self.assertEqual(made, page, "run docs/man/make_spec_page.py > docs/man/bulkhead.spec.5")

    def test_pages_format_without_a_warning(self):
        if not shutil.which("man") or not shutil.which("groff"):
            self.skipTest("man-db and groff are not installed")
        self.assertGreaterEqual(len(PAGES), 10)
        for page in PAGES:
            done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Z", page],
                                  capture_output=True, text=True, check=False)
            self.assertEqual((0, ""), (done.returncode, done.stderr), page)

    def test_pages_name_only_pages_that_exist(self):
        here = {re.sub(r"\.(\d)$", r"(\1)", os.path.basename(p)) for p in PAGES}
        for page in PAGES:
            for name, section in re.findall(r'^\.BR (bulkhead[a-z.-]*) (\(\d\))', source_of(os.path.basename(page)), re.M):
                self.assertIn(name + section, here, page)


def bash_answers(*words, program=None):
    """What bash would offer behind `words`, the last of which is being typed."""
    script = (f'source "{ROOT}/completions/bulkhead.bash"; complete -p bulkhead >/dev/null; COMP_WORDS=("$@")\n'
              'COMP_CWORD=$(($# - 1)); _bulkhead; printf "%s\\n" "${COMPREPLY[@]}"')
    return set(output("bash", "--norc", "-c", script, "bash", program or OPT.bulkhead, *words).split())


class Stub:
    """Answers as the program did in its own golden tests."""

    def __init__(self, folder):
        golden = ROOT / "tests/unit/cli/golden"
        self.path = os.path.join(folder, "bulkhead")
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(f'#!/bin/sh\ncase "$*" in *"device list") cat "{golden}/device-list.json" ;;\n'
                    f'*"spec history") cat "{golden}/spec-history.json" ;;\n'
                    f'*list) cat "{golden}/list.json" ;; esac\n')
        os.chmod(self.path, 0o755)


class Bash(unittest.TestCase):
    def test_offers_every_command_and_no_other(self):
        self.assertEqual(first_words(), bash_answers(""))
        for group in GROUP_WORDS:
            seconds = {c.split()[1] for c in COMMANDS if c.startswith(group + " ")}
            self.assertEqual(seconds, bash_answers(group, ""), group)

    def test_offers_every_option_of_each_command_and_no_other(self):
        for command, (_, options) in COMMANDS.items():
            self.assertEqual(options | GLOBAL, bash_answers(*command.split(), "-"), command)
        self.assertEqual(GLOBAL, bash_answers("-"))

    def test_offers_the_levels_and_devices_of_the_daemon(self):
        with tempfile.TemporaryDirectory() as folder:
            stub = Stub(folder).path
            ask = lambda *words: bash_answers(*words, program=stub)
            self.assertEqual({"low", "high"}, ask("start", ""))
            self.assertEqual({"low"}, ask("start", "l"))
            self.assertEqual({"high"}, ask("start", "--no-wait", "low", ""), "a level is offered once")
            self.assertEqual({"low", "high"}, ask("--json", "status", ""))
            self.assertEqual(set(), ask("status", "low", ""), "status takes one level")
            self.assertEqual({"loop0"}, ask("device", "lend", ""))
            self.assertEqual({"low", "high"}, ask("device", "lend", "loop0", ""))
            self.assertEqual(set(), ask("run", "low", "--", ""))
            self.assertEqual({"low", "high"}, ask("spec", "show", "--level", ""))
            self.assertEqual({"9", "8"}, ask("spec", "rollback", ""))

    def test_offers_nothing_for_a_value_and_nothing_after_nonsense(self):
        self.assertEqual(set(), bash_answers("--bus", ""))
        self.assertEqual(set(), bash_answers("audit", "tail", "-n", ""))
        self.assertEqual(set(), bash_answers("no-such-group", ""))
        self.assertEqual({"take-back"}, bash_answers("--bus", "unix:path=/x", "device", "t"))

    def test_offers_folders_for_a_spec_and_commands_for_help(self):
        old = os.getcwd()
        os.chdir(ROOT)
        try:
            self.assertIn("vmspec", bash_answers("spec", "check", "vm"))
            self.assertEqual({"vmspec"}, bash_answers("spec", "new", "--folder", "vm"))
            self.assertEqual({"applied"}, bash_answers("spec", "diff", "appl"))
            self.assertIn("README.md", bash_answers("spec", "graph", "--svg", "READ"))
        finally:
            os.chdir(old)
        self.assertEqual(first_words(), bash_answers("help", ""))
        self.assertEqual({"tail", "verify"}, bash_answers("help", "audit", ""))

    def test_cannot_be_made_to_run_what_a_daemon_answers(self):
        with tempfile.TemporaryDirectory() as folder:
            stub = os.path.join(folder, "bulkhead")
            mark = os.path.join(folder, "ran")
            with open(stub, "w", encoding="utf-8") as f:
                f.write("#!/bin/sh\ncat <<'E'\n"
                        f'      "name": "$(touch {mark})",\n      "name": "`touch {mark}`",\n'
                        '      "name": "--force",\n      "name": "good"\nE\n')
            os.chmod(stub, 0o755)
            self.assertEqual({"good"}, bash_answers("start", "", program=stub))
            self.assertFalse(os.path.exists(mark))


class ZshTerminal:
    """An interactive zsh; typed() is what a line becomes after a press of Tab."""

    def __init__(self, folder):
        self.seen = os.path.join(folder, "buffer")
        rc = (f'fpath=("{ROOT}/completions" $fpath); path=("{folder}" $path)\n'
              f'autoload -Uz compinit && compinit -u -d "{folder}/dump"\nsetopt no_beep\n'
              f'show() {{ print -rn -- "$BUFFER" > "{self.seen}.new" && mv "{self.seen}.new" "{self.seen}"; BUFFER="" }}\n'
              'zle -N show; bindkey "^X" show; PS1="ready> "\n')
        with open(os.path.join(folder, ".zshrc"), "w", encoding="utf-8") as f:
            f.write(rc)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(shutil.which("zsh"), ["zsh", "-i"],
                      {"ZDOTDIR": folder, "HOME": folder, "TERM": "dumb", "PATH": os.environ["PATH"]})
        self.wait(lambda screen: "ready> " in screen)

    def wait(self, done, seconds=20):
        screen, until = "", time.monotonic() + seconds
        while time.monotonic() < until:
            if select.select([self.fd], [], [], 0.05)[0]:
                screen += os.read(self.fd, 65536).decode("utf-8", "replace")
            if done(screen):
                return
        raise AssertionError("zsh does not answer: " + screen[-500:])

    def typed(self, line):
        if os.path.exists(self.seen):
            os.unlink(self.seen)
        os.write(self.fd, (line + "\t\x18").encode())
        self.wait(lambda _: os.path.exists(self.seen))
        with open(self.seen, encoding="utf-8") as f:
            return f.read().rstrip()

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


class Zsh(unittest.TestCase):
    def setUp(self):
        self.text = (ROOT / "completions/_bulkhead").read_text(encoding="utf-8")

    def words(self, table):
        entries = re.search(rf"^{table}=\((.*?)\)$", self.text, re.M | re.S)[1]
        return set(re.findall(r"'([a-z][a-z-]*):", entries))

    def test_has_every_command_and_no_other(self):
        self.assertEqual(first_words(), self.words("_bulkhead_commands"))
        for group in GROUP_WORDS:
            seconds = {c.split()[1] for c in COMMANDS if c.startswith(group + " ")}
            self.assertEqual(seconds, self.words(f"_bulkhead_{group}_commands"), group)

    def test_has_every_option_of_each_command_and_no_other(self):
        body = self.text[self.text.index("_bulkhead_takes()"):].split("\n}\n")[0]
        cases = {}
        for names, code in re.findall(r"^    ([a-z' |-]+)\) reply=\((.*?)\) ;;$", body, re.M | re.S):
            wait = "--wait --no-wait " if "$wait" in code else ""
            for name in names.replace("'", "").split("|"):
                cases[name] = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", wait + re.sub(r"\[[^\]]*\]", " ", code)))
        for command, (_, options) in COMMANDS.items():
            self.assertEqual(options, cases.get(command, set()), command)
        globals_of = self.text[self.text.index("global=("):].split("\n\n")[0]
        self.assertEqual(GLOBAL, set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", re.sub(r"\[[^\]]*\]", " ", globals_of))))

    def test_completes_in_a_real_shell(self):
        if not shutil.which("zsh"):
            self.skipTest("zsh is not installed")
        with tempfile.TemporaryDirectory() as folder:
            Stub(folder)
            shell = ZshTerminal(folder)
            try:
                for line, becomes in (("bulkhead dev", "bulkhead device"),
                                      ("bulkhead device ta", "bulkhead device take-back"),
                                      ("bulkhead start --pa", "bulkhead start --paused"),
                                      ("bulkhead start lo", "bulkhead start low"),
                                      ("bulkhead start low hi", "bulkhead start low high"),
                                      ("bulkhead device lend lo", "bulkhead device lend loop0"),
                                      ("bulkhead device lend loop0 hi", "bulkhead device lend loop0 high"),
                                      ("bulkhead --json audit ve", "bulkhead --json audit verify"),
                                      ("bulkhead help dev", "bulkhead help device")):
                    self.assertEqual(becomes, shell.typed(line))
            finally:
                shell.close()


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *REST])
