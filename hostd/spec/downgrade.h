// SPDX-License-Identifier: GPL-2.0-or-later
/// Flows that go against the lattice with the consent of two people, and what that consent is to.
/// Pure.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "vmspec/base/error.h"
#include "vmspec/model.h"

namespace bulkhead::hostd {

/// All that somebody agrees to who approves the flow.
struct Downgrade {
  std::string flow;
  std::string from;
  std::string to;
  std::string from_label;
  std::string to_label;
  std::string reason;
  std::vector<std::string> roles;  ///< of approved-by
  std::string sha256;  ///< over one encoding of all this and of the flow's limits, hexadecimal
  vmspec::Origin origin;
};

/// By name. A flow whose ends the set does not have is none (the checker refused it).
std::vector<Downgrade> DowngradesOf(const vmspec::SpecSet& spec);

struct Approval {
  std::string sha256;  ///< of the Downgrade
  std::string flow;
  std::string from;
  std::string to;
  std::string reason;
  uid_t uid = 0;
  std::string actor;
  std::set<std::string> roles;  ///< of the Downgrade's, that this person had
  std::int64_t time_ms = 0;
};

/// Who stands for which of the two roles.
struct Consent {
  std::string first;
  std::string second;
};

/// Two different people of `approvals` who have the two different roles between them. kRefused says
/// what is missing and the way out.
Result<Consent> JudgeConsent(const Downgrade& downgrade, const std::vector<Approval>& approvals);

}  // namespace bulkhead::hostd
