// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/report/role.h"

#include "hostd/spec/index_book.h"
#include "vmspec/base/identity.h"

namespace bulkhead::hostd {

namespace {

/// The index behind `uid` when it lies in the block that begins after `base`.
std::optional<std::uint32_t> IndexIn(uid_t uid, uid_t base, std::uint32_t max) {
  if (uid <= base || uid > base + max) return std::nullopt;
  return uid - base;
}

}  // namespace

std::string Role::ToString() const {
  switch (kind) {
    case Kind::kAgentd:
      return "agentd@" + name;
    case Kind::kDiodeSend:
      return "diode-send@" + name;
    case Kind::kDiodeReceive:
      break;
  }
  return "diode-receive@" + name;
}

std::optional<Role> RoleOf(uid_t uid, const IndexBook& book) {
  auto named = [&](Role::Kind kind, IndexKind what, std::uint32_t index) -> std::optional<Role> {
    auto name = book.NameOf(what, index);
    if (!name) return std::nullopt;
    return Role{kind, *name};
  };
  if (auto i = IndexIn(uid, AgentdUid(0), kMaxLevelIndex)) {
    return named(Role::Kind::kAgentd, IndexKind::kLevel, *i);
  }
  if (auto i = IndexIn(uid, DiodeSendUid(0), kMaxFlowIndex)) {
    return named(Role::Kind::kDiodeSend, IndexKind::kFlow, *i);
  }
  if (auto i = IndexIn(uid, DiodeReceiveUid(0), kMaxFlowIndex)) {
    return named(Role::Kind::kDiodeReceive, IndexKind::kFlow, *i);
  }
  return std::nullopt;
}

}  // namespace bulkhead::hostd
