// SPDX-License-Identifier: GPL-2.0-or-later
/// Collects the facts of one subject after the other. For facts*.cc.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vmspec/facts.h"

namespace bulkhead::vmspec {

inline constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

class FactList {
 public:
  /// What follows is of this subject, at this place.
  void Begin(std::string kind, std::string name, Origin origin) {
    subject_ = {std::move(kind), std::move(name), "", ""};
    origin_ = std::move(origin);
  }
  /// Until the next Begin() or At().
  void At(const Origin& origin) {
    if (origin.line != 0) origin_ = origin;
  }

  /// That the subject is there; `value` is for people, a summary of its fields.
  void Exists(Weight weight, std::string value) { Put("", "", weight, std::move(value)); }
  Fact& Plain(std::string_view field, std::string value) {
    return Put(field, "", Weight::kPlain, std::move(value));
  }
  Fact& Plain(std::string_view field, std::uint64_t value) {
    return Plain(field, std::to_string(value));
  }
  Fact& Flag(std::string_view field, bool value) {
    return Plain(field, std::string(value ? "true" : "false"));
  }
  /// A flag whose `open` value opens.
  Fact& Flag(std::string_view field, bool value, bool open) {
    return Measured(field, value ? "true" : "false", value == open ? 1 : 0);
  }
  Fact& Measured(std::string_view field, std::string value, std::uint64_t measure) {
    Fact& fact = Put(field, "", Weight::kMeasure, std::move(value));
    fact.measure = measure;
    return fact;
  }
  /// 0 is no limit.
  Fact& Limit(std::string_view field, std::string value, std::uint64_t limit) {
    return Measured(field, limit == 0 ? "no limit" : std::move(value),
                    limit == 0 ? kNoLimit : limit);
  }
  Fact& Limit(std::string_view field, std::uint64_t limit) {
    return Limit(field, std::to_string(limit), limit);
  }
  Fact& Grant(std::string_view field, std::string value, std::uint64_t measure) {
    Fact& fact = Measured(field, std::move(value), measure);
    fact.weight = Weight::kGrant;
    return fact;
  }
  Fact& Element(std::string_view field, std::string element, Weight weight,
                std::string value = {}) {
    return Put(field, std::move(element), weight, std::move(value));
  }
  template <typename Names>
  void Elements(std::string_view field, const Names& names, Weight weight) {
    for (const std::string& name : names) Element(field, name, weight);
  }
  /// Everything when `items` is empty.
  void AnyOf(std::string_view field, std::vector<std::string> items);
  /// Nothing when `items` is empty.
  void EachOf(std::string_view field, std::vector<std::string> items);

  /// Sorted; a fact that is said twice gets a number in its key.
  std::vector<Fact> Take();

 private:
  Fact& Put(std::string_view field, std::string element, Weight weight, std::string value) {
    FactKey key = subject_;
    key.field = field;
    key.element = std::move(element);
    all_.push_back(Fact{std::move(key), std::move(value), 0, {}, weight, origin_});
    return all_.back();
  }

  FactKey subject_;
  Origin origin_;
  std::vector<Fact> all_;
};

/// "a, b"; commas in a word are escaped: different lists read differently.
std::string Escaped(const std::vector<std::string>& words);
std::string PortsText(const std::vector<PortRange>& ports);
std::string DurationText(std::uint32_t seconds);

void AddLevelFacts(const Level& level, FactList& list);
void AddLevelNetworkFacts(const LevelNetwork& network, FactList& list);
void AddLevelDeviceFacts(const Level& level, FactList& list);

}  // namespace bulkhead::vmspec
