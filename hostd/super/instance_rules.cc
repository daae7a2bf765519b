// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/instance_rules.h"

#include <map>
#include <set>

#include "vmspec/base/identity.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::super {

namespace {

using hostd::ServiceInstance;
using Kind = ServiceInstance::Kind;

constexpr std::uint64_t kMaxBytes = 1ULL << 50;
constexpr std::uint32_t kMaxFiles = 1'000'000;

bool IsName(const std::string& name) {
  auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  if (name.empty() || name.size() > 31 || !lower(name[0])) return false;
  for (char c : name) {
    if (!lower(c) && !(c >= '0' && c <= '9') && c != '-') return false;
  }
  return true;
}

bool InRange(std::uint32_t index, std::uint32_t max) { return index >= 1 && index <= max; }

/// What one name stands for, and what one number stands for, through the whole list.
class Register {
 public:
  /// False when either stands for something else already.
  bool Agree(const std::string& name, std::uint32_t index) {
    return by_name_.emplace(name, index).first->second == index &&
           by_index_.emplace(index, name).first->second == name;
  }

 private:
  std::map<std::string, std::uint32_t> by_name_;
  std::map<std::uint32_t, std::string> by_index_;
};

struct Ends {
  std::string from;
  std::string to;
  friend bool operator==(const Ends&, const Ends&) = default;
};

Ends EndsOf(const ServiceInstance& i) {
  return i.kind == Kind::kDiodeSend ? Ends{i.level, i.peer_level} : Ends{i.peer_level, i.level};
}

/// Why this instance cannot stand, looking at it alone; empty when it can.
std::string FaultAlone(const ServiceInstance& i) {
  if (i.kind != Kind::kAgentd && i.kind != Kind::kDiodeSend && i.kind != Kind::kDiodeReceive) {
    return "its kind is none of agentd, diode-send, diode-receive";
  }
  if (!IsName(i.name)) return "its name is not of the form [a-z][a-z0-9-]{0,30}";
  if (!IsName(i.level)) return "its level's name is not of the form [a-z][a-z0-9-]{0,30}";
  if (!InRange(i.level_index, kMaxLevelIndex)) return "its level index is not in 1..4095";
  if (i.kind == Kind::kAgentd) {
    if (i.name != i.level || i.index != i.level_index) return "agentd is named after its level";
    return {};
  }
  if (!InRange(i.index, kMaxFlowIndex)) return "its flow index is not in 1..16383";
  if (!IsName(i.peer_level)) return "its peer's name is not of the form [a-z][a-z0-9-]{0,30}";
  if (i.peer_level == i.level) return "a flow cannot lead from a level to itself";
  if (i.max_files < 1 || i.max_files > kMaxFiles) return "its file count is not in 1..1000000";
  if (i.max_file_bytes < 1 || i.max_file_bytes > i.quota_bytes || i.quota_bytes > kMaxBytes) {
    return "its byte bounds are not 1 <= file <= quota <= 1 PiB";
  }
  return {};
}

/// The list so far, for what an instance alone does not show.
class Whole {
 public:
  std::string FaultOf(const ServiceInstance& i) {
    if (!units_.insert({static_cast<int>(i.kind), i.name}).second) return "it is there twice";
    if (!levels_.Agree(i.level, i.level_index))
      return "its level and level index disagree with others";
    if (i.kind == Kind::kAgentd) return {};
    if (!flows_.Agree(i.name, i.index)) return "its flow and flow index disagree with others";
    if (ends_.emplace(i.name, EndsOf(i)).first->second != EndsOf(i)) {
      return "the two halves of the flow name different levels";
    }
    return {};
  }

 private:
  std::set<std::pair<int, std::string>> units_;
  Register levels_;
  Register flows_;
  std::map<std::string, Ends> ends_;
};

}  // namespace

std::string UnitName(const ServiceInstance& i) {
  switch (i.kind) {
    case Kind::kAgentd:
      return "agentd@" + i.name;
    case Kind::kDiodeSend:
      return "diode-send@" + i.name;
    case Kind::kDiodeReceive:
      return "diode-receive@" + i.name;
  }
  return "unknown@" + i.name;
}

Status CheckInstances(const std::vector<ServiceInstance>& instances) {
  Whole whole;
  for (const auto& i : instances) {
    std::string fault = FaultAlone(i);
    if (fault.empty()) fault = whole.FaultOf(i);
    if (!fault.empty()) {
      return Fail(ErrorCode::kInvalid, "instance " + Printable(UnitName(i), 96) + ": " + fault);
    }
  }
  return {};
}

}  // namespace bulkhead::super
