// SPDX-License-Identifier: GPL-2.0-or-later
/// Talking to bulkhead-brokerd, who owns every assignable device. Blocking with deadlines; each
/// call connects anew. Only uid kUidHostd and root are served. Protocol: docs/protocols/broker.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "vmspec/base/error.h"
#include "vmspec/base/unique_fd.h"
#include "vmspec/model.h"

namespace bulkhead::broker {

/// See device-broker/README.md for the state machine.
enum class DeviceState : std::uint8_t { kHost, kAuthorising, kBound, kInUse, kDraining, kReset };
const char* DeviceStateName(DeviceState state);

struct Device {
  std::string id;  ///< stable and printable: "loop0", later "usb-1-4.2-SERIAL"
  std::string device_class = "storage";
  std::string path;    ///< "/dev/loop0"
  std::string title;   ///< printable: model, or the backing file's name
  std::string serial;  ///< may be empty
  std::uint64_t size_bytes = 0;
  DeviceState state = DeviceState::kHost;
  std::string level;  ///< who has it, when not kHost
  bool writable = false;
  /// What a person should know: "the host uses it: mounted on /mnt"; "the medium was removed or
  /// replaced while lent"; "devices.toml:4 denies ... now". Empty: nothing. Printable.
  std::string note;
  /// Lent, and the policy in force would not allow it any more: hostd takes it back.
  bool disallowed = false;
};

/// A grant in progress: the descriptor is what QEMU gets.
struct Lease {
  Device device;
  /// O_RDONLY unless the grant is writable. Shares one open file with bulkhead-brokerd, and with it
  /// the kernel's exclusive claim (O_EXCL): while any copy of it is open the host can neither mount
  /// the device nor put another medium behind its node. Keep it until the VM has the device open;
  /// keeping it longer keeps the claim even while brokerd is dead. Close it before Released().
  UniqueFd fd;
};

class BrokerClient {
 public:
  // A drive may have to spin up, and what was written may have to reach a slow stick.
  static constexpr std::chrono::seconds kPatience{30};

  /// @param deadline  for a request, and again for its answer; who only wants to know whether
  ///                  brokerd lives gives less.
  explicit BrokerClient(std::string socket_path, std::chrono::milliseconds deadline = kPatience)
      : socket_path_(std::move(socket_path)), deadline_(deadline) {}

  /// The rules of the applied spec: from then on, and after a restart of brokerd, they decide. What
  /// is lent already stays lent; List() marks what they would not allow any more (`disallowed`).
  Status SetPolicy(const vmspec::SpecSet& spec);
  /// All lendable media, and whatever is lent, even when it is no longer plugged in.
  Result<std::vector<Device>> List();
  /// Authorises and opens: host -> authorising -> bound. `write` is refused where the spec does not
  /// say so. Again for the same level while bound: the same descriptor again, after a new
  /// judgement.
  ///
  /// Errors; after each the device is where it was:
  ///   kRefused   policy says no; names the rule ("devices.toml:4").
  ///   kBusy      another level has it (named), or the host uses it, or it is being taken back.
  ///   kExists    this level has it attached already.
  ///   kNotFound  no such device can be lent.
  ///   kConflict  the medium changed meanwhile, or it is lent with other access: list again.
  ///   kCorrupt   brokerd cannot read its own state and lends nothing until that is repaired.
  ///   kOutcomeUnknown  no answer came: List(), or lend again.
  Result<Lease> Lend(const std::string& device, const std::string& level, bool write);
  /// The hypervisor has attached it: bound -> in use. Again: nothing changes.
  /// kConflict when `level` does not have it, or it is being taken back.
  Status ConfirmAttached(const std::string& device, const std::string& level);
  /// Take back: bound or in use -> draining; the caller detaches from the VM, then calls
  /// Released(). Again: nothing changes. kConflict when nobody has it.
  Status BeginTakeBack(const std::string& device);
  /// The VM has let go (or is gone): draining -> reset -> host; what is bound or in use goes
  /// through draining first. A device that nobody has is released already: no error. kBusy:
  /// somebody still has it open (the VM, a copy of the Lease's descriptor in libvirtd); it stays
  /// draining, call again.
  Status Released(const std::string& device);

 private:
  std::string socket_path_;
  std::chrono::milliseconds deadline_;
};

}  // namespace bulkhead::broker
