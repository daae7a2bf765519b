// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string_view>
#include <vector>

#include "vmspec/document.h"

namespace bulkhead::vmspec {

/// The same keys with the same values, wherever they stand. Floats, dates and times are told apart
/// by HasSameWords only.
bool MeansTheSame(const Node& a, const Node& b);

/// Two TOML texts have the same words, strings and signs in the same order, and the same comments
/// in the same order, but for blanks, line ends and commas before "]". Shares nothing with the
/// reader that the layout is made with but the end of a string.
bool HasSameWords(std::string_view a, std::string_view b);

}  // namespace bulkhead::vmspec
