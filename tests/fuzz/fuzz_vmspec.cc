// SPDX-License-Identifier: GPL-2.0-or-later
/// Any bytes as a spec set: it is checked and shown without a fault, what is shown is printable,
/// and what passes the check holds what model.h and the lattice promise.
///
/// The input is a set in one text: a line "\f" and a path begins each file; what stands before the
/// first is levels/low.toml.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "vmspec/base/sanitize.h"
#include "vmspec/spec.h"

namespace {

using namespace bulkhead;
using namespace bulkhead::vmspec;

void Demand(bool condition) {
  if (!condition) std::abort();
}

SpecFiles Split(std::string_view input) {
  SpecFiles files;
  std::string path = "levels/low.toml";
  while (true) {
    std::size_t end = input.find('\f');
    files[path] += input.substr(0, end);
    if (end == std::string_view::npos) return files;
    input.remove_prefix(end + 1);
    std::size_t line = input.find('\n');
    path = input.substr(0, line);
    input.remove_prefix(line == std::string_view::npos ? input.size() : line + 1);
  }
}

void DemandPrintable(std::string_view text) {
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    Demand(end != std::string_view::npos);
    // A backslash is printable; only IsPrintable wants it doubled.
    std::string line(text.substr(0, end));
    std::erase(line, '\\');
    Demand(IsPrintable(line));
    text.remove_prefix(end + 1);
  }
}

void DemandSound(const SpecSet& spec) {
  for (const auto& [name, level] : spec.levels) {
    Demand(level.name == name && !level.title.empty() && !level.image.empty());
    Demand(level.vcpus >= 1 && level.vcpus <= 64);
    Demand(level.memory_mib >= 128 && level.memory_mib <= 1'048'576);
    Demand(level.network.allow.empty() || spec.uplinks.contains(level.network.uplink));
    for (const NetRule& rule : level.network.allow) {
      Demand(ParsePrefix(rule.to.ToString()) == rule.to);
      Demand(rule.ports.empty() || rule.protocol == Protocol::kTcp ||
             rule.protocol == Protocol::kUdp);
      Demand(spec.uplinks.at(level.network.uplink).label == level.label);
    }
  }
  for (const auto& [name, flow] : spec.flows) {
    Demand(spec.levels.at(flow.to).label.Dominates(spec.levels.at(flow.from).label));
    Demand(flow.from != flow.to && flow.max_file_bytes <= flow.quota_bytes);
  }
  for (const DeviceRule& rule : spec.device_rules) {
    Demand(rule.level == "*" || spec.levels.contains(rule.level));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  SpecFiles files = Split({reinterpret_cast<const char*>(data), size});
  CheckedSpec checked = CheckSpec(files);
  Demand(checked.diagnostics.size() <= 1001);
  DemandPrintable(FormatDiagnostics(files, checked, false));
  if (checked.ok()) DemandSound(checked.spec);
  return 0;
}
