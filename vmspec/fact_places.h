// SPDX-License-Identifier: GPL-2.0-or-later
/// Where in the files each fact was said: the model keeps the places of few fields.
#pragma once

#include "vmspec/assemble.h"
#include "vmspec/diff.h"
#include "vmspec/facts.h"

namespace bulkhead::vmspec {

class FactPlaces {
 public:
  explicit FactPlaces(const SpecFiles& files);

  /// The place of the fact's field; of a list, of the list. Line 0: it was not said, the value is
  /// the default.
  [[nodiscard]] Origin Of(const FactKey& key) const;

 private:
  Assembled assembled_;
};

/// The facts' own places instead of those of what they are in, where the files say them.
void TellPlaces(const FactPlaces& before, const FactPlaces& after, Difference& difference);

}  // namespace bulkhead::vmspec
