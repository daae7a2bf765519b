// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/cli/follow.h"

#include <algorithm>
#include <chrono>
#include <ostream>

#include "vmspec/base/sanitize.h"

namespace bulkhead::cli {

namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr milliseconds kPoll{250};
constexpr milliseconds kSettle{2000};
constexpr milliseconds kPatience{30'000};

milliseconds Since(SteadyClock::time_point begin) {
  return std::chrono::duration_cast<milliseconds>(SteadyClock::now() - begin);
}

/// The one line on a terminal that is written over and over.
class Progress {
 public:
  explicit Progress(const Surroundings& around) : around_(around) {}
  ~Progress() {
    if (shown_) around_.err << "\r\033[K" << std::flush;
  }
  void Show(const std::vector<Followed>& levels) {
    if (!around_.err_is_tty) return;
    std::string line;
    for (const Followed& level : levels) {
      if (level.reached) continue;
      std::string doing = level.now.step.empty() ? level.now.state : level.now.step;
      line += (line.empty() ? "" : "   ") + Printable(level.name, 40) + ": " +
              Printable(doing, 40) + " " + SpellSeconds(level.elapsed_ms);
    }
    around_.err << "\r\033[K" << CutTo(line, around_.width > 0 ? around_.width - 1 : 100)
                << std::flush;
    shown_ = true;
  }

 private:
  const Surroundings& around_;
  bool shown_ = false;
};

/// Reads each undecided level anew; false when hostd did not answer.
Result<bool> Look(Host1& host, Goal goal, SteadyClock::time_point begin,
                  std::vector<Followed>& levels) {
  for (Followed& level : levels) {
    if (level.reached) continue;
    auto status = host.GetLevel(level.name);
    level.elapsed_ms = Since(begin).count();
    if (!status && status.error().code == ErrorCode::kUnavailable) return false;
    if (!status) return Propagate(status);
    level.now = SightOf(*status);
    level.reached = Judge(goal, level.before, level.now, Since(begin) > kSettle);
  }
  return true;
}

}  // namespace

Sight SightOf(const Dict& level) {
  return {level.Text("state"), level.Text("step"), level.Text("reason"), level.Number("since")};
}

std::optional<bool> Judge(Goal goal, const Sight& before, const Sight& now, bool settled) {
  bool stale = !settled && now.state == before.state && now.since_ms == before.since_ms;
  if (goal == Goal::kStopped) {
    if (now.state == "stopped") return true;
    if (now.state == "failed" && !stale) return false;
    // It was stopped and started again between two looks. Before it has settled, the run may be one
    // that began just before it was asked to stop.
    if (now.state == "running" && settled && now.since_ms != before.since_ms) return false;
    return std::nullopt;
  }
  if (now.state == "running") {
    if (goal != Goal::kRunningAnew || before.state != "running" ||
        now.since_ms != before.since_ms) {
      return true;
    }
    return std::nullopt;
  }
  if (goal == Goal::kPaused && now.step == "paused") return true;
  if (goal == Goal::kRunningAnew && now.state == "stopped" && !settled) return std::nullopt;
  if ((now.state == "failed" || now.state == "stopped") && !stale) return false;
  return std::nullopt;
}

Status Follow(Context& context, Goal goal, std::vector<Followed>& levels) {
  auto host = context.Host();
  if (!host) return Propagate(host);
  Progress progress(context.around());
  auto begin = SteadyClock::now();
  auto answered = begin;
  while (true) {
    auto looked = Look(**host, goal, begin, levels);
    if (!looked) return Propagate(looked);
    if (*looked) answered = SteadyClock::now();
    if (Since(answered) > kPatience)
      return std::unexpected(NotAnswering(context.bus_address(), ""));
    if (std::ranges::all_of(levels, [](const Followed& l) { return l.reached.has_value(); }))
      return {};
    progress.Show(levels);
    auto signal = (*host)->NextSignal(kPoll);
    if (!signal && signal.error().code != ErrorCode::kTimeout) return Propagate(signal);
  }
}

}  // namespace bulkhead::cli
