// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/spec/spec_desk.h"

#include <dirent.h>

#include <cerrno>

#include "hostd/spec/carry_out.h"
#include "hostd/spec/meaning.h"
#include "vmspec/base/clock.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::hostd {

namespace {

template <typename Map>
std::set<std::string> NamesOf(const Map& map) {
  std::set<std::string> names;
  for (const auto& [name, value] : map) names.insert(name);
  return names;
}

std::string FirstError(const std::vector<vmspec::Diagnostic>& diagnostics) {
  for (const auto& d : diagnostics) {
    if (!d.warning) return d.code + " " + d.origin.ToString() + ": " + d.message;
  }
  return {};
}

AppliedSpecPtr WithVersion(AppliedSpec applied, SpecVersion version) {
  applied.version = std::move(version);
  return std::make_shared<const AppliedSpec>(std::move(applied));
}

/// All of them at once: who is told of one, stops it, and is told of the next, asks three times.
Error StopThemFirst(const std::vector<std::string>& levels, const std::string& why) {
  std::string all;
  for (const std::string& name : levels) all += (all.empty() ? "" : " ") + name;
  bool one = levels.size() == 1;
  return {ErrorCode::kBusy,
          (one ? "level " : "levels ") + all + (one ? " is" : " are") +
              " up and the new spec set " + why + ": stop " + (one ? "it" : "them") +
              " first (bulkhead stop " + all + ")",
          0};
}

}  // namespace

Status CheckAgainstLive(const vmspec::SpecSet& now, const vmspec::SpecSet& next,
                        const std::set<std::string>& live) {
  std::vector<std::string> gone;
  std::vector<std::string> moved;
  for (const std::string& name : live) {
    auto old_level = now.levels.find(name);
    auto new_level = next.levels.find(name);
    if (new_level == next.levels.end()) {
      gone.push_back(name);
    } else if (old_level != now.levels.end() &&
               old_level->second.label != new_level->second.label) {
      moved.push_back(name);
    }
  }
  if (!gone.empty()) {
    const char* why = gone.size() == 1 ? "does not have it" : "does not have them";
    return std::unexpected(StopThemFirst(gone, why));
  }
  if (moved.empty()) return {};
  std::string place = next.levels.at(moved[0]).origin.ToString();
  return std::unexpected(StopThemFirst(moved, moved.size() == 1
                                                  ? "gives it another label (" + place + ")"
                                                  : "gives them other labels (" + place + ")"));
}

Result<AppliedSpecPtr> SpecDesk::Number(vmspec::SpecFiles files, vmspec::SpecSet spec) {
  auto levels = book_->Assign(IndexKind::kLevel, NamesOf(spec.levels));
  if (!levels) return Propagate(levels);
  auto flows = book_->Assign(IndexKind::kFlow, NamesOf(spec.flows));
  if (!flows) return Propagate(flows);
  return std::make_shared<const AppliedSpec>(
      AppliedSpec{std::move(files), std::move(spec), std::move(*levels), std::move(*flows)});
}

Result<AppliedSpecPtr> SpecDesk::Load() {
  auto stored = store_->Load();
  if (!stored) return Propagate(stored);
  if (stored->files.empty()) return std::make_shared<const AppliedSpec>();
  vmspec::CheckedSpec checked = check_(stored->files);
  // It was applied once: to lower a thousand levels again would only make hostd late.
  Status good = CanCarryOutSettings(checked);
  if (!checked.ok()) good = Fail(ErrorCode::kInvalid, FirstError(checked.diagnostics));
  if (!good) {
    std::string file = paths_.HostdState() + "/spec";
    return Fail(good.error().code, "the stored spec set does not pass this version's checker (" +
                                       good.error().message +
                                       "), so nothing starts: shut all levels down (restart " +
                                       "this machine), move the set away (mv " + file + " " + file +
                                       ".old), and when hostd is up again apply a mended one");
  }
  auto numbered = Number(std::move(stored->files), std::move(checked.spec));
  if (!numbered) return Propagate(numbered);
  return WithVersion(**numbered, stored->version);
}

/// Numbers of levels that left the set and have no folder (so nothing on disk is their uid's).
/// Those of flows are kept: what lies in a spool outlives its flow, and hostd cannot look there.
Status SpecDesk::ReleaseOld(const vmspec::SpecSet& spec) {
  std::set<std::string> kept = NamesOf(spec.levels);
  std::string folder = paths_.state + "/levels";
  std::unique_ptr<DIR, decltype([](DIR* d) { ::closedir(d); })> dir(::opendir(folder.c_str()));
  if (!dir) return FailErrno("opendir " + folder);
  while (const dirent* entry = ::readdir(dir.get())) {
    if (entry->d_name[0] != '.') kept.insert(entry->d_name);
  }
  return book_->Retain(IndexKind::kLevel, kept);
}

Status SpecDesk::Record(const ApplyOrder& order, const std::string& outcome,
                        const std::string& reason) {
  AuditDetail detail = {{"sha256", DigestOf(order.files)},
                        {"files", std::to_string(order.files.size())}};
  if (order.rollback_of != 0) detail.emplace_back("version", std::to_string(order.rollback_of));
  if (!order.comment.empty()) detail.emplace_back("comment", order.comment);
  if (!reason.empty()) detail.emplace_back("reason", reason);
  const char* action = order.rollback_of != 0 ? "spec.rollback" : "spec.apply";
  return audit_->Append(order.caller.actor, action, "spec", outcome, detail);
}

/// Everything but the checker's own faults.
Status SpecDesk::Judge(const ApplyOrder& order, const vmspec::CheckedSpec& checked,
                       const AppliedSpecPtr& now, const std::set<std::string>& live) {
  if (order.comment.size() > kMostComment) {
    return Fail(ErrorCode::kInvalid, "the comment is longer than " + std::to_string(kMostComment) +
                                         " bytes: say it shorter");
  }
  if (Status able = CanCarryOut(checked); !able) return able;
  if (Status may = MayEdit(now->spec, checked.spec, order.caller); !may) return may;
  if (Status fits = CheckAgainstLive(now->spec, checked.spec, live); !fits) return fits;
  return approvals_->Judge(order.caller, now->spec, checked.spec);
}

Result<std::vector<Approval>> SpecDesk::Approve(const Caller& caller,
                                                const vmspec::SpecFiles& files) {
  vmspec::CheckedSpec checked = check_(files);
  if (!checked.ok()) {
    return Fail(ErrorCode::kInvalid,
                "the set has faults (" + FirstError(checked.diagnostics) +
                    "), so nothing of it is approved: bulkhead spec check shows them all");
  }
  return approvals_->Approve(caller, checked.spec);
}

Result<SpecOutcome> SpecDesk::Apply(const ApplyOrder& order, const AppliedSpecPtr& now,
                                    const std::set<std::string>& live) {
  vmspec::CheckedSpec checked = check_(order.files);
  if (!checked.ok()) {
    std::string reason = FirstError(checked.diagnostics);
    if (Status s = Record(order, "refused", reason); !s) return Propagate(s);
    return SpecOutcome{order.files, std::move(checked.diagnostics), nullptr, {}};
  }
  if (Status good = Judge(order, checked, now, live); !good) {
    if (Status s = Record(order, "refused", good.error().message); !s) return Propagate(s);
    return Propagate(good);
  }
  if (Status s = Record(order, "allowed", ""); !s) return Propagate(s);
  return Store(order, std::move(checked));
}

Result<SpecOutcome> SpecDesk::Store(const ApplyOrder& order, vmspec::CheckedSpec checked) {
  auto applied = Number(order.files, std::move(checked.spec));
  if (!applied) return Propagate(applied);
  VersionNote note{UnixMs(), order.caller.actor, Printable(order.comment, kMostComment - 3),
                   order.rollback_of};
  auto saved = store_->Save(order.files, note);
  if (!saved) return Propagate(saved);
  if (!saved->dropped.empty()) {
    // They are gone; a log that cannot be written changes nothing any more.
    (void)audit_->Append("hostd", "spec.history", "spec", "done",
                         {{"dropped", SayDropped(saved->dropped)}});
  }
  // The set is stored and holds; a number that is kept too long costs nothing.
  (void)ReleaseOld((*applied)->spec);
  return SpecOutcome{order.files, std::move(checked.diagnostics),
                     WithVersion(**applied, saved->version), std::move(saved->dropped)};
}

Result<SpecOutcome> SpecDesk::Rollback(const Caller& caller, std::uint32_t version,
                                       const std::string& comment, const AppliedSpecPtr& now,
                                       const std::set<std::string>& live) {
  auto stored = store_->Version(version);
  if (!stored) return Propagate(stored);
  return Apply({caller, std::move(stored->files), comment, version}, now, live);
}

}  // namespace bulkhead::hostd
