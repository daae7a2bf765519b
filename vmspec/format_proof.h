// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "vmspec/document.h"

namespace bulkhead::vmspec {

/// The same keys with the same values, wherever they stand. Floats, dates and times are told apart
/// by HasSameWords only.
bool MeansTheSame(const Node& a, const Node& b);

/// How many words, strings and signs of two TOML texts differ; nothing when one has more of them,
/// or other comments in another order. Blanks, line ends and commas before "]" are left out. Shares
/// nothing with the reader that the layout is made with but the end of a string.
std::optional<std::size_t> WordsChanged(std::string_view a, std::string_view b);
/// None of them differs.
bool HasSameWords(std::string_view a, std::string_view b);

}  // namespace bulkhead::vmspec
