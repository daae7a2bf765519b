// SPDX-License-Identifier: GPL-2.0-or-later
/// TOML's values that are written without quotes: numbers, true and false, dates and times.
#pragma once

#include <optional>
#include <string_view>

#include "vmspec/document.h"

namespace bulkhead::vmspec {

using Scalar = decltype(Node::value);

/// bool, std::int64_t, or OtherValue for floats, dates and times. Nothing: `word` is no such value.
std::optional<Scalar> ParseTomlScalar(std::string_view word);

/// `word` is a date: a time may follow behind one space.
bool IsTomlDate(std::string_view word);

}  // namespace bulkhead::vmspec
