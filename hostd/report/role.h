// SPDX-License-Identifier: GPL-2.0-or-later
/// Who speaks on the report socket: its uid says so, the kernel vouches for it.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

namespace bulkhead::hostd {

class IndexBook;

struct Role {
  enum class Kind : std::uint8_t { kAgentd, kDiodeSend, kDiodeReceive } kind = Kind::kAgentd;
  std::string name;  ///< level (agentd) or flow
  friend auto operator<=>(const Role&, const Role&) = default;
  /// "agentd@low", "diode-send@up": as superd and the audit log call it.
  [[nodiscard]] std::string ToString() const;
};

/// Nothing for a uid that is no agentd's and no half's, or whose number has no name.
std::optional<Role> RoleOf(uid_t uid, const IndexBook& book);

}  // namespace bulkhead::hostd
