// SPDX-License-Identifier: GPL-2.0-or-later
/// TOML 1.0.0 (https://toml.io/en/v1.0.0), read strictly and in one pass.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "vmspec/document.h"

namespace bulkhead::vmspec {

/// As ParseDocument(), for texts of up to kMaxFileBytes.
std::optional<Node> ReadToml(const std::string& file, std::string_view text, Faults& faults);

}  // namespace bulkhead::vmspec
