// SPDX-License-Identifier: GPL-2.0-or-later
/// levels/NAME.toml
#include "vmspec/model.h"
#include "vmspec/schema.h"
#include "vmspec/schema_parts.h"

namespace bulkhead::vmspec {

namespace {

using std::string_view;

constexpr string_view kStateKinds[] = {"persistent", "ephemeral"};
constexpr string_view kEncryptionsLater[] = {"host", "user"};
constexpr string_view kModesLater[] = {"ask", "required"};
constexpr string_view kBootWaysLater[] = {"uefi"};
constexpr string_view kTracksLater[] = {"stable"};
constexpr string_view kBorders[] = {"solid", "double", "dashed", "dotted"};

constexpr KeySchema kImageKeys[] = {
    {.key = "name", .form = Form::kName, .required = true, .meaning = "an image in the store"},
    {.key = "digest", .form = Form::kDigest, .later = true, .meaning = "only this version of it"},
    {.key = "signed-by",
     .form = Form::kName,
     .later = true,
     .meaning = "only versions signed with this key; else any key that the host trusts"},
    {.key = "boot",
     .form = Form::kWord,
     .fallback = "\"direct\"",
     .words = kBootWayNames,
     .later_words = kBootWaysLater,
     .meaning = "`\"direct\"`: the host hands over the kernel; `\"uefi\"`: firmware loads it"},
    {.key = "secure-boot",
     .form = Form::kFlag,
     .later = true,
     .fallback = "false",
     .meaning = "UEFI Secure Boot; only with `boot = \"uefi\"`"},
    {.key = "kernel",
     .form = Form::kWord,
     .fallback = "\"lts\"",
     .words = kKernelTrackNames,
     .later_words = kTracksLater,
     .meaning = "kernel track"},
};
constexpr TableSchema kImageTable{"image", kImageKeys,
                                  "the image, when more than its name is said"};

constexpr KeySchema kResourceKeys[] = {
    {.key = "vcpus",
     .form = Form::kInteger,
     .fallback = "1",
     .range = {1, 64},
     .meaning = "virtual CPUs"},
    {.key = "memory",
     .form = Form::kSize,
     .fallback = "\"512 MiB\"",
     .range = {128 * kMiB, 1'048'576 * kMiB},
     .unit = kMiB,
     .meaning = "memory at the start"},
    {.key = "memory-max",
     .form = Form::kSize,
     .range = {128 * kMiB, 1'048'576 * kMiB},
     .unit = kMiB,
     .meaning = "what the level may grow to; not below `memory`, which it is when not said"},
    {.key = "cpu-quota",
     .form = Form::kInteger,
     .fallback = "100",
     .range = {10, 100},
     .meaning = "per cent of one CPU for each vCPU"},
    {.key = "cpu-weight",
     .form = Form::kInteger,
     .fallback = "100",
     .range = {1, 10'000},
     .meaning = "share of the CPU against other levels when it is scarce"},
    {.key = "io-weight",
     .form = Form::kInteger,
     .later = true,
     .fallback = "100",
     .range = {1, 1000},
     .meaning = "share of the disks against other levels"},
    {.key = "io-read",
     .form = Form::kSize,
     .range = {64 * kKiB, kTiB},
     .meaning = "most bytes read from its disks in a second; no limit when not said"},
    {.key = "io-write",
     .form = Form::kSize,
     .range = {64 * kKiB, kTiB},
     .meaning = "most bytes written in a second"},
};
constexpr TableSchema kResourcesTable{"resources", kResourceKeys, "what the level may use"};

constexpr KeySchema kStateKeys[] = {
    {.key = "kind",
     .form = Form::kWord,
     .fallback = "\"persistent\"",
     .words = kStateKinds,
     .meaning = "`\"ephemeral\"`: made anew at each start"},
    {.key = "size",
     .form = Form::kSize,
     .fallback = "\"256 MiB\"",
     .range = {16 * kMiB, 1'048'576 * kMiB},
     .unit = kMiB,
     .meaning = "of the disk"},
    {.key = "encryption",
     .form = Form::kWord,
     .fallback = "\"none\"",
     .words = kEncryptionNames,
     .later_words = kEncryptionsLater,
     .meaning = "`\"host\"`: a key the host keeps; `\"user\"`: a secret only the user has"},
    {.key = "snapshots",
     .form = Form::kInteger,
     .later = true,
     .fallback = "0",
     .range = {0, 16},
     .meaning = "earlier states that are kept"},
};
constexpr TableSchema kStateTable{"state", kStateKeys, "the writable disk"};

constexpr KeySchema kRuleKeys[] = {
    {.key = "to",
     .form = Form::kDestination,
     .required = true,
     .meaning = "an address, a network, or a host name (`\"*.example.org\"`: every name below)"},
    {.key = "tcp", .form = Form::kPorts, .meaning = "ports"},
    {.key = "udp", .form = Form::kPorts, .meaning = "ports"},
    {.key = "protocol",
     .form = Form::kWord,
     .fallback = "\"any\"",
     .words = kProtocolNames,
     .meaning = "`\"icmp\"` is echo of ICMP and ICMPv6"},
    {.key = "until", .form = Form::kMoment, .meaning = "the rule ends then"},
    {.key = "comment", .form = Form::kText, .range = {1, 256}, .meaning = "for people"},
};
constexpr TableSchema kRuleTable{"rule", kRuleKeys,
                                 "a rule has at most one of `tcp`, `udp` and `protocol`"};

constexpr KeySchema kNetworkKeys[] = {
    {.key = "uplink",
     .form = Form::kReference,
     .refers_to = Kind::kUplink,
     .meaning = "an uplink of networks.toml; without it the level has no interface at all"},
    {.key = "allow",
     .form = Form::kTableList,
     .most = 1024,
     .table = &kRuleTable,
     .meaning = "new connections *from* the level; all else is dropped; needs `uplink`"},
    {.key = "deny",
     .form = Form::kTableList,
     .most = 1024,
     .table = &kRuleTable,
     .meaning = "beats every `allow`, whatever the order"},
    {.key = "ipv4",
     .form = Form::kAddress,
     .meaning = "the level's address; else one of the host's pool"},
    {.key = "ipv6", .form = Form::kAddress, .meaning = "the same"},
    {.key = "dns",
     .form = Form::kAddress,
     .list = true,
     .later = true,
     .most = 4,
     .meaning = "name servers"},
    {.key = "bandwidth-out",
     .form = Form::kBitRate,
     .range = {8'000, 100'000'000'000},
     .meaning = "from the level; no limit when not said"},
    {.key = "bandwidth-in",
     .form = Form::kBitRate,
     .range = {8'000, 100'000'000'000},
     .meaning = "to the level"},
};
constexpr TableSchema kNetworkTable{"network", kNetworkKeys,
                                    "without it the level has no interface"};

constexpr KeySchema ModeKey() {
  return {.key = "mode",
          .form = Form::kWord,
          .required = true,
          .words = kGrantModeNames,
          .later_words = kModesLater,
          .meaning = "as above"};
}
constexpr KeySchema kTimeLimit{.key = "time-limit",
                               .form = Form::kDuration,
                               .fallback = "\"never\"",
                               .range = {1, kDay},
                               .meaning = "longest that it stays lent"};
constexpr KeySchema kMaxPages{.key = "max-pages",
                              .form = Form::kInteger,
                              .fallback = "0",
                              .range = {0, 10'000},
                              .meaning = "of one job; 0: no limit"};
constexpr KeySchema kStorageKeys[] = {
    ModeKey(),
    {.key = "write",
     .form = Form::kFlag,
     .fallback = "false",
     .meaning = "media may be lent for writing"},
    {.key = "marked-only",
     .form = Form::kFlag,
     .later = true,
     .fallback = "false",
     .meaning = "only media that are marked for this level"},
};
constexpr KeySchema kPlainKeys[] = {ModeKey()};
constexpr KeySchema kTimedKeys[] = {ModeKey(), kTimeLimit};
constexpr KeySchema kFidoKeys[] = {
    ModeKey(),
    {.key = "relying-parties",
     .form = Form::kHost,
     .list = true,
     .meaning = "the only sites that the key answers; any when not said"},
};
constexpr KeySchema kPrinterKeys[] = {
    ModeKey(),
    kMaxPages,
    {.key = "banner",
     .form = Form::kFlag,
     .fallback = "false",
     .meaning = "a page with level and user goes before each job"},
};
constexpr KeySchema kScannerKeys[] = {ModeKey(), kMaxPages};
constexpr KeySchema kUsbKeys[] = {
    ModeKey(),
    {.key = "ids",
     .form = Form::kUsbId,
     .list = true,
     .meaning = "the only ones; any when not said"},
};
constexpr TableSchema kStorageTable{"storage", kStorageKeys};
constexpr TableSchema kSoundTable{"sound", kPlainKeys};
constexpr TableSchema kMicrophoneTable{"microphone", kTimedKeys};
constexpr TableSchema kCameraTable{"camera", kTimedKeys};
constexpr TableSchema kSmartcardTable{"smartcard", kPlainKeys};
constexpr TableSchema kFidoTable{"fido", kFidoKeys};
constexpr TableSchema kPrinterTable{"printer", kPrinterKeys};
constexpr TableSchema kScannerTable{"scanner", kScannerKeys};
constexpr TableSchema kUsbTable{"usb", kUsbKeys};

constexpr KeySchema ClassKey(string_view key, const TableSchema& table, bool later,
                             string_view meaning) {
  return {.key = key,
          .form = Form::kWordOrTable,
          .later = later,
          .fallback = "\"none\"",
          .words = kGrantModeNames,
          .later_words = kModesLater,
          .table = &table,
          .meaning = meaning};
}
constexpr KeySchema kClassKeys[] = {
    ClassKey("storage", kStorageTable, false, "removable media"),
    ClassKey("sound", kSoundTable, true, "playback"),
    ClassKey("microphone", kMicrophoneTable, true, "capture of sound"),
    ClassKey("camera", kCameraTable, true, "pictures from a webcam"),
    ClassKey("smartcard", kSmartcardTable, true, "the keys of `[[key]]`"),
    ClassKey("fido", kFidoTable, true, "security keys for sites"),
    ClassKey("printer", kPrinterTable, true, "printing"),
    ClassKey("scanner", kScannerTable, true, "scanning"),
    ClassKey("usb", kUsbTable, true, "any other USB device"),
};
constexpr TableSchema kClassesTable{"devices", kClassKeys,
                                    "for each class: `\"none\"`, `\"manual\"` (a person lends), "
                                    "`\"ask\"` (the person is asked when it "
                                    "is plugged in), `\"automatic\"`, `\"required\"` (the level "
                                    "does not start without), or a table"};

constexpr KeySchema kDisplayKeys[] = {
    {.key = "3d",
     .form = Form::kFlag,
     .later = true,
     .fallback = "false",
     .meaning = "accelerated graphics, in a process of its own"},
    {.key = "screens",
     .form = Form::kInteger,
     .later = true,
     .fallback = "1",
     .range = {0, 4},
     .meaning = "0: none"},
    {.key = "border",
     .form = Form::kWord,
     .fallback = "\"solid\"",
     .words = kBorders,
     .meaning = "of its window, beside the colour"},
    {.key = "clipboard-out",
     .form = Form::kReference,
     .list = true,
     .later = true,
     .meaning = "levels where what is copied here may be pasted, if they say `clipboard-in`"},
    {.key = "clipboard-in",
     .form = Form::kReference,
     .list = true,
     .later = true,
     .meaning = "levels whose copies may be pasted here, if they say `clipboard-out`"},
};
constexpr TableSchema kDisplayTable{"display", kDisplayKeys, "what its user sees"};

constexpr KeySchema kKeyUseKeys[] = {
    {.key = "key",
     .form = Form::kReference,
     .required = true,
     .refers_to = Kind::kKey,
     .meaning = "a `[key.NAME]` of devices.toml"},
    {.key = "operations",
     .form = Form::kWord,
     .list = true,
     .required = true,
     .words = kKeyOperationNames,
     .meaning = "what may be done with it"},
    {.key = "mechanisms",
     .form = Form::kText,
     .list = true,
     .range = {1, 64},
     .meaning = "PKCS#11 mechanisms (`\"RSA-PKCS-PSS\"`); those of the operations when not said"},
    {.key = "confirm",
     .form = Form::kFlag,
     .fallback = "false",
     .meaning = "a person agrees to each use"},
    {.key = "per-minute",
     .form = Form::kInteger,
     .fallback = "0",
     .range = {0, 100'000},
     .meaning = "most uses; 0: no limit"},
};
constexpr TableSchema kKeyUseTable{"key", kKeyUseKeys, "a key that the level may use"};

constexpr KeySchema kLifeCycleKeys[] = {
    {.key = "order",
     .form = Form::kInteger,
     .fallback = "500",
     .range = {0, 1000},
     .meaning = "of the levels that start by themselves, lower first"},
    {.key = "idle-suspend",
     .form = Form::kDuration,
     .later = true,
     .fallback = "\"never\"",
     .range = {60, 7 * kDay},
     .meaning = "suspended when unused for so long"},
    {.key = "disposable",
     .form = Form::kFlag,
     .fallback = "false",
     .meaning = "gone with all its state when it stops; only with an ephemeral state"},
    {.key = "preload",
     .form = Form::kFlag,
     .later = true,
     .fallback = "false",
     .meaning = "kept ready in advance; only for a disposable level"},
    {.key = "on-crash",
     .form = Form::kWord,
     .fallback = "\"stop\"",
     .words = kOnCrashNames,
     .meaning = "what follows when its machine ends by itself"},
};
constexpr TableSchema kLifeCycleTable{"life-cycle", kLifeCycleKeys, "when it starts and ends"};

constexpr KeySchema kUpdateKeys[] = {
    {.key = "channel", .form = Form::kName, .fallback = "\"stable\"", .meaning = "of the image"},
    {.key = "window", .form = Form::kWindow, .meaning = "when they are fetched (host's time)"},
    {.key = "health-gate",
     .form = Form::kDuration,
     .fallback = "\"2 min\"",
     .range = {5, kHour},
     .meaning = "ready within this, or back to the old version"},
    {.key = "automatic",
     .form = Form::kFlag,
     .fallback = "false",
     .meaning = "used at the next start without asking"},
};
constexpr TableSchema kUpdatesTable{"updates", kUpdateKeys, "new versions of the image"};

constexpr KeySchema kRemoteKeys[] = {
    {.key = "name", .form = Form::kName, .required = true, .meaning = "of the remote"},
    {.key = "url", .form = Form::kUrl, .required = true, .meaning = "https"},
};
constexpr TableSchema kRemoteTable{"remote", kRemoteKeys};
constexpr KeySchema kOverrideKeys[] = {
    {.key = "application",
     .form = Form::kApplication,
     .required = true,
     .or_any = true,
     .meaning = "an application, or `\"*\"`"},
    {.key = "arguments",
     .form = Form::kText,
     .list = true,
     .required = true,
     .range = {1, 256},
     .meaning = "of `flatpak override`, each beginning with `--`"},
};
constexpr TableSchema kOverrideTable{"override", kOverrideKeys};
constexpr KeySchema kApplicationKeys[] = {
    {.key = "remote",
     .form = Form::kTableList,
     .most = 16,
     .table = &kRemoteTable,
     .meaning = "Flatpak remotes"},
    {.key = "install",
     .form = Form::kApplication,
     .list = true,
     .most = 256,
     .meaning = "applications that are there"},
    {.key = "override",
     .form = Form::kTableList,
     .most = 256,
     .table = &kOverrideTable,
     .meaning = "what is taken from or given to an application"},
};
constexpr TableSchema kApplicationsTable{"applications", kApplicationKeys, "Flatpak in the level"};

constexpr KeySchema RoleKey(string_view key, string_view fallback, string_view meaning) {
  return {.key = key,
          .form = Form::kReference,
          .list = true,
          .fallback = fallback,
          .most = 16,
          .refers_to = Kind::kRole,
          .meaning = meaning};
}
constexpr KeySchema kRoleKeys[] = {
    RoleKey("start", "[\"user\", \"admin\"]", "may start it, and lend it devices"),
    RoleKey("stop", "[\"user\", \"admin\"]", "may stop it"),
    RoleKey("edit", "[\"admin\"]", "may apply a set that changes it"),
};
constexpr TableSchema kRolesTable{"roles", kRoleKeys, "who may do what with the level"};

constexpr KeySchema kLevelKeys[] = {
    kSchemaKey,
    {.key = "extends",
     .form = Form::kReference,
     .refers_to = Kind::kTemplate,
     .meaning = "a file templates/NAME.toml that says what this one does not"},
    {.key = "title",
     .form = Form::kText,
     .range = {1, 64},
     .meaning = "what people see; the name when not said"},
    {.key = "uuid",
     .form = Form::kUuid,
     .meaning = "of the machine that the guest sees; chosen by libvirt when not said"},
    {.key = "label",
     .form = Form::kLabel,
     .required = true,
     .table = &kLabelSchema,
     .meaning = "the level's label"},
    {.key = "colour",
     .form = Form::kColour,
     .fallback = "\"#808080\"",
     .meaning = "`#` and six hexadecimal digits"},
    {.key = "icon", .form = Form::kName, .meaning = "of the desktop's icon theme"},
    {.key = "image",
     .form = Form::kNameOrTable,
     .required = true,
     .table = &kImageTable,
     .meaning = "an image in the store"},
    {.key = "autostart",
     .form = Form::kFlag,
     .fallback = "false",
     .meaning = "start it with the host"},
    {.key = "resources", .form = Form::kTable, .table = &kResourcesTable},
    {.key = "state", .form = Form::kTable, .table = &kStateTable},
    {.key = "network", .form = Form::kTable, .table = &kNetworkTable},
    {.key = "devices", .form = Form::kTable, .table = &kClassesTable},
    {.key = "display", .form = Form::kTable, .table = &kDisplayTable},
    {.key = "key", .form = Form::kTableList, .later = true, .most = 64, .table = &kKeyUseTable},
    {.key = "life-cycle", .form = Form::kTable, .table = &kLifeCycleTable},
    {.key = "updates", .form = Form::kTable, .later = true, .table = &kUpdatesTable},
    {.key = "applications", .form = Form::kTable, .later = true, .table = &kApplicationsTable},
    {.key = "roles", .form = Form::kTable, .table = &kRolesTable},
};

}  // namespace

constinit const TableSchema kLevelSchema{"levels/NAME.toml", kLevelKeys,
                                         "one level each; the file's name is the level's"};

}  // namespace bulkhead::vmspec
