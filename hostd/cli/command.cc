// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/cli/command.h"

#include <limits>

namespace bulkhead::cli {

namespace {

constexpr unsigned kAny = std::numeric_limits<unsigned>::max();

constexpr Option kGlobal[] = {
    {"--json", "", "print JSON with stable keys"},
    {"--bus", "ADDRESS", "D-Bus address of hostd's bus"},
    {"--help", "", "explain the command", "-h"},
    {"--version", "", "print the version"},
};
constexpr Option kStart[] = {
    {"--wait", "", "return when the level runs, or failed (the default)"},
    {"--no-wait", "", "return when the start is under way"},
    {"--paused", "", "define and start, but do not let the guest run (tests, benchmarks)"},
};
constexpr Option kStop[] = {
    {"--all", "", "every level that is up; no error when none is"},
    {"--force", "", "do not ask the guest: power off at once"},
    {"--wait", "", "return when the level is stopped (the default)"},
    {"--no-wait", "", "return when the stop is under way"},
};
constexpr Option kRestart[] = {
    {"--wait", "", "return when the level runs again, or failed (the default)"},
    {"--no-wait", "", "return when the restart is under way"},
};
constexpr Option kRun[] = {
    {"--root", "", "as root instead of the level's user"},
    {"--timeout", "S", "give up after S seconds (1 to 3600, default 60)"},
    {"--raw", "", "do not make the output harmless for this terminal"},
};
constexpr Option kConsole[] = {
    {"--raw", "", "do not make the output harmless for this terminal"},
};
constexpr Option kEvents[] = {
    {"--count", "N", "end after N events", "-n"},
};
constexpr Option kLend[] = {
    {"--write", "", "let the level write, where the spec allows it"},
};
constexpr Option kTail[] = {
    {"--lines", "N", "so many records (1 to 10000, default 20)", "-n"},
};

constexpr Option kApply[] = {
    {"--message", "TEXT", "why, for the history and the audit log", "-m"},
};
constexpr Option kSpecShow[] = {
    {"--level", "L", "every field of one level, its value, and where it was said"},
    {"--all", "", "the same of every level"},
    {"--files", "", "the files, one after the other"},
    {"--version", "N", "version N of the history instead"},
};
constexpr Option kSpecGraph[] = {
    {"--text", "", "lanes and a table for the terminal (the default)"},
    {"--svg", "FILE", "a picture, drawn by Graphviz; - is standard output"},
    {"--dot", "", "the text that Graphviz draws"},
};
constexpr Option kSpecFormat[] = {
    {"--check", "", "write nothing; list the files that differ and exit with 1"},
    {"--migrate", "", "rewrite files of an older schema to the newest, too"},
};

constexpr Option kSpecNew[] = {
    {"--folder", "DIR", "the set's folder, made when it is not there (default: this one)"},
    {"--title", "T", "what people see"},
    {"--rank", "N", "0 to 1000; information flows only to the same or a higher rank"},
    {"--compartments", "A,B", "information flows only to levels that have all of them"},
    {"--colour", "#RRGGBB", "one that no other level has, if not given"},
    {"--image", "I", "the system that it starts"},
    {"--memory", "SIZE", "what its guest has (default 512 MiB)"},
    {"--uplink", "U", "an uplink of networks.toml (default none)"},
    {"--yes", "", "ask nothing: take what is proposed", "-y"},
};

constexpr Command kCommands[] = {
    {"start", "LEVEL...", 1, kAny, kStart, "start levels and wait until they run", Start},
    {"stop", "[LEVEL...]", 0, kAny, kStop, "shut levels down", Stop},
    {"restart", "LEVEL...", 1, kAny, kRestart, "stop levels and start them again", Restart},
    {"status", "[LEVEL]", 0, 1, {}, "what runs, since when, what it uses", ShowStatus},
    {"list", "", 0, 0, {}, "names, titles and states of the levels", List},
    {"run", "LEVEL -- CMD...", 1, 1, kRun, "run a command in a level", Run, true},
    {"console", "LEVEL", 1, 1, kConsole, "a terminal in a level; leave with Ctrl-]", Console},
    {"device list", "", 0, 0, {}, "devices that can be lent, and who has them", DeviceList},
    {"device lend", "DEVICE LEVEL", 2, 2, kLend, "lend a device to a level, read-only", DeviceLend},
    {"device take-back", "DEVICE", 1, 1, {}, "take a device back from its level", DeviceTakeBack},
    {"flow list", "", 0, 0, {}, "the diode flows and what went through", FlowList},
    {"net status", "[LEVEL]", 0, 1, {}, "network rules and how often each was used", NetStatus},
    {"audit tail", "", 0, 0, kTail, "the last decisions", AuditTail},
    {"audit verify",
     "[FILE]",
     0,
     1,
     {},
     "check the chain of the log, or of a copy of it",
     AuditVerify},
    {"spec check", "DIR", 1, 1, {}, "check a spec set; nothing is applied", SpecCheck},
    {"spec apply", "DIR", 1, 1, kApply, "check a spec set and make it the one in force", SpecApply},
    {"spec show", "[FOLDER]", 0, 1, kSpecShow, "what a set says; the one in force", SpecShow},
    {"spec lower", "LEVEL [DIR]", 1, 2, {}, "print what the host is told of a level", SpecLower},
    {"spec history", "", 0, 0, {}, "the spec sets that were applied", SpecHistory},
    {"spec rollback", "VERSION", 1, 1, kApply, "apply a set of the history again", SpecRollback},
    {"spec diff", "[OLD] NEW", 1, 2, {}, "what a change of the set opens and closes", SpecDiff},
    {"spec graph", "[FOLDER]", 0, 1, kSpecGraph, "draw how information can flow", SpecGraph},
    {"spec schema", "[KIND]", 0, 1, {}, "JSON Schema of the files, for editors", SpecSchema},
    {"spec new", "NAME", 1, 1, kSpecNew, "write a minimal level, asking what it needs", SpecNew},
    {"spec format", "FOLDER|FILE...", 1, kAny, kSpecFormat, "lay spec files out canonically",
     SpecFormat},
    {"spec explain",
     "A B [DIR]",
     2,
     3,
     {},
     "every way that information has from A to B",
     SpecExplain},
    {"spec risks", "[DIR]", 0, 1, {}, "the covert channels that a set accepts", SpecRisks},
    {"spec approve", "DIR", 1, 1, {}, "approve the downgrade flows of a spec set", SpecApprove},
    {"spec approvals", "", 0, 0, {}, "who approved which downgrade flow", SpecApprovals},
    {"doctor", "", 0, 0, {}, "what this machine has and lacks", Doctor},
    {"events", "", 0, 0, kEvents, "follow what happens, until Ctrl-C", Events},
    {"version", "", 0, 0, {}, "versions of this program and of hostd", Version},
    {"help", "[COMMAND]", 0, 2, {}, "explain a command", Help},
};

}  // namespace

std::span<const Command> Commands() { return kCommands; }
std::span<const Option> GlobalOptions() { return kGlobal; }

}  // namespace bulkhead::cli
