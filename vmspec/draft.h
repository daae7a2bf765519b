// SPDX-License-Identifier: GPL-2.0-or-later
/// A spec set while it is read, and the reader of each kind of file. A file at fault leaves a draft
/// that later steps can still be run on, so that all faults show in one pass and none is an echo of
/// another.
#pragma once

#include <map>
#include <string>

#include "vmspec/table_reader.h"

namespace bulkhead::vmspec {

struct Draft {
  SpecSet spec;
  Scope scope;
  std::size_t flow_names = 0;    ///< flows that are written down, sound or not
  NameSet levels_without_label;  ///< at fault: the lattice says nothing of them
  NameSet uplinks_without_label;
  NameSet devices_at_fault;               ///< what may flow through them cannot be told
  bool any_device_rule_at_fault = false;  ///< who may have which device cannot be told
};

/// On a fault that keeps a level, an uplink or a device, or all devices, out of the check of
/// information flow: what would be found there is an echo of it, or is not there at all.
inline constexpr char kFlowUnchecked[] =
    "ways of information through it are checked when this is mended";
inline constexpr char kDevicesUnchecked[] =
    "ways of information through devices are checked when this is mended";

/// Each document is of the current schema, and without the keys `schema` and `extends`.
void ReadHost(const Node& document, Draft& draft, Faults& faults);
void ReadDevices(const Node& document, Draft& draft, Faults& faults);
void ReadNetworks(const Node& document, Draft& draft, Faults& faults);
void ReadLevel(const std::string& name, const Node& document, Draft& draft, Faults& faults);
void ReadFlows(const Node& document, Draft& draft, Faults& faults);

/// [network], [devices], [display] and the rest of a level: each `table` is that table.
void ReadLevelNetwork(TableReader& table, LevelNetwork& network);
void ReadLevelDevices(TableReader& table, Level& level);
void ReadLevelPeople(TableReader& table, Level& level);  ///< display, keys, roles, applications

/// `tcp`, `udp`, `protocol` of a rule or a service: at most one of them, since it is one sentence.
void ReadProtocol(TableReader& table, Protocol& protocol, std::vector<PortRange>& ports);

/// The checks that need the whole set.
void CheckInformationFlow(const Draft& draft, Faults& faults);
void CheckDevices(const Draft& draft, Faults& faults);
void CheckPools(const Draft& draft, Faults& faults);
void CheckLimits(const Draft& draft, Faults& faults);

}  // namespace bulkhead::vmspec
