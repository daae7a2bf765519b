// SPDX-License-Identifier: GPL-2.0-or-later
/// Waiting until levels have become what was asked, and saying how far they are meanwhile.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hostd/cli/context.h"

namespace bulkhead::cli {

/// What a command wants a level to become.
enum class Goal { kRunning, kPaused, kRunningAnew, kStopped };

/// A level's state as `status` says it, when it was read.
struct Sight {
  std::string state;
  std::string step;
  std::string reason;
  std::int64_t since_ms = 0;
};
Sight SightOf(const Dict& level);

/// Whether the goal is reached (true), has become impossible (false), or is still ahead. `before`
/// is the level before it was asked, so that an old failure is not taken for a new one; until
/// `settle` hostd may not have taken up the request yet. Pure.
std::optional<bool> Judge(Goal goal, const Sight& before, const Sight& now, bool settled);

/// One level that is waited for.
struct Followed {
  std::string name;
  Sight before;
  Sight now;
  std::optional<bool> reached;
  std::int64_t elapsed_ms = 0;
};

/// Watches until every level is decided. A restart of hostd in between is bridged; when it does not
/// answer for 30 s: kUnavailable.
Status Follow(Context& context, Goal goal, std::vector<Followed>& levels);

}  // namespace bulkhead::cli
