// SPDX-License-Identifier: GPL-2.0-or-later
/// What somebody most likely meant by a value that is refused: the text under the caret, `did you
/// mean "5 min"?`, or nothing. Each suggestion is itself a value that the reader takes.
#pragma once

#include <string>
#include <string_view>

#include "vmspec/document.h"
#include "vmspec/schema.h"

namespace bulkhead::vmspec {

/// "2GB", "2 GB", "2G" -> "2 GiB"; "1.5 GiB" -> "1536 MiB".
std::string MeantSize(std::string_view text);

/// "60m", "60 minutes" -> "60 min"; "1 hour" -> "1 h".
std::string MeantDuration(std::string_view text);

/// "10 Mbps", "10Mbit", "10 mbit/s" -> "10 Mbit/s". Not "10 MB/s", which counts bytes.
std::string MeantBitRate(std::string_view text);

/// "10.20.0.5/16" -> "10.20.0.0/16".
std::string MeantNetwork(std::string_view text);

/// "8099-8000" -> "8000-8099".
std::string MeantPorts(std::string_view text);

/// The way out when `node` is not of the type that the key takes: `vcpus = "2"`, `memory = 512`.
std::string HelpForType(const KeySchema& key, const Node& node);

}  // namespace bulkhead::vmspec
