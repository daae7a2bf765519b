// SPDX-License-Identifier: GPL-2.0-or-later
/// Covert channels that a spec set has and that nothing here closes. They are not edges of the flow
/// graph: they are accepted, and said.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vmspec/flow_graph.h"

namespace bulkhead::vmspec {

enum class RiskKind : std::uint8_t {
  kCpu,         ///< caches, execution units, frequency of shared cores
  kMemory,      ///< rows, bus and controller of shared memory
  kDisk,        ///< queue and latency of the shared disk
  kAcoustic,    ///< a loudspeaker and a microphone in one room
  kCamera,      ///< a camera sees screens and paper
  kFido,        ///< one security key at two levels: counters, stored credentials
  kKey,         ///< one key used at two levels: counters, locks, timing of the token
  kPrintTray,   ///< two levels' pages in one tray
  kCiphertext,  ///< number, size and time of what an encrypt flow or an IPsec uplink carries
  kFlowBack,    ///< a receiving half that dies is seen by the sending half
};
std::string_view NameOf(RiskKind kind);  ///< "cpu", "print-tray": for JSON

struct Risk {
  RiskKind kind = RiskKind::kCpu;
  std::string sentence;           ///< what can be learnt, and how to make it less
  std::set<std::string> senders;  ///< levels whose information can be learnt
  std::set<std::string> learners;
  Origin origin;  ///< the field that makes it, where there is one
  /// Only these of the senders and learners, where not each may learn of each.
  std::set<std::pair<std::string, std::string>> pairs{};

  [[nodiscard]] bool Concerns(const std::string& from, const std::string& to) const {
    return from != to && senders.contains(from) && learners.contains(to) &&
           (pairs.empty() || pairs.contains({from, to}));
  }
};

/// All of a set, grouped: one for each cause, not one for each pair. Only those that some level
/// could use against the lattice.
std::vector<Risk> AcceptedRisks(const SpecSet& spec, const FlowGraph& graph);

/// Those by which one of the two levels could learn of the other what it may not know.
std::vector<Risk> RisksBetween(const SpecSet& spec, const FlowGraph& graph, const std::string& a,
                               const std::string& b);

}  // namespace bulkhead::vmspec
