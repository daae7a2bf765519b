// SPDX-License-Identifier: GPL-2.0-or-later
/// The level model: plain values that the loader fills from TOML and everything else reads.
/// A SpecSet that Check() passed is *checked*: names resolve, ranges hold, no declared flow goes
/// against the lattice. Nothing here does I/O.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::vmspec {

// Beside each enum that a spec can say: its words, in the same order. NameOf() at the end.

/// Where in the spec a thing was said; line and column (in characters) count from 1, 0 means "not
/// said: a default".
struct Origin {
  std::string file;  ///< relative to the spec set's folder
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t length = 1;  ///< characters to underline
  /// "levels/low.toml:14"; "default" when line is 0.
  [[nodiscard]] std::string ToString() const {
    return line == 0 ? "default" : file + ":" + std::to_string(line);
  }
};

struct Label {
  int rank = 0;  ///< 0..1000
  std::set<std::string> compartments;
  /// Information may flow in clear from `other` to this label.
  [[nodiscard]] bool Dominates(const Label& other) const;
  /// "2", "2 {hq,crypto}"
  [[nodiscard]] std::string ToString() const;
  friend bool operator==(const Label&, const Label&) = default;
};

/// An IPv4 or IPv6 prefix; host bits are zero.
struct Prefix {
  bool v6 = false;
  std::array<std::uint8_t, 16> address{};  ///< IPv4 in the first four bytes
  std::uint8_t length = 0;
  [[nodiscard]] std::string ToString() const;
  friend auto operator<=>(const Prefix&, const Prefix&) = default;
};
std::optional<Prefix> ParsePrefix(std::string_view text);  ///< "10.0.0.0/8", "10.1.2.3", "fd00::/8"

enum class Protocol : std::uint8_t { kAny, kTcp, kUdp, kIcmp };  ///< kIcmp: ICMP or ICMPv6 echo
inline constexpr std::array<std::string_view, 4> kProtocolNames = {"any", "tcp", "udp", "icmp"};

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  friend auto operator<=>(const PortRange&, const PortRange&) = default;
};

/// One `allow` or `deny` of a level: new connections from the level to `to`, or to what `to_name`
/// resolves to.
struct NetRule {
  Protocol protocol = Protocol::kAny;
  Prefix to;
  std::string to_name;            ///< "updates.example.org" or "*.example.org"; empty: `to` holds
  std::vector<PortRange> ports;   ///< empty: all; only with TCP or UDP
  std::int64_t until_unix_s = 0;  ///< the rule ends then; 0: never
  std::string comment;
  Origin origin;
};

struct LevelNetwork {
  std::string uplink;  ///< "" is none: no interface at all
  std::vector<NetRule> allow;
  std::vector<NetRule> deny;       ///< beats every allow, whatever the order
  std::optional<Prefix> address4;  ///< one address; none: from the host's pool
  std::optional<Prefix> address6;
  std::vector<Prefix> dns;           ///< servers; one address each
  std::uint64_t out_bits_per_s = 0;  ///< 0: no limit
  std::uint64_t in_bits_per_s = 0;
  Origin origin;
};

/// How a device of a class comes to a level.
enum class GrantMode : std::uint8_t {
  kNone,
  kManual,     ///< a person lends it
  kAsk,        ///< the person is asked when it is plugged in
  kAutomatic,  ///< lent when it is plugged in and free
  kRequired    ///< as automatic, and the level does not start without one
};
inline constexpr std::array<std::string_view, 5> kGrantModeNames = {"none", "manual", "ask",
                                                                    "automatic", "required"};

enum class DeviceClass : std::uint8_t {
  kStorage,
  kSound,
  kMicrophone,
  kCamera,
  kSmartcard,
  kFido,
  kPrinter,
  kScanner,
  kUsb  ///< any other USB device
};
inline constexpr std::array<std::string_view, 9> kDeviceClassNames = {
    "storage", "sound", "microphone", "camera", "smartcard", "fido", "printer", "scanner", "usb"};

/// What a level may be lent of one class. Fields that do not concern the class keep their default.
struct DevicePolicy {
  GrantMode mode = GrantMode::kNone;
  bool write = false;                        ///< storage: media may be lent for writing
  bool marked_only = false;                  ///< storage: only media marked for the level
  std::uint32_t time_limit_s = 0;            ///< microphone, camera: longest grant; 0: none
  std::uint32_t max_pages = 0;               ///< printer, scanner: of one job; 0: no limit
  bool banner = false;                       ///< printer: a page with level and user goes first
  std::vector<std::string> relying_parties;  ///< fido: the only ones that may be used; empty: any
  std::vector<std::string> usb_ids;          ///< usb: "1d6b:0104"
  Origin origin;
};

enum class BootWay : std::uint8_t { kDirect, kUefi };
inline constexpr std::array<std::string_view, 2> kBootWayNames = {"direct", "uefi"};
enum class KernelTrack : std::uint8_t { kLts, kStable };
inline constexpr std::array<std::string_view, 2> kKernelTrackNames = {"lts", "stable"};
/// Which of the image's versions may run, and how it boots.
struct ImagePolicy {
  std::string digest;     ///< "sha256:" and 64 hexadecimal digits; empty: any
  std::string signed_by;  ///< name of a signing key; empty: any that the host trusts
  BootWay boot = BootWay::kDirect;
  bool secure_boot = false;  ///< only with kUefi
  KernelTrack kernel = KernelTrack::kLts;
};

enum class Encryption : std::uint8_t { kNone, kHost, kUser };
inline constexpr std::array<std::string_view, 3> kEncryptionNames = {"none", "host", "user"};

enum class KeyOperation : std::uint8_t {
  kSign,
  kVerify,
  kEncrypt,
  kDecrypt,
  kWrap,
  kUnwrap,
  kDerive,
  kReadData,  ///< data objects on the same token
  kWriteData
};
inline constexpr std::array<std::string_view, 9> kKeyOperationNames = {
    "sign", "verify", "encrypt", "decrypt", "wrap", "unwrap", "derive", "read-data", "write-data"};

/// A key of keys [key.NAME] that a level may use.
struct KeyUse {
  std::string key;
  std::set<KeyOperation> operations;
  std::vector<std::string> mechanisms;  ///< "RSA-PKCS-PSS"; empty: those of the operations
  bool confirm = false;                 ///< the person agrees to each use
  std::uint32_t per_minute = 0;         ///< 0: no limit
  Origin origin;
};

struct Display {
  bool three_d = false;
  std::uint32_t screens = 1;               ///< 0: none, 1..4
  std::string border = "solid";            ///< solid, double, dashed, dotted: beside the colour
  std::vector<std::string> clipboard_out;  ///< levels to which text copied here may be pasted
  std::vector<std::string> clipboard_in;   ///< levels from which text may be pasted here
  Origin clipboard_out_origin;
  Origin clipboard_in_origin;
};

enum class OnCrash : std::uint8_t { kStop, kRestart };
inline constexpr std::array<std::string_view, 2> kOnCrashNames = {"stop", "restart"};
struct LifeCycle {
  std::uint32_t order = 500;         ///< of autostart, lower first; 0..1000
  std::uint32_t idle_suspend_s = 0;  ///< 0: never
  bool disposable = false;           ///< gone with all its state when it stops
  bool preload = false;              ///< kept started in advance
  OnCrash on_crash = OnCrash::kStop;
};

struct Updates {
  std::string channel = "stable";
  std::uint16_t window_start_min = 0;  ///< minutes after midnight; start == end: any time
  std::uint16_t window_end_min = 0;
  std::uint32_t health_gate_s = 120;  ///< ready within this, or back to the old version
  bool automatic = false;
};

struct FlatpakRemote {
  std::string name;
  std::string url;  ///< https
  Origin origin;
};
struct FlatpakOverride {
  std::string application;             ///< "org.gnome.Evince", or "*"
  std::vector<std::string> arguments;  ///< of `flatpak override`: "--nofilesystem=home"
  Origin origin;
};
struct Applications {
  std::vector<FlatpakRemote> remotes;
  std::vector<std::string> install;  ///< application ids
  std::vector<FlatpakOverride> overrides;
};

/// Names of roles ([role.NAME] of host.toml, or "user", "admin", "audit").
struct LevelRoles {
  std::vector<std::string> start = {"user", "admin"};
  std::vector<std::string> stop = {"user", "admin"};
  std::vector<std::string> edit = {"admin"};  ///< may apply a set that changes this level
};

struct Level {
  std::string name;   ///< [a-z][a-z0-9-]{0,30}; from the file's name
  std::string title;  ///< for people; printable, <= 64 bytes
  std::string uuid;   ///< of the machine that the guest sees; "": libvirt chooses
  Label label;
  std::string colour = "#808080";
  std::string icon;   ///< of the freedesktop icon naming; may be ""
  std::string image;  ///< name of an image in the store
  ImagePolicy image_policy;
  std::uint32_t vcpus = 1;                ///< 1..64
  std::uint32_t memory_mib = 512;         ///< 128..1048576
  std::uint32_t memory_max_mib = 512;     ///< >= memory_mib
  std::uint32_t cpu_quota_percent = 100;  ///< of one CPU per vCPU, 10..100
  std::uint32_t cpu_weight = 100;         ///< 1..10000, against the other levels
  std::uint32_t io_weight = 100;          ///< 1..1000
  std::uint64_t io_read_bytes_per_s = 0;  ///< 0: no limit
  std::uint64_t io_write_bytes_per_s = 0;
  bool persistent = true;         ///< false: the state disk is made anew at each start
  std::uint32_t state_mib = 256;  ///< 16..1048576
  Encryption encryption = Encryption::kNone;
  std::uint32_t snapshots = 0;  ///< of the state that are kept, 0..16
  bool autostart = false;
  LevelNetwork network;
  std::array<DevicePolicy, kDeviceClassNames.size()> devices;
  Display display;
  std::vector<KeyUse> keys;
  LifeCycle life_cycle;
  Updates updates;
  Applications applications;
  LevelRoles roles;
  Origin origin;
  Origin label_origin;

  [[nodiscard]] const DevicePolicy& Device(DeviceClass c) const {
    return devices[static_cast<std::size_t>(c)];
  }
  [[nodiscard]] DevicePolicy& Device(DeviceClass c) { return devices[static_cast<std::size_t>(c)]; }
};

enum class UplinkKind : std::uint8_t { kRouted, kNat, kIpsec };
inline constexpr std::array<std::string_view, 3> kUplinkKindNames = {"routed", "nat", "ipsec"};
struct IpsecPeer {
  std::string remote;    ///< address or host name of the gateway
  std::string local_id;  ///< IKE identities
  std::string remote_id;
  std::string certificate;  ///< name of the host's own certificate in its store
};
struct Uplink {
  std::string name;
  UplinkKind kind = UplinkKind::kNat;
  std::string interface;   ///< host interface, <= 15 bytes
  std::uint16_t vlan = 0;  ///< 1..4094 on the interface; 0: untagged
  Label label;
  /// Other uplinks that packets of this one are routed to, outside or by the host.
  std::vector<std::string> routes_to;
  IpsecPeer ipsec;  ///< only with kIpsec
  Origin origin;
  Origin routes_origin;
};

/// Connections from one level to a port of another, both ways once they are made.
struct Service {
  std::string name;
  std::string from;
  std::string to;
  Protocol protocol = Protocol::kTcp;
  std::vector<PortRange> ports;
  std::string comment;
  Origin origin;
};

enum class FlowKind : std::uint8_t {
  kTransfer,   ///< files in clear
  kEncrypt,    ///< only ciphertext for `recipients` arrives
  kDecrypt,    ///< ciphertext goes in, clear files arrive
  kDowngrade,  ///< in clear against the lattice, with a reason and the consent of two roles
};
inline constexpr std::array<std::string_view, 4> kFlowKindNames = {"transfer", "encrypt", "decrypt",
                                                                   "downgrade"};
enum class Scanner : std::uint8_t { kNone, kClamav };
inline constexpr std::array<std::string_view, 2> kScannerNames = {"none", "clamav"};
struct Flow {
  std::string name;  ///< like a level's
  std::string from;
  std::string to;
  FlowKind kind = FlowKind::kTransfer;
  std::uint64_t max_file_bytes = 256ULL << 20;
  std::uint64_t quota_bytes = 1024ULL << 20;  ///< spool of each half
  std::uint32_t max_files = 1000;             ///< waiting in the spool of each half
  std::uint32_t files_per_hour = 0;           ///< 0: no limit
  std::vector<std::string> types;             ///< MIME types, "image/*"; empty: any
  bool confirm = false;                       ///< a person on the host agrees to each transfer
  std::uint32_t confirm_timeout_s = 120;      ///< no answer in time is a no
  Scanner scanner = Scanner::kNone;
  bool re_render = false;                 ///< documents and pictures to pixels and back
  std::vector<std::string> recipients;    ///< kEncrypt: [recipient.NAME]
  std::string sign_with;                  ///< kEncrypt: [key.NAME] that signs; may be ""
  std::vector<std::string> decrypt_with;  ///< kDecrypt: [key.NAME] that it opens with
  std::string reason;                     ///< kDowngrade
  std::vector<std::string> approved_by;   ///< kDowngrade: two different roles
  Origin origin;
};

/// Somebody for whom `encrypt` flows make ciphertext.
struct Recipient {
  std::string name;
  std::string certificate;  ///< "sha256:" and 64 hexadecimal digits
  /// [key.NAME] that opens what is made for them, where this host has it; "" elsewhere.
  std::string key;
  Origin origin;
};

/// A PKCS#11 object that levels and flows may use.
struct Key {
  std::string name;
  std::string token;   ///< label of the token
  std::string object;  ///< label of the object
  std::string id;      ///< CKA_ID in hexadecimal digits; may be ""
  Origin origin;
};

/// One line of devices.toml. Any matching deny beats every allow, whatever the order.
struct DeviceRule {
  bool deny = true;
  std::string level;         ///< a level, or "*"
  std::string device_class;  ///< one of kDeviceClassNames, or "*"
  std::string path;          ///< device path glob ("/dev/loop*"), empty: any
  std::string serial;        ///< exact, empty: any
  std::string usb_id;        ///< "1d6b:0104", empty: any
  std::string comment;
  Origin origin;
  [[nodiscard]] bool SpeaksOf(DeviceClass c) const;
  /// No device of its classes escapes it.
  [[nodiscard]] bool IsUnconditional() const {
    return path.empty() && serial.empty() && usb_id.empty();
  }
};
/// `glob` as in fnmatch(3): `*` and `?` do not match a slash, a backslash is a backslash.
/// @param unsure  the answer where fnmatch fails: what denies says true, what allows says false
bool GlobMatches(const std::string& glob, const std::string& path, bool unsure);

/// A device that the set knows by name: [device.NAME].
struct KnownDevice {
  std::string name;
  std::set<DeviceClass> classes;  ///< not empty; more than one for a composite device
  std::string serial;             ///< exact; "" when only the path tells it
  std::string path;               ///< as in a rule
  std::string usb_id;
  /// It remembers what a level gave it (a printer's job store), and a later borrower may get it.
  bool keeps_data = false;
  std::optional<Label> label;  ///< a marked medium, a printer in a guarded room
  Origin origin;
};

/// Who has a role: members of the groups, and the users.
struct HostRole {
  std::string name;
  std::vector<std::string> groups;
  std::vector<std::string> users;
  Origin origin;
};

enum class Accel : std::uint8_t { kAuto, kKvm, kTcg };
inline constexpr std::array<std::string_view, 3> kAccelNames = {"auto", "kvm", "tcg"};
struct Host {
  Accel accel = Accel::kAuto;
  bool allow_tcg = false;               ///< auto may fall back to TCG
  std::uint32_t hello_timeout_s = 120;  ///< 5..3600: start to the agent's hello
  Prefix pool4;                         ///< /30 per level, default 10.77.0.0/16
  Prefix pool6;                         ///< /126 per level, default fd77::/64
  /// What all levels that start by themselves may take together; 0: not limited.
  std::uint32_t limit_memory_mib = 0;
  std::uint32_t limit_vcpus = 0;
  std::map<std::string, HostRole> roles;  ///< always with "user", "admin" and "audit"
  Origin origin;
  Origin limits_origin;
};

struct SpecSet {
  Host host;
  std::map<std::string, Level> levels;
  std::map<std::string, Flow> flows;
  std::map<std::string, Uplink> uplinks;
  std::map<std::string, Service> services;
  std::map<std::string, Recipient> recipients;
  std::map<std::string, Key> keys;
  std::map<std::string, KnownDevice> devices;
  std::vector<DeviceRule> device_rules;
};

/// The word of a spec.
inline std::string_view NameOf(Protocol v) {
  return kProtocolNames.at(static_cast<std::size_t>(v));
}
inline std::string_view NameOf(GrantMode v) {
  return kGrantModeNames.at(static_cast<std::size_t>(v));
}
inline std::string_view NameOf(DeviceClass v) {
  return kDeviceClassNames.at(static_cast<std::size_t>(v));
}
inline std::string_view NameOf(BootWay v) { return kBootWayNames.at(static_cast<std::size_t>(v)); }
inline std::string_view NameOf(KernelTrack v) {
  return kKernelTrackNames.at(static_cast<std::size_t>(v));
}
inline std::string_view NameOf(Encryption v) {
  return kEncryptionNames.at(static_cast<std::size_t>(v));
}
inline std::string_view NameOf(KeyOperation v) {
  return kKeyOperationNames.at(static_cast<std::size_t>(v));
}
inline std::string_view NameOf(OnCrash v) { return kOnCrashNames.at(static_cast<std::size_t>(v)); }
inline std::string_view NameOf(UplinkKind v) {
  return kUplinkKindNames.at(static_cast<std::size_t>(v));
}
inline std::string_view NameOf(FlowKind v) {
  return kFlowKindNames.at(static_cast<std::size_t>(v));
}
inline std::string_view NameOf(Scanner v) { return kScannerNames.at(static_cast<std::size_t>(v)); }
inline std::string_view NameOf(Accel v) { return kAccelNames.at(static_cast<std::size_t>(v)); }

}  // namespace bulkhead::vmspec
