// SPDX-License-Identifier: GPL-2.0-or-later
/// Who has which device, and what may happen to it next. Pure: see README.md for the drawing.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "device-broker/broker_client.h"
#include "device-broker/medium.h"
#include "vmspec/base/error.h"

namespace bulkhead::broker {

enum class Event : std::uint8_t {
  kAuthorise,  ///< the rules said yes
  kAbandon,    ///< it could not be opened after all
  kBind,       ///< it is open for the level
  kAttach,     ///< the hypervisor has it
  kTakeBack,   ///< somebody wants it back
  kLetGo,      ///< nobody but us has it open
  kClean,      ///< nothing of the level is left in it
};
const char* EventName(Event event);

/// Nothing where the event is illegal in this state.
std::optional<DeviceState> After(DeviceState state, Event event);

/// A device that is not the host's.
struct Grant {
  std::string level;
  bool writable = false;
  DeviceState state = DeviceState::kAuthorising;
  MediumIdentity identity;  ///< of the medium that the rules judged
  std::string title;
  std::string serial;
  friend bool operator==(const Grant&, const Grant&) = default;
};

inline constexpr std::size_t kMaxGrants = 1024;

/// All grants, by device id. One device has at most one, so it is in at most one level (I2).
class Ledger {
 public:
  /// host -> authorising. kBusy names the level that has it; kLimit.
  Status Authorise(const Medium& medium, const std::string& level, bool write);
  /// kConflict says which state forbids it; the ledger is unchanged then.
  Status Apply(const std::string& id, Event event);
  /// nullptr: the host's.
  [[nodiscard]] const Grant* Find(const std::string& id) const;
  [[nodiscard]] const std::map<std::string, Grant>& grants() const { return grants_; }

  /// A grant as it was stored. After a crash nobody holds what was not yet bound, or was let go:
  /// half-steps go back to the host.
  void Restore(const std::string& id, Grant grant);

 private:
  std::map<std::string, Grant> grants_;
};

}  // namespace bulkhead::broker
