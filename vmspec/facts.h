// SPDX-License-Identifier: GPL-2.0-or-later
/// A spec set as a flat list of facts, each a word on one field, with what its change would mean.
/// Complete: two sets that mean different things have different facts (a test changes every field
/// of the model). diff.h compares them.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vmspec/model.h"

namespace bulkhead::vmspec {

/// What a change of the fact means.
enum class Weight : std::uint8_t {
  kPlain,      ///< neither opens nor closes
  kMember,     ///< as kPlain, of something that may be there or not
  kMeasure,    ///< more is more open
  kGrant,      ///< as kMeasure; a measure of 0 is nothing, which is what a new subject had before
  kOpening,    ///< that it is there opens
  kClosing,    ///< that it is there closes
  kNarrowing,  ///< opens, but the first of its field closes: what it does not name is out
  kAnyOf,      ///< `items` are all that is let through; none: everything is
  kEachOf,     ///< each of `items` opens; none: nothing is let through
};

struct FactKey {
  std::string kind;     ///< "level", "flow", "uplink", "host", "device rules" ...
  std::string name;     ///< of the level, flow ...; may be ""
  std::string field;    ///< as in TOML: "resources.memory"; "": that the subject is there
  std::string element;  ///< of a list: the rule, the recipient ...
  friend auto operator<=>(const FactKey&, const FactKey&) = default;
};

struct Fact {
  FactKey key;
  std::string value;               ///< as a person writes it; not printable for sure
  std::uint64_t measure = 0;       ///< kMeasure, kGrant; of a kOpening: how far it opens
  std::vector<std::string> items;  ///< kAnyOf, kEachOf; sorted
  Weight weight = Weight::kPlain;
  Origin origin;  ///< of the field where the model knows it, else of what it is in
};

/// Sorted by key; no key twice.
std::vector<Fact> FactsOf(const SpecSet& spec);

}  // namespace bulkhead::vmspec
