// SPDX-License-Identifier: GPL-2.0-or-later
/// Spec sets with one fault each, and the exact words that a person reads for it.
#include <gtest/gtest.h>

#include "tests/unit/vmspec/spec_sets.h"

namespace bulkhead::vmspec {
namespace {

struct FaultCase {
  const char* name;
  const char* file;
  const char* old;  ///< "" adds to the file
  const char* text;
  const char* expected;
};

/// For gtest's listing.
void PrintTo(const FaultCase& fault, std::ostream* out) { *out << fault.name; }

class OneFault : public testing::TestWithParam<FaultCase> {};

TEST_P(OneFault, IsToldInOneDiagnostic) {
  const FaultCase& fault = GetParam();
  SpecFiles files =
      *fault.old == 0 ? Added(fault.file, fault.text) : Changed(fault.file, fault.old, fault.text);
  std::string told = Explain(files);
  std::string closing = "1 error, 0 warnings in ";
  std::size_t end = told.find("\n\n");
  ASSERT_NE(end, std::string::npos);
  EXPECT_EQ(told.substr(0, end + 1), fault.expected);
  EXPECT_EQ(told.substr(end + 2, closing.size()), closing) << told;
}

INSTANTIATE_TEST_SUITE_P(
    Spec, OneFault,
    testing::Values(
        FaultCase{"UnknownKey", "levels/low.toml", "title", "titel",
                  R"(error[B0102]: unknown key "titel"
  --> levels/low.toml:2:1
   |
 2 | titel = "Public"
   | ^^^^^ did you mean "title"?
)"},
        FaultCase{"UnknownKeyWithNothingNear", "flows.toml", "[flow.up]",
                  "[flow.up]\nfrobnicate = 1",
                  R"(error[B0102]: unknown key "frobnicate"
  --> flows.toml:3:1
   |
 3 | frobnicate = 1
   | ^^^^^^^^^^
   |
   = help: the keys here are "approved-by", "confirm", "confirm-timeout", "decrypt-with", "files-per-hour", "from", "kind", "max-file", "max-files", "quota", "re-render", "reason", "recipients", "scanner", "sign-with", "to" and "types"
)"},
        FaultCase{"UnknownTable", "levels/low.toml", "[network]", "[netwrok]\nx = 1\n[network]",
                  R"(error[B0102]: unknown key "netwrok"
  --> levels/low.toml:5:2
   |
 5 | [netwrok]
   |  ^^^^^^^ did you mean "network"?
)"},
        FaultCase{"MissingKey", "levels/high.toml", "image = \"minimal\"\n", "",
                  R"(error[B0101]: the key "image" is missing
  --> levels/high.toml:1:1
   |
 1 | schema = 1
   | ^
)"},
        FaultCase{"MissingKeyOfATable", "flows.toml", "kind = \"transfer\"\n", "",
                  R"(error[B0101]: the key "kind" is missing
  --> flows.toml:2:1
   |
 2 | [flow.up]
   | ^^^^^^^^^
)"},
        FaultCase{"WrongType", "levels/low.toml", "\"Public\"", "7",
                  R"(error[B0103]: "title" must be a string, not a whole number
  --> levels/low.toml:2:9
   |
 2 | title = 7
   |         ^
)"},
        FaultCase{"TableForAValue", "levels/low.toml", "\"Public\"", "{ a = 1 }",
                  R"(error[B0103]: "title" must be a string, not a table
  --> levels/low.toml:2:9
   |
 2 | title = { a = 1 }
   |         ^^^^^^^^^
)"},
        FaultCase{"ValueForATable", "levels/low.toml",
                  "[network]\nuplink = \"office\"\nallow = [{ to = \"192.0.2.1\", tcp = 443 }]",
                  "network = \"office\"",
                  R"(error[B0103]: "network" must be a table, not a string
  --> levels/low.toml:5:11
   |
 5 | network = "office"
   |           ^^^^^^^^
)"},
        FaultCase{"SchemaOfAnotherVersion", "flows.toml", "schema = 1", "schema = 3",
                  R"(error[B0112]: this version of Bulkhead reads schemas 1 to 2
  --> flows.toml:1:10
   |
 1 | schema = 3
   |          ^
)"},
        FaultCase{"MissingSchema", "flows.toml", "schema = 1\n", "",
                  R"(error[B0101]: the key "schema" is missing
  --> flows.toml:1:1
   |
 1 | [flow.up]
   | ^
)"},
        FaultCase{"RankOutOfRange", "levels/high.toml", "rank = 2", "rank = 1001",
                  R"(error[B0104]: "rank" must be from 0 to 1000, not 1001
  --> levels/high.toml:2:18
   |
 2 | label = { rank = 1001, compartments = ["hq"] }
   |                  ^^^^
)"},
        FaultCase{"NegativeRank", "levels/high.toml", "rank = 2", "rank = -1",
                  R"(error[B0104]: "rank" must be from 0 to 1000, not -1
  --> levels/high.toml:2:18
   |
 2 | label = { rank = -1, compartments = ["hq"] }
   |                  ^^
)"},
        FaultCase{"CompartmentTwice", "levels/high.toml", "[\"hq\"]", "[\"hq\", \"hq\"]",
                  R"(error[B0113]: "hq" is named twice in "compartments"
  --> levels/high.toml:2:43
   |
 2 | label = { rank = 2, compartments = ["hq", "hq"] }
   |                                           ^^^^
)"},
        FaultCase{"CompartmentThatIsNoName", "levels/high.toml", "[\"hq\"]", "[\"HQ\"]",
                  R"(error[B0106]: "HQ" is no name
  --> levels/high.toml:2:37
   |
 2 | label = { rank = 2, compartments = ["HQ"] }
   |                                     ^^^^
   |
   = help: a name has 1 to 31 of a-z, 0-9 and "-", and begins with a letter
)"},
        FaultCase{
            "TitleThatIsNotPrintable", "levels/low.toml", "\"Public\"", "\"Pub\\u202Elic\"",
            R"(error[B0107]: "title" must be 1 to 64 bytes of printable text without a backslash, not "Pub\xE2\x80\xAElic"
  --> levels/low.toml:2:9
   |
 2 | title = "Pub\u202Elic"
   |         ^^^^^^^^^^^^^^
)"},
        FaultCase{
            "TitleThatIsEmpty", "levels/low.toml", "\"Public\"", "\"\"",
            R"(error[B0107]: "title" must be 1 to 64 bytes of printable text without a backslash, not ""
  --> levels/low.toml:2:9
   |
 2 | title = ""
   |         ^^
)"},
        FaultCase{"ColourThatIsNone", "levels/low.toml", "title", "colour = \"blue\"\ntitle",
                  R"(error[B0116]: "blue" is no colour
  --> levels/low.toml:2:10
   |
 2 | colour = "blue"
   |          ^^^^^^
   |
   = help: a colour is "#" and six hexadecimal digits: "#2a7de1"
)"},
        FaultCase{"ImageThatClimbs", "levels/low.toml", "\"minimal\"", "\"../minimal\"",
                  R"(error[B0106]: "../minimal" is no name
  --> levels/low.toml:4:9
   |
 4 | image = "../minimal"
   |         ^^^^^^^^^^^^
   |
   = help: a name has 1 to 31 of a-z, 0-9 and "-", and begins with a letter
)"},
        FaultCase{"MemoryWithoutUnit", "levels/low.toml", "[network]",
                  "[resources]\nmemory = \"512\"\n[network]",
                  R"(error[B0108]: "512" is no size
  --> levels/low.toml:6:10
   |
 6 | memory = "512"
   |          ^^^^^
   |
   = help: a size is a whole number, a space, and B, KiB, MiB, GiB or TiB
)"},
        FaultCase{"MemoryInGigabytes", "levels/low.toml", "[network]",
                  "[resources]\nmemory = \"2GB\"\n[network]",
                  R"(error[B0108]: "2GB" is no size
  --> levels/low.toml:6:10
   |
 6 | memory = "2GB"
   |          ^^^^^ did you mean "2 GiB"?
   |
   = help: a size is a whole number, a space, and B, KiB, MiB, GiB or TiB
)"},
        FaultCase{"MemoryTooSmall", "levels/low.toml", "[network]",
                  "[resources]\nmemory = \"64 MiB\"\n[network]",
                  R"(error[B0104]: "memory" must be from 128 MiB to 1 TiB, not 64 MiB
  --> levels/low.toml:6:10
   |
 6 | memory = "64 MiB"
   |          ^^^^^^^^
)"},
        FaultCase{"MemoryOfHalfAMebibyte", "levels/low.toml", "[network]",
                  "[resources]\nmemory = \"262145 KiB\"\n[network]",
                  R"(error[B0104]: "memory" must be a multiple of 1 MiB, not 262145 KiB
  --> levels/low.toml:6:10
   |
 6 | memory = "262145 KiB"
   |          ^^^^^^^^^^^^
)"},
        FaultCase{"MemoryThatOverflows", "levels/low.toml", "[network]",
                  "[resources]\nmemory = \"18446744073709551616 TiB\"\n[network]",
                  R"(error[B0108]: "18446744073709551616 TiB" is no size
  --> levels/low.toml:6:10
   |
 6 | memory = "18446744073709551616 TiB"
   |          ^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: a size is a whole number, a space, and B, KiB, MiB, GiB or TiB
)"},
        FaultCase{"TooManyVcpus", "levels/low.toml", "[network]",
                  "[resources]\nvcpus = 65\n[network]",
                  R"(error[B0104]: "vcpus" must be from 1 to 64, not 65
  --> levels/low.toml:6:9
   |
 6 | vcpus = 65
   |         ^^
)"},
        FaultCase{"UnknownStateKind", "levels/low.toml", "[network]",
                  "[state]\nkind = \"persistant\"\n[network]",
                  R"(error[B0105]: "kind" must be "persistent" or "ephemeral", not "persistant"
  --> levels/low.toml:6:8
   |
 6 | kind = "persistant"
   |        ^^^^^^^^^^^^ did you mean "persistent"?
)"},
        FaultCase{"UnknownUplink", "levels/low.toml", "uplink = \"office\"", "uplink = \"ofice\"",
                  R"(error[B0202]: there is no uplink "ofice"
  --> levels/low.toml:6:10
   |
 6 | uplink = "ofice"
   |          ^^^^^^^ did you mean "office"?
)"},
        FaultCase{"AllowWithoutUplink", "levels/low.toml", "uplink = \"office\"\n", "",
                  R"(error[B0204]: "allow" without "uplink" allows nothing
  --> levels/low.toml:6:9
   |
 6 | allow = [{ to = "192.0.2.1", tcp = 443 }]
   |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: name the uplink: uplink = "..."
)"},
        FaultCase{"NetworkWithHostBits", "levels/low.toml", "192.0.2.1", "192.0.2.1/24",
                  R"(error[B0109]: "192.0.2.1/24" is no address, network or host name
  --> levels/low.toml:7:17
   |
 7 | allow = [{ to = "192.0.2.1/24", tcp = 443 }]
   |                 ^^^^^^^^^^^^^^
   |
   = help: write an address ("10.1.2.3", "2001:db8::1"), a network whose host bits are zero ("10.1.2.0/24"), or a host name
)"},
        FaultCase{"PortZero", "levels/low.toml", "443", "0",
                  R"(error[B0110]: 0 is no port of "tcp"
  --> levels/low.toml:7:36
   |
 7 | allow = [{ to = "192.0.2.1", tcp = 0 }]
   |                                    ^
   |
   = help: a port is 1 to 65535, a range is "8000-8099"
)"},
        FaultCase{"PortRangeTurnedRound", "levels/low.toml", "443", "\"9-1\"",
                  R"(error[B0110]: "9-1" is no port of "tcp"
  --> levels/low.toml:7:36
   |
 7 | allow = [{ to = "192.0.2.1", tcp = "9-1" }]
   |                                    ^^^^^
   |
   = help: a port is 1 to 65535, a range is "8000-8099"
)"},
        FaultCase{"NoPorts", "levels/low.toml", "443", "[]",
                  R"(error[B0110]: "tcp" must list 1 to 64 ports
  --> levels/low.toml:7:36
   |
 7 | allow = [{ to = "192.0.2.1", tcp = [] }]
   |                                    ^^
)"},
        FaultCase{"TcpAndUdpInOneRule", "levels/low.toml", "tcp = 443", "tcp = 443, udp = 53",
                  R"(error[B0111]: a rule has only one of "tcp", "udp" and "protocol"
  --> levels/low.toml:7:10
   |
 7 | allow = [{ to = "192.0.2.1", tcp = 443, udp = 53 }]
   |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: write one rule for each protocol
)"},
        FaultCase{"PortsOfAProtocol", "levels/low.toml", "tcp = 443",
                  "tcp = 443, protocol = \"tcp\"",
                  R"(error[B0111]: a rule has only one of "tcp", "udp" and "protocol"
  --> levels/low.toml:7:10
   |
 7 | allow = [{ to = "192.0.2.1", tcp = 443, protocol = "tcp" }]
   |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: write one rule for each protocol
)"},
        FaultCase{
            "UnknownGrantMode", "levels/low.toml", "[network]",
            "[devices]\nstorage = \"manuel\"\n[network]",
            R"(error[B0105]: "storage" must be "none", "manual", "ask", "automatic" or "required", not "manuel"
  --> levels/low.toml:6:11
   |
 6 | storage = "manuel"
   |           ^^^^^^^^ did you mean "manual"?
)"},
        FaultCase{"StorageWithoutMode", "levels/low.toml", "[network]",
                  "[devices]\nstorage = { write = true }\n[network]",
                  R"(error[B0101]: the key "mode" is missing
  --> levels/low.toml:6:11
   |
 6 | storage = { write = true }
   |           ^^^^^^^^^^^^^^^^
)"},
        FaultCase{"FlowToALevelThatIsNot", "flows.toml", "\"high\"", "\"hihg\"",
                  R"(error[B0201]: there is no level "hihg"
  --> flows.toml:4:6
   |
 4 | to = "hihg"
   |      ^^^^^^ did you mean "high"?
)"},
        FaultCase{"FlowFromALevelThatIsNot", "flows.toml", "\"low\"", "\"secret\"",
                  R"(error[B0201]: there is no level "secret"
  --> flows.toml:3:8
   |
 3 | from = "secret"
   |        ^^^^^^^^
   |
   = help: the levels are "high" and "low"
)"},
        FaultCase{"FlowToItself", "flows.toml", "\"high\"", "\"low\"",
                  R"(error[B0203]: the flow leads from "low" to itself
  --> flows.toml:2:1
   |
 2 | [flow.up]
   | ^^^^^^^^^
)"},
        FaultCase{"FlowName", "flows.toml", "flow.up", "flow.Up",
                  R"(error[B0106]: "Up" is no name
  --> flows.toml:2:7
   |
 2 | [flow.Up]
   |       ^^
   |
   = help: a name has 1 to 31 of a-z, 0-9 and "-", and begins with a letter
)"},
        FaultCase{"ReasonForATransfer", "flows.toml", "kind =", "reason = \"habit\"\nkind =",
                  R"(error[B0122]: "reason" belongs to a flow of kind "downgrade"
  --> flows.toml:5:10
   |
 5 | reason = "habit"
   |          ^^^^^^^
)"},
        FaultCase{
            "FlowOfUnknownKind", "flows.toml", "\"transfer\"", "\"tranfser\"",
            R"(error[B0105]: "kind" must be "transfer", "encrypt", "decrypt" or "downgrade", not "tranfser"
  --> flows.toml:5:8
   |
 5 | kind = "tranfser"
   |        ^^^^^^^^^^ did you mean "transfer"?
)"},
        FaultCase{"FileLargerThanQuota", "flows.toml", "kind", "max-file = \"2 GiB\"\nkind",
                  R"(error[B0104]: a file of "max-file" does not fit into "quota"
  --> flows.toml:5:12
   |
 5 | max-file = "2 GiB"
   |            ^^^^^^^
   |
   = help: the quota is the spool's size: make it at least as large as one file
)"},
        FaultCase{"FlowThatIsNoTable", "flows.toml",
                  "[flow.up]\nfrom = \"low\"\nto = \"high\"\nkind = \"transfer\"", "flow = 1",
                  R"(error[B0103]: write "flow" as tables with a name: [flow.NAME]
  --> flows.toml:2:8
   |
 2 | flow = 1
   |        ^
)"},
        FaultCase{"UplinkKind", "networks.toml", "\"nat\"", "\"bridge\"",
                  R"(error[B0105]: "kind" must be "routed", "nat" or "ipsec", not "bridge"
  --> networks.toml:3:8
   |
 3 | kind = "bridge"
   |        ^^^^^^^^
)"},
        FaultCase{"UplinkOnALevelsOwnTap", "networks.toml", "\"eth0\"", "\"bh-high\"",
                  R"(error[B0114]: "bh-high" cannot be an uplink's interface
  --> networks.toml:4:13
   |
 4 | interface = "bh-high"
   |             ^^^^^^^^^
   |
   = help: an interface is 1 to 15 of letters, digits, ".", "_" and "-"; not "lo", and not "bh-...", which are the levels' own
)"},
        FaultCase{"RuleForALevelThatIsNot", "devices.toml", "",
                  "schema = 1\n[[rule]]\naction = \"deny\"\nlevel = \"lwo\"\nclass = \"storage\"\n",
                  R"(error[B0201]: there is no level "lwo"
  --> devices.toml:4:9
   |
 4 | level = "lwo"
   |         ^^^^^ did you mean "low"?
)"},
        FaultCase{"RuleActionUnknown", "devices.toml", "",
                  "schema = 1\n[[rule]]\naction = \"refuse\"\nlevel = \"*\"\nclass = \"*\"\n",
                  R"(error[B0105]: "action" must be "allow" or "deny", not "refuse"
  --> devices.toml:3:10
   |
 3 | action = "refuse"
   |          ^^^^^^^^
)"},
        FaultCase{"RulePathOutsideDev", "devices.toml", "",
                  "schema = 1\n[[rule]]\naction = \"deny\"\nlevel = \"*\"\nclass = \"*\"\npath = "
                  "\"/dev/../etc\"\n",
                  R"(error[B0119]: "/dev/../etc" matches no device node
  --> devices.toml:6:8
   |
 6 | path = "/dev/../etc"
   |        ^^^^^^^^^^^^^
   |
   = help: a path is absolute and plain, and begins with /dev/: "/dev/loop*"
)"},
        FaultCase{"RuleAsTable", "devices.toml", "", "schema = 1\n[rule]\naction = \"deny\"\n",
                  R"(error[B0103]: write each "rule" under a line [[rule]]
  --> devices.toml:2:1
   |
 2 | [rule]
   | ^^^^^^
)"},
        FaultCase{"AccelUnknown", "host.toml", "", "schema = 1\n[acceleration]\naccel = \"xen\"\n",
                  R"(error[B0105]: "accel" must be "auto", "kvm" or "tcg", not "xen"
  --> host.toml:3:9
   |
 3 | accel = "xen"
   |         ^^^^^
)"},
        FaultCase{"AllowTcgAsText", "host.toml", "",
                  "schema = 1\n[acceleration]\nallow-tcg = \"yes\"\n",
                  R"(error[B0103]: "allow-tcg" must be true or false, not a string
  --> host.toml:3:13
   |
 3 | allow-tcg = "yes"
   |             ^^^^^
)"},
        FaultCase{"HelloTimeoutTooShort", "host.toml", "",
                  "schema = 1\n[guest]\nhello-timeout = 4\n",
                  R"(error[B0104]: "hello-timeout" must be from 5 s to 1 h, not 4 s
  --> host.toml:3:17
   |
 3 | hello-timeout = 4
   |                 ^
)"},
        FaultCase{"PoolOfTheWrongFamily", "host.toml", "",
                  "schema = 1\n[addresses]\nipv4 = \"fd00::/64\"\n",
                  R"(error[B0118]: fd00::/64 cannot be the pool "ipv4"
  --> host.toml:3:8
   |
 3 | ipv4 = "fd00::/64"
   |        ^^^^^^^^^^^
   |
   = help: a pool is a network of unicast IPv4 addresses, /8 to /29: "10.77.0.0/16"
)"},
        FaultCase{"PoolOfMulticast", "host.toml", "",
                  "schema = 1\n[addresses]\nipv6 = \"ff00::/64\"\n",
                  R"(error[B0118]: ff00::/64 cannot be the pool "ipv6"
  --> host.toml:3:8
   |
 3 | ipv6 = "ff00::/64"
   |        ^^^^^^^^^^^
   |
   = help: a pool is a network of unicast IPv6 addresses, /16 to /125: "fd77::/64"
)"},
        FaultCase{"PoolOfOneAddress", "host.toml", "",
                  "schema = 1\n[addresses]\nipv4 = \"10.0.0.1\"\n",
                  R"(error[B0118]: 10.0.0.1 cannot be the pool "ipv4"
  --> host.toml:3:8
   |
 3 | ipv4 = "10.0.0.1"
   |        ^^^^^^^^^^
   |
   = help: a pool is a network of unicast IPv4 addresses, /8 to /29: "10.77.0.0/16"
)"},
        FaultCase{"FileThatASpecSetHasNot", "flow.toml", "", "schema = 1\n",
                  R"(error[B0002]: a spec set has no file "flow.toml"
  --> flow.toml:1:1
   |
 1 | schema = 1
   | ^
   |
   = help: its files are levels/NAME.toml, templates/NAME.toml, flows.toml, networks.toml, devices.toml and host.toml, and drop-ins beside them (levels/NAME.d/*.toml, flows.d/*.toml ...)
)"},
        FaultCase{"LevelNameInCapitals", "levels/Mid.toml", "", "schema = 1\n",
                  R"(error[B0005]: "Mid" cannot be the name of a level
  --> levels/Mid.toml:1:1
   |
 1 | schema = 1
   | ^
   |
   = help: a name has 1 to 31 of a-z, 0-9 and "-", and begins with a letter
)"}),
    [](const auto& fault) { return std::string(fault.param.name); });

}  // namespace
}  // namespace bulkhead::vmspec
