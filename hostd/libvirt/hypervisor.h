// SPDX-License-Identifier: GPL-2.0-or-later
/// What hostd asks of the hypervisor: libvirt in production, memory in tests. A level's domain is
/// called "bulkhead-LEVEL", is transient (nothing of it is on disk) and outlives hostd and
/// libvirtd.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmspec/base/error.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::hostd {

/// Longest waits, of steady time. A call that needs longer returns kTimeout, or kOutcomeUnknown
/// where something may have been changed: List() then says what is true. What was asked goes on by
/// itself.
inline constexpr std::chrono::seconds kCreateDeadline{30};
inline constexpr std::chrono::seconds kCallDeadline{10};
/// How long a guest may take to let go of a medium before Detach gives up: PCIe wants it to blink
/// for 5 s first.
inline constexpr std::chrono::seconds kDetachDeadline{20};

enum class Acceleration : std::uint8_t { kKvm, kTcg };

/// A disk of the level. QEMU gets the descriptor where one is given and never opens the path, so
/// the path's owner and mode may keep QEMU's uid out. Open it anew for each level: QEMU's locks,
/// which keep a state disk from two levels, belong to the open file.
struct DiskImage {
  std::string path;  ///< absolute; shown in the domain's XML
  UniqueFd fd;  ///< O_RDONLY for the root, O_RDWR for the state disk; none: QEMU opens the path
  bool by_descriptor = false;  ///< never by its path: without `fd` there is no start
  [[nodiscard]] bool HandedOver() const { return by_descriptor || fd; }
};

/// One virtio-serial port of the guest. QEMU listens on the socket; its folder must exist. libvirt
/// gives the socket to LevelUid:LevelUid, mode 0775, so that who has the level's gid can connect.
struct Channel {
  std::string port;         ///< "org.bulkhead.control"
  std::string socket_path;  ///< absolute, at most 107 bytes; one that is there already is replaced
};

/// A tap that exists already, is up and has its rules (I1).
struct NetworkInterface {
  std::string tap;  ///< "bh-low"
  std::string mac;  ///< "52:54:00:12:34:56", unicast
};

/// What QEMU's throttling can count to.
inline constexpr std::uint64_t kMaxIoBytesPerS = 1'000'000'000'000'000;

/// Everything that makes a level's domain. Plain values; the text in it is from the checked spec
/// but is escaped, or refused, as if it were hostile (QSB-066 class).
struct DomainSpec {
  std::string level;        ///< name as in the spec
  std::uint32_t index = 0;  ///< 1..kMaxLevelIndex; QEMU runs as LevelUid(index)
  std::string uuid;         ///< "" lets libvirt choose
  std::string title;        ///< for people
  std::string icon;         ///< for people; in our metadata. "": none
  std::uint32_t vcpus = 1;
  std::uint32_t memory_mib = 512;
  /// More than memory_mib: the guest may take that much when it needs it (a balloon that deflates
  /// by itself) and gives back what it frees; this is what it can hold the host to. 0: memory_mib.
  std::uint32_t memory_max_mib = 0;
  std::uint32_t cpu_quota_percent = 100;  ///< of one CPU per vCPU; 100 sets no limit
  std::uint32_t cpu_weight =
      100;  ///< 1..10000 against other levels; 100 is what cgroups default to
  /// Of root and state disk together; 0: no limit.
  std::uint64_t io_read_bytes_per_s = 0;
  std::uint64_t io_write_bytes_per_s = 0;
  Acceleration accel = Acceleration::kTcg;
  /// Absolute; initrd may be "". libvirt gives both files to LevelUid while the level runs and to
  /// root or their old owner afterwards: they are this level's own copies, replaced and never
  /// written into.
  std::string kernel;
  std::string initrd;
  /// As the image says; it must hold pcie_ports=native or no medium can be lent.
  std::string cmdline;
  std::uint32_t tsc_khz = 0;  ///< TCG: HostTscKhz() (hostd/libvirt/tsc.h); 0 lets the guest measure
  DiskImage root;             ///< the guest's vda, raw, read-only
  std::optional<DiskImage> state;  ///< the guest's vdb, raw, writable; nobody else may hold it open
  std::optional<NetworkInterface> network;
  std::vector<Channel> channels;
  std::string console_socket;       ///< QEMU listens here for hvc0
  std::uint32_t hotplug_ports = 4;  ///< media that can be lent at one time, 0..16
  std::string image_version;        ///< the image's version key; comes back in DomainInfo
  std::int64_t created_unix_s = 0;  ///< when the start was asked for; comes back in DomainInfo
};

enum class DomainState : std::uint8_t { kPaused, kRunning, kShutOff };

/// A domain that carries our name and our metadata, read back from libvirt.
struct DomainInfo {
  std::string level;
  std::uint32_t index = 0;
  std::string uuid;
  DomainState state = DomainState::kShutOff;
  std::string image_version;
  std::int64_t created_unix_s = 0;
  std::vector<std::string> media;  ///< device ids, sorted
};

/// A domain that carries one of our names but that we did not make. Never touched.
struct ForeignDomain {
  std::string name;   ///< "bulkhead-mid"
  std::string level;  ///< "mid"
};

struct Listing {
  std::vector<DomainInfo> ours;        ///< sorted by level
  std::vector<ForeignDomain> foreign;  ///< sorted by name
};

/// A block medium to lend: virtio-blk on a hot-plug port.
struct MediumSpec {
  std::string device_id;  ///< the broker's, printable, at most 64 bytes; how Detach names it
  std::string path;       ///< "/dev/loop0"
  /// The broker's descriptor: `path` is refused unless it names the same device as this.
  UniqueFd fd;
  bool writable = false;
  std::uint64_t size_bytes = 0;  ///< for the audit record; what QEMU finds decides
};

struct DomainStats {
  std::uint64_t cpu_time_ns = 0;  ///< of all vCPUs and QEMU's own threads
  std::uint64_t memory_kib = 0;   ///< resident on the host, of QEMU as a whole
};

struct DomainEvent {
  enum class Kind : std::uint8_t {
    kStarted,  ///< exists, paused or running
    kPaused,
    kResumed,
    kStopped,         ///< is gone: shut down from inside, or destroyed by us or by somebody
    kCrashed,         ///< is gone: QEMU died, or the guest panicked
    kMediumRemoved,   ///< `device_id` has left the guest, asked for or not
    kConnectionLost,  ///< libvirtd is gone; levels go on. `level` is empty
    kConnectionBack,  ///< connected (also the first time): List() and compare
  } kind;
  std::string level;
  std::string device_id;  ///< kMediumRemoved
  std::string reason;  ///< printable words of libvirt's closed list, e.g. "shutdown", "destroyed"
};
using DomainEventHandler = std::function<void(const DomainEvent&)>;

/// Thread-safe; calls block at most as long as the constants above say and belong on a worker
/// thread.
///
/// Errors of every call, beside those it names:
///   kUnavailable  libvirtd is not there (any more); connecting goes on in the background.
///   kTimeout      no answer in time, nothing was changed.
///   kIo           libvirt or QEMU said no; the message carries libvirt's own, made printable.
class Hypervisor {
 public:
  virtual ~Hypervisor() = default;

  /// Makes the level's domain with its vCPUs stopped before the first instruction (I1). The fds of
  /// `spec` are duplicated, the caller's may be closed afterwards.
  ///
  /// Errors; after each but the last there is no domain that was not there before:
  ///   kInvalid         a field is out of range or has characters XML cannot hold; names the field.
  ///   kExists          the level's domain is there already, or a domain of that name that is not
  ///                    ours; the message says which, and the way out.
  ///   kNotFound        a file, the tap or the channel folder is missing.
  ///   kOutcomeUnknown  no answer within kCreateDeadline.
  [[nodiscard]] virtual Status CreatePaused(const DomainSpec& spec) = 0;

  /// Lets the vCPUs run. A running level is fine. kNotFound: no such domain of ours.
  [[nodiscard]] virtual Status Resume(const std::string& level) = 0;

  /// Ends the level now, as pulling the plug; its descriptors are closed when this returns. Gone
  /// already is fine. A foreign domain of that name is left alone: kExists.
  /// kOutcomeUnknown: no answer within kCallDeadline.
  [[nodiscard]] virtual Status Destroy(const std::string& level) = 0;

  /// Every domain of ours and every foreign one that has one of our names.
  [[nodiscard]] virtual Result<Listing> List() = 0;

  /// Plugs a medium into the level, running or paused. Read-only is enforced by QEMU.
  ///
  /// Errors; after each but the last the level does not have the medium:
  ///   kNotFound        no such domain of ours, or no such device.
  ///   kExists          the level has this device id already (what asks again after a crash wants).
  ///   kLimit           no hot-plug port is free.
  ///   kConflict        `path` is not the device behind `fd` (any more).
  ///   kOutcomeUnknown  no answer within kCallDeadline: ask Attached().
  [[nodiscard]] virtual Status Attach(const std::string& level, const MediumSpec& medium) = 0;

  /// Asks the guest to let go and waits until it has. Not attached, or no such domain: fine.
  ///
  /// kTimeout: the guest has not let go within kDetachDeadline; it still has the medium, and the
  /// request stands: a late release comes as kMediumRemoved. Taking a medium back by force is not
  /// offered: virtio-blk has no tray, and QEMU frees the device only after the guest's consent.
  /// What is certain against a hostile guest is Destroy(level): the policy is hostd's.
  [[nodiscard]] virtual Status Detach(const std::string& level, const std::string& device_id) = 0;

  /// Device ids that the level has, sorted. kNotFound: no such domain of ours.
  [[nodiscard]] virtual Result<std::vector<std::string>> Attached(const std::string& level) = 0;

  /// kNotFound: no such domain of ours, or it does not run.
  [[nodiscard]] virtual Result<DomainStats> Stats(const std::string& level) = 0;

  /// Where events go, always on the main loop's thread. Call once, on that thread, before the loop
  /// runs. An event says that something changed, List() says what is true.
  virtual void SetOnEvent(DomainEventHandler handler) = 0;

  /// libvirtd answers. Never blocks.
  [[nodiscard]] virtual bool Connected() const = 0;
};

/// "bulkhead-LEVEL".
inline std::string DomainName(std::string_view level) { return "bulkhead-" + std::string(level); }

}  // namespace bulkhead::hostd
