// SPDX-License-Identifier: GPL-2.0-or-later
/// Talking to bulkhead-brokerd, who owns every assignable device. Blocking with deadlines; each
/// call connects anew. Only uid kUidHostd and root are served.
#pragma once

#include <cstdint>
#include <string>
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
};

/// A grant in progress: the descriptor is what QEMU gets.
struct Lease {
  Device device;
  UniqueFd fd;  ///< O_RDONLY unless the grant is writable
};

class BrokerClient {
 public:
  explicit BrokerClient(std::string socket_path) : socket_path_(std::move(socket_path)) {}

  /// The rules of the applied spec: from then on they decide.
  Status SetPolicy(const vmspec::SpecSet& spec);
  Result<std::vector<Device>> List();
  /// Authorises and opens: host -> authorising -> bound. kRefused names the rule; kBusy names the
  /// level that has it. `write` is refused where the spec does not say so.
  Result<Lease> Lend(const std::string& device, const std::string& level, bool write);
  /// The hypervisor has attached it: bound -> in use.
  Status ConfirmAttached(const std::string& device, const std::string& level);
  /// Take back: -> draining; the caller detaches from the VM, then calls Released.
  Status BeginTakeBack(const std::string& device);
  /// The VM has let go (or is gone): draining -> reset -> host.
  Status Released(const std::string& device);

 private:
  std::string socket_path_;
};

}  // namespace bulkhead::broker
