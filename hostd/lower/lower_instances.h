// SPDX-License-Identifier: GPL-2.0-or-later
/// From flows to the processes that carry them. Pure.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "hostd/applied_spec.h"
#include "hostd/super_client.h"
#include "vmspec/base/paths.h"

namespace bulkhead::hostd {

/// What superd is told while the levels `live` are up: an agentd for each, and both halves of each
/// flow that has an end up.
std::vector<ServiceInstance> DesiredInstances(const AppliedSpec& applied,
                                              const std::set<std::string>& live);

/// One half of a flow: a process that can do nothing but carry files from `reads` to `writes`.
struct DiodeHalf {
  std::string unit;  ///< "diode-send@up"
  uid_t uid = 0;
  std::string level;
  std::string port;    ///< the guest's: "org.bulkhead.out.up"
  std::string socket;  ///< the port's end on the host
  std::string spool;
};

/// The way of a file through the host.
struct DiodeRoute {
  vmspec::Flow flow;
  DiodeHalf send;
  std::string pipe;  ///< between the halves; one can only write it, the other only read
  DiodeHalf receive;
};

/// The routes of all flows that begin or end in `level`, in order of their names.
std::vector<DiodeRoute> RoutesOf(const Paths& paths, const AppliedSpec& applied,
                                 const std::string& level);

}  // namespace bulkhead::hostd
