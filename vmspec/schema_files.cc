// SPDX-License-Identifier: GPL-2.0-or-later
/// flows.toml, networks.toml, devices.toml, host.toml
#include <algorithm>
#include <array>

#include "vmspec/base/identity.h"
#include "vmspec/model.h"
#include "vmspec/schema.h"
#include "vmspec/schema_parts.h"

namespace bulkhead::vmspec {

namespace {

using std::string_view;

constexpr KeySchema kLabelKeys[] = {
    {.key = "rank",
     .form = Form::kInteger,
     .required = true,
     .range = {0, 1000},
     .meaning = "higher is more secret"},
    {.key = "compartments", .form = Form::kName, .list = true, .meaning = "need to know"},
};

// ---- flows.toml

constexpr string_view kFlowKindsLater[] = {"encrypt", "decrypt"};
constexpr string_view kScannersLater[] = {"clamav"};

constexpr KeySchema kFlowKeys[] = {
    {.key = "from", .form = Form::kReference, .required = true, .meaning = "the level that sends"},
    {.key = "to", .form = Form::kReference, .required = true, .meaning = "the level that receives"},
    {.key = "kind",
     .form = Form::kWord,
     .required = true,
     .words = kFlowKindNames,
     .later_words = kFlowKindsLater,
     .meaning = "`\"transfer\"`: files in clear, to a level that dominates; `\"encrypt\"`: only "
                "ciphertext for `recipients` arrives; `\"decrypt\"`: ciphertext goes in, files "
                "arrive; `\"downgrade\"`: in clear against the lattice, with a reason and the "
                "consent of two roles"},
    {.key = "max-file",
     .form = Form::kSize,
     .fallback = "\"256 MiB\"",
     .range = {1, kTiB},
     .meaning = "largest file, at most `quota`"},
    {.key = "quota",
     .form = Form::kSize,
     .fallback = "\"1 GiB\"",
     .range = {1, kTiB},
     .meaning = "spool of each half"},
    {.key = "max-files",
     .form = Form::kInteger,
     .fallback = "1000",
     .range = {1, 100'000},
     .meaning = "files waiting in the spool of each half"},
    {.key = "files-per-hour",
     .form = Form::kInteger,
     .later = true,
     .fallback = "0",
     .range = {0, 1'000'000},
     .meaning = "0: no limit"},
    {.key = "types",
     .form = Form::kMime,
     .list = true,
     .later = true,
     .meaning =
         "what may pass, by content (`\"application/pdf\"`, `\"image/*\"`); any when not said"},
    {.key = "confirm",
     .form = Form::kFlag,
     .later = true,
     .fallback = "false",
     .meaning = "a person on the host agrees to each transfer"},
    {.key = "confirm-timeout",
     .form = Form::kDuration,
     .later = true,
     .fallback = "\"2 min\"",
     .range = {5, kDay},
     .meaning = "no answer in time is a no"},
    {.key = "scanner",
     .form = Form::kWord,
     .fallback = "\"none\"",
     .words = kScannerNames,
     .later_words = kScannersLater,
     .meaning = "looks for malware; what it cannot read is refused"},
    {.key = "re-render",
     .form = Form::kFlag,
     .later = true,
     .fallback = "false",
     .meaning = "documents and pictures are made into pixels and back"},
    {.key = "recipients",
     .form = Form::kReference,
     .list = true,
     .refers_to = Kind::kRecipient,
     .meaning = "of `encrypt`: who can read what arrives"},
    {.key = "sign-with",
     .form = Form::kReference,
     .refers_to = Kind::kKey,
     .meaning = "of `encrypt`: the key that signs"},
    {.key = "decrypt-with",
     .form = Form::kReference,
     .list = true,
     .refers_to = Kind::kKey,
     .meaning = "of `decrypt`: the keys that open"},
    {.key = "reason",
     .form = Form::kText,
     .range = {1, 256},
     .meaning = "of `downgrade`: why it must be"},
    {.key = "approved-by",
     .form = Form::kReference,
     .list = true,
     .most = 2,
     .refers_to = Kind::kRole,
     .meaning = "of `downgrade`: two different roles"},
};
constexpr TableSchema kFlowTable{"flow", kFlowKeys, "a one-way relay between two levels"};

constexpr KeySchema kRecipientKeys[] = {
    {.key = "certificate",
     .form = Form::kDigest,
     .required = true,
     .meaning = "SHA-256 of their certificate"},
    {.key = "key",
     .form = Form::kReference,
     .refers_to = Kind::kKey,
     .meaning = "the key that opens what is made for them, when this host has it"},
};
constexpr TableSchema kRecipientTable{"recipient", kRecipientKeys,
                                      "somebody for whom `encrypt` flows make ciphertext"};

constexpr KeySchema kFlowsKeys[] = {
    kSchemaKey,
    {.key = "flow", .form = Form::kNamedTables, .most = kMaxFlowIndex, .table = &kFlowTable},
    {.key = "recipient", .form = Form::kNamedTables, .most = 4096, .table = &kRecipientTable},
};

// ---- networks.toml

constexpr string_view kUplinkKindsLater[] = {"ipsec"};

constexpr KeySchema kIpsecKeys[] = {
    {.key = "remote", .form = Form::kHost, .required = true, .meaning = "the gateway"},
    {.key = "local-id",
     .form = Form::kText,
     .required = true,
     .range = {1, 128},
     .meaning = "our IKE identity"},
    {.key = "remote-id",
     .form = Form::kText,
     .required = true,
     .range = {1, 128},
     .meaning = "the gateway's"},
    {.key = "certificate",
     .form = Form::kName,
     .required = true,
     .meaning = "ours, in the host's store"},
};
constexpr TableSchema kIpsecTable{"ipsec", kIpsecKeys,
                                  "the tunnel of an uplink of kind `\"ipsec\"`"};

constexpr KeySchema kUplinkKeys[] = {
    {.key = "kind",
     .form = Form::kWord,
     .required = true,
     .words = kUplinkKindNames,
     .later_words = kUplinkKindsLater,
     .meaning = "`\"nat\"`: behind the host's address; `\"routed\"`: with the level's own; "
                "`\"ipsec\"`: through a tunnel and no other way"},
    {.key = "interface",
     .form = Form::kInterface,
     .required = true,
     .meaning = "of the host: 1 to 15 of letters, digits, `.`, `_`, `-`; not `lo`, not `bh-...` "
                "(the levels' own)"},
    {.key = "vlan",
     .form = Form::kInteger,
     .later = true,
     .range = {1, 4094},
     .meaning = "tag on the interface; untagged when not said"},
    {.key = "label",
     .form = Form::kLabel,
     .required = true,
     .table = &kLabelSchema,
     .meaning = "of the network and all that is reached through it"},
    {.key = "routes-to",
     .form = Form::kReference,
     .list = true,
     .refers_to = Kind::kUplink,
     .meaning = "uplinks that this one's packets are routed to, by whomever"},
    {.key = "ipsec", .form = Form::kTable, .later = true, .table = &kIpsecTable},
};
constexpr TableSchema kUplinkTable{"uplink", kUplinkKeys,
                                   "a network that levels may be attached to"};

constexpr KeySchema kServiceKeys[] = {
    {.key = "from",
     .form = Form::kReference,
     .required = true,
     .meaning = "the level that connects"},
    {.key = "to", .form = Form::kReference, .required = true, .meaning = "the level that serves"},
    {.key = "tcp", .form = Form::kPorts, .meaning = "ports"},
    {.key = "udp", .form = Form::kPorts, .meaning = "ports"},
    {.key = "protocol",
     .form = Form::kWord,
     .fallback = "\"any\"",
     .words = kProtocolNames,
     .meaning = "as in a rule of a level"},
    kCommentKey,
};
constexpr TableSchema kServiceTable{"service", kServiceKeys,
                                    "connections between two levels; they carry both ways"};

constexpr KeySchema kNetworksKeys[] = {
    kSchemaKey,
    {.key = "uplink", .form = Form::kNamedTables, .most = 4096, .table = &kUplinkTable},
    {.key = "service",
     .form = Form::kNamedTables,
     .later = true,
     .most = 4096,
     .table = &kServiceTable},
};

// ---- devices.toml

constexpr string_view kActions[] = {"allow", "deny"};
constexpr auto kRuleClasses = [] {
  std::array<string_view, kDeviceClassNames.size() + 1> words{};
  std::ranges::copy(kDeviceClassNames, words.begin());
  words.back() = "*";
  return words;
}();
constexpr string_view kRuleClassesLater[] = {"sound", "microphone", "camera",  "smartcard",
                                             "fido",  "printer",    "scanner", "usb"};

constexpr KeySchema kPathKey{.key = "path",
                             .form = Form::kDevicePath,
                             .range = {1, 256},
                             .meaning = "glob of the device node, begins with `/dev/`"};
constexpr KeySchema kSerialKey{.key = "serial",
                               .form = Form::kText,
                               .range = {1, 128},
                               .meaning = "the device's serial number, exactly"};

constexpr KeySchema kRuleKeys[] = {
    {.key = "action",
     .form = Form::kWord,
     .required = true,
     .words = kActions,
     .meaning = "`\"allow\"` or `\"deny\"`"},
    {.key = "level",
     .form = Form::kReference,
     .required = true,
     .or_any = true,
     .meaning = "a level, or `\"*\"`"},
    {.key = "class",
     .form = Form::kWord,
     .required = true,
     .words = kRuleClasses,
     .later_words = kRuleClassesLater,
     .meaning = "a class, or `\"*\"`"},
    kPathKey,
    kSerialKey,
    {.key = "usb-id", .form = Form::kUsbId, .later = true, .meaning = "vendor and product"},
    kCommentKey,
};
constexpr TableSchema kRuleTable{"rule", kRuleKeys,
                                 "any `deny` that matches beats every `allow`, whatever the order; "
                                 "once an `allow` speaks of a level it gets only what one matches"};

constexpr KeySchema kDeviceKeys[] = {
    {.key = "class",
     .form = Form::kWord,
     .list = true,
     .required = true,
     .words = kDeviceClassNames,
     .meaning = "one, or more for a composite device"},
    kSerialKey,
    kPathKey,
    {.key = "usb-id", .form = Form::kUsbId, .meaning = "vendor and product"},
    {.key = "keeps-data",
     .form = Form::kFlag,
     .fallback = "false",
     .meaning = "it remembers what it was given, as a printer's job store; media and other USB "
                "devices always count as such"},
    {.key = "label",
     .form = Form::kLabel,
     .table = &kLabelSchema,
     .meaning = "of a marked medium, of a printer in a guarded room"},
};
constexpr TableSchema kDeviceTable{"device", kDeviceKeys, "a device that the set knows by name"};

constexpr KeySchema kKeyKeys[] = {
    {.key = "token",
     .form = Form::kText,
     .required = true,
     .range = {1, 32},
     .meaning = "label of the PKCS#11 token"},
    {.key = "object",
     .form = Form::kText,
     .required = true,
     .range = {1, 128},
     .meaning = "label of the key"},
    {.key = "id", .form = Form::kHex, .range = {2, 128}, .meaning = "its CKA_ID"},
};
constexpr TableSchema kKeyTable{"key", kKeyKeys, "a key that levels and flows may use"};

constexpr KeySchema kDevicesKeys[] = {
    kSchemaKey,
    {.key = "rule", .form = Form::kTableList, .most = 4096, .table = &kRuleTable},
    {.key = "device", .form = Form::kNamedTables, .most = 4096, .table = &kDeviceTable},
    {.key = "key", .form = Form::kNamedTables, .most = 4096, .table = &kKeyTable},
};

// ---- host.toml

constexpr KeySchema kAccelerationKeys[] = {
    {.key = "accel",
     .form = Form::kWord,
     .fallback = "\"auto\"",
     .words = kAccelNames,
     .meaning = "`\"auto\"`: KVM where a probe guest runs"},
    {.key = "allow-tcg",
     .form = Form::kFlag,
     .fallback = "false",
     .meaning = "`\"auto\"` may fall back to TCG, for which QEMU gives no security promise"},
};
constexpr TableSchema kAccelerationTable{"acceleration", kAccelerationKeys};
constexpr KeySchema kGuestKeys[] = {
    {.key = "hello-timeout",
     .form = Form::kDuration,
     .fallback = "\"2 min\"",
     .range = {5, kHour},
     .meaning = "from start to the agent's hello, and again from there until it is ready"},
};
constexpr TableSchema kGuestTable{"guest", kGuestKeys};
constexpr KeySchema kAddressKeys[] = {
    {.key = "ipv4",
     .form = Form::kNetwork,
     .fallback = "\"10.77.0.0/16\"",
     .meaning = "unicast, /8 to /29"},
    {.key = "ipv6",
     .form = Form::kNetwork,
     .fallback = "\"fd77::/64\"",
     .meaning = "unicast, /16 to /125"},
};
constexpr TableSchema kAddressTable{"addresses", kAddressKeys,
                                    "pools of the levels' links: a /30 and a /126 each"};
constexpr KeySchema kLimitKeys[] = {
    {.key = "memory",
     .form = Form::kSize,
     .range = {128 * kMiB, 1'048'576 * kMiB},
     .unit = kMiB,
     .meaning = "of all levels that start with the host, and of any one level"},
    {.key = "vcpus", .form = Form::kInteger, .range = {1, 4096}, .meaning = "the same"},
};
constexpr TableSchema kLimitTable{"limits", kLimitKeys, "no limit when not said"};
constexpr KeySchema kHostRoleKeys[] = {
    {.key = "groups",
     .form = Form::kText,
     .list = true,
     .range = {1, 32},
     .meaning = "groups of the host whose members have it"},
    {.key = "users",
     .form = Form::kText,
     .list = true,
     .range = {1, 32},
     .meaning = "users of the host who have it"},
};
constexpr TableSchema kHostRoleTable{
    "role", kHostRoleKeys,
    "`user`, `admin` and `audit` are there without being said: the groups bulkhead-user, "
    "bulkhead-admin and bulkhead-audit"};
constexpr KeySchema kHostKeys[] = {
    kSchemaKey,
    {.key = "acceleration", .form = Form::kTable, .table = &kAccelerationTable},
    {.key = "guest", .form = Form::kTable, .table = &kGuestTable},
    {.key = "addresses", .form = Form::kTable, .table = &kAddressTable},
    {.key = "limits", .form = Form::kTable, .table = &kLimitTable},
    {.key = "role", .form = Form::kNamedTables, .most = 256, .table = &kHostRoleTable},
};

}  // namespace

constinit const TableSchema kLabelSchema{"label", kLabelKeys};
constinit const TableSchema kFlowsSchema{"flows.toml", kFlowsKeys, "one-way relays between levels"};
constinit const TableSchema kNetworksSchema{"networks.toml", kNetworksKeys,
                                            "uplinks, and services between levels"};
constinit const TableSchema kDevicesSchema{"devices.toml", kDevicesKeys,
                                           "which devices may be lent to whom; keys"};
constinit const TableSchema kHostSchema{"host.toml", kHostKeys, "the host itself"};

std::span<const TableSchema* const> FileSchemas() {
  static constexpr const TableSchema* kAll[] = {&kLevelSchema, &kFlowsSchema, &kNetworksSchema,
                                                &kDevicesSchema, &kHostSchema};
  return kAll;
}

const KeySchema* FindKey(const TableSchema& table, string_view key) {
  for (const KeySchema& schema : table.keys) {
    if (IsSameWord(schema.key, key)) return &schema;
  }
  return nullptr;
}

string_view NameOf(Kind kind) {
  static constexpr string_view kNames[kKinds] = {"level",     "uplink", "key",
                                                 "recipient", "role",   "template"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace bulkhead::vmspec
