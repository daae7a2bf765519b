// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/guest/guest_runs.h"

#include <glib.h>

#include <algorithm>

namespace bulkhead::hostd {

namespace {

/// What a GLib timer gets: it frees it.
struct Deadline {
  std::function<void()> call;
};

unsigned After(std::uint32_t ms, std::function<void()> call) {
  return g_timeout_add_full(
      G_PRIORITY_DEFAULT, ms,
      [](gpointer p) -> gboolean {
        static_cast<Deadline*>(p)->call();
        return G_SOURCE_REMOVE;
      },
      new Deadline{std::move(call)}, [](gpointer p) { delete static_cast<Deadline*>(p); });
}

}  // namespace

GuestRuns::~GuestRuns() {
  for (auto& [id, run] : runs_) {
    if (run.timer != 0) g_source_remove(run.timer);
  }
}

void GuestRuns::Start(const std::string& level, const std::string& user,
                      std::vector<std::string> argv, std::uint32_t timeout_ms, Done done) {
  auto of_level = [&](const auto& entry) { return entry.second.level == level; };
  if (static_cast<std::size_t>(std::ranges::count_if(runs_, of_level)) >= kMaxRunsPerLevel) {
    return done(Fail(ErrorCode::kLimit, std::to_string(kMaxRunsPerLevel) + " programs run in " +
                                            level + " already: wait for one to end"));
  }
  std::uint32_t id = next_++;
  control::Run message{id, user, std::move(argv)};
  if (!send_(level, std::move(message))) {
    return done(Fail(ErrorCode::kUnavailable,
                     "the agent of " + level + " is not connected: see bulkhead status " + level));
  }
  Run& run = runs_[id];
  run.level = level;
  run.done = std::move(done);
  run.timer = After(timeout_ms, [this, id, timeout_ms] {
    auto it = runs_.find(id);
    if (it == runs_.end()) return;
    it->second.timer = 0;
    Cancel(id, {ErrorCode::kTimeout,
                "the program in " + it->second.level + " did not end within " +
                    std::to_string((timeout_ms + 999) / 1000) + " s and was killed",
                0});
  });
}

GuestRuns::Run* GuestRuns::Find(const std::string& level, std::uint32_t id) {
  // One level must not answer for another.
  auto it = runs_.find(id);
  return it == runs_.end() || it->second.level != level ? nullptr : &it->second;
}

void GuestRuns::OnOutput(const std::string& level, control::RunOutput output) {
  Run* run = Find(level, output.run);
  if (run == nullptr) return;
  Bytes& stream = output.stream == 2 ? run->result.err : run->result.out;
  if (stream.size() + output.data.size() > kMaxRunOutput) {
    return Cancel(output.run,
                  {ErrorCode::kLimit,
                   "the program in " + level +
                       " printed more than 1 MiB and was killed: let it write to a file "
                       "there",
                   0});
  }
  stream.insert(stream.end(), output.data.begin(), output.data.end());
}

void GuestRuns::OnExit(const std::string& level, const control::RunExit& exit) {
  Run* run = Find(level, exit.run);
  if (run == nullptr) return;
  run->result.status = exit.status;
  Finish(exit.run, std::move(run->result));
}

void GuestRuns::Cancel(std::uint32_t id, Error error) {
  auto it = runs_.find(id);
  if (it == runs_.end()) return;
  send_(it->second.level, control::RunCancel{id});
  Finish(id, std::unexpected(std::move(error)));
}

void GuestRuns::OnAgentGone(const std::string& level) {
  std::vector<std::uint32_t> ids;
  for (const auto& [id, run] : runs_) {
    if (run.level == level) ids.push_back(id);
  }
  for (std::uint32_t id : ids) {
    Finish(id, Fail(ErrorCode::kUnavailable,
                    "the agent of " + level + " went away before the program ended"));
  }
}

void GuestRuns::Finish(std::uint32_t id, Result<RunResult> result) {
  auto node = runs_.extract(id);
  if (node.empty()) return;
  if (node.mapped().timer != 0) g_source_remove(node.mapped().timer);
  node.mapped().done(std::move(result));
}

}  // namespace bulkhead::hostd
