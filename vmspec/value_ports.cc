// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "vmspec/codes.h"
#include "vmspec/scalars.h"
#include "vmspec/value_hints.h"
#include "vmspec/values.h"

namespace bulkhead::vmspec {

namespace {

constexpr std::size_t kMaxPorts = 64;  // netpolicy/check_policy.h holds the same

/// The text of a port or range, whichever way it was written.
std::optional<PortRange> ReadOne(const KeySchema& key, const Node& node, Faults& faults) {
  std::optional<PortRange> ports;
  std::string said(node.TypeName());
  std::string meant;
  if (const auto* number = node.As<std::int64_t>()) {
    said = std::to_string(*number);
    ports = ParsePorts(said);
  } else if (const auto* text = node.As<std::string>()) {
    said = Quoted(*text);
    ports = ParsePorts(*text);
    meant = MeantPorts(*text);
  }
  if (!ports) {
    faults.Error(codes::kBadPort, said + " is no port of " + Quoted(key.key), node.origin, meant,
                 "a port is 1 to 65535, a range is \"8000-8099\"");
  }
  return ports;
}

/// Sorted, and ranges that overlap or touch made one: nftables refuses overlapping intervals.
std::vector<PortRange> Merged(std::vector<PortRange> ranges) {
  std::sort(ranges.begin(), ranges.end());
  std::vector<PortRange> out;
  for (const PortRange& range : ranges) {
    if (!out.empty() && range.first <= out.back().last + 1) {
      out.back().last = std::max(out.back().last, range.last);
    } else {
      out.push_back(range);
    }
  }
  return out;
}

}  // namespace

std::optional<std::vector<PortRange>> ReadPorts(const KeySchema& key, const Node& node,
                                                Faults& faults) {
  const Array* list = node.As<Array>();
  if (list == nullptr) {
    auto one = ReadOne(key, node, faults);
    return one ? std::optional(std::vector{*one}) : std::nullopt;
  }
  // An empty list would read as "all ports" further on.
  if (list->empty() || list->size() > kMaxPorts) {
    faults.Error(list->empty() ? codes::kBadPort : codes::kTooMany,
                 Quoted(key.key) + " must list 1 to 64 ports", node.origin);
    return std::nullopt;
  }
  std::vector<PortRange> ranges;
  for (const Node& element : *list) {
    auto one = ReadOne(key, element, faults);
    if (one) ranges.push_back(*one);
  }
  if (ranges.size() != list->size()) return std::nullopt;
  return Merged(std::move(ranges));
}

}  // namespace bulkhead::vmspec
