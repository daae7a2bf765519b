// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "vmspec/base/error.h"

namespace bulkhead::diode {

/// What superd tells a half on its command line. All of it comes from the checked spec.
struct HalfArgs {
  std::string flow;
  std::string level;  ///< whose port this half holds
  std::string peer;   ///< the level at the other end
  std::uint64_t max_file_bytes = 0;
  std::uint64_t quota_bytes = 0;
  std::uint32_t max_files = 0;
};

/// `--flow F --level L PEER_OPTION P --max-file N --quota N --max-files N`, each once, in any
/// order.
/// @param peer_option  "--to" or "--from".
/// @return kInvalid with a sentence for the person who started the program by hand.
Result<HalfArgs> ParseHalfArgs(int argc, char** argv, const std::string& peer_option);

}  // namespace bulkhead::diode
