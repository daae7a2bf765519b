// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::vmspec {

/// Insertions, deletions, replacements and swaps of neighbours that turn one into the other.
std::size_t EditDistance(std::string_view a, std::string_view b);

/// `did you mean "memory"?` for the candidate that is nearest to `word`, empty when none is near
/// enough to be meant (more than one edit in three letters).
std::string DidYouMean(std::string_view word, std::span<const std::string> candidates);

/// `"a", "b" and "c"`
std::string Listed(std::span<const std::string> words, std::string_view last_joint = " and ");

}  // namespace bulkhead::vmspec
