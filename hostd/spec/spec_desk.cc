// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/spec/spec_desk.h"

#include <dirent.h>

#include <cerrno>

namespace bulkhead::hostd {

namespace {

template <typename Map>
std::set<std::string> NamesOf(const Map& map) {
  std::set<std::string> names;
  for (const auto& [name, value] : map) names.insert(name);
  return names;
}

/// What a person can compare with the files they applied.
std::string DigestOf(const vmspec::SpecFiles& files) {
  Sha256 hash;
  auto add = [&](const std::string& text) {
    Writer w;
    w.Str(text);
    hash.Update(w.bytes());
  };
  for (const auto& [path, content] : files) {
    add(path);
    add(content);
  }
  return Hex(hash.Finish());
}

std::string FirstError(const std::vector<vmspec::Diagnostic>& diagnostics) {
  for (const auto& d : diagnostics) {
    if (!d.warning) return d.code + " " + d.origin.ToString() + ": " + d.message;
  }
  return {};
}

}  // namespace

Status CheckAgainstLive(const vmspec::SpecSet& now, const vmspec::SpecSet& next,
                        const std::set<std::string>& live) {
  for (const std::string& name : live) {
    auto old_level = now.levels.find(name);
    auto new_level = next.levels.find(name);
    if (new_level == next.levels.end()) {
      return Fail(ErrorCode::kBusy, "level " + name +
                                        " is up and the new spec set does not have it: stop it "
                                        "first (bulkhead stop " +
                                        name + ")");
    }
    if (old_level != now.levels.end() && old_level->second.label != new_level->second.label) {
      return Fail(ErrorCode::kBusy, "level " + name +
                                        " is up and the new spec set gives it another label (" +
                                        new_level->second.origin.ToString() +
                                        "): stop it first (bulkhead stop " + name + ")");
    }
  }
  return {};
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
  auto files = store_->Load();
  if (!files) return Propagate(files);
  if (files->empty()) return std::make_shared<const AppliedSpec>();
  vmspec::CheckedSpec checked = vmspec::CheckSpec(*files);
  if (!checked.ok()) {
    return Fail(
        ErrorCode::kInvalid,
        "the stored spec set does not pass this version's checker (" +
            FirstError(checked.diagnostics) +
            "): mend it and apply it again (bulkhead spec apply); until then nothing starts");
  }
  return Number(std::move(*files), std::move(checked.spec));
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

Result<SpecOutcome> SpecDesk::Apply(const std::string& actor, const vmspec::SpecFiles& files,
                                    const AppliedSpecPtr& now, const std::set<std::string>& live) {
  vmspec::CheckedSpec checked = vmspec::CheckSpec(files);
  AuditDetail detail = {{"sha256", DigestOf(files)}, {"files", std::to_string(files.size())}};
  auto refuse = [&](const std::string& reason) {
    detail.emplace_back("reason", reason);
    return audit_->Append(actor, "spec.apply", "spec", "refused", detail);
  };
  if (!checked.ok()) {
    if (Status s = refuse(FirstError(checked.diagnostics)); !s) return Propagate(s);
    return SpecOutcome{std::move(checked.diagnostics), nullptr};
  }
  if (Status fits = CheckAgainstLive(now->spec, checked.spec, live); !fits) {
    if (Status s = refuse(fits.error().message); !s) return Propagate(s);
    return Propagate(fits);
  }
  if (Status s = audit_->Append(actor, "spec.apply", "spec", "allowed", detail); !s) {
    return Propagate(s);
  }
  auto applied = Number(files, std::move(checked.spec));
  if (!applied) return Propagate(applied);
  if (Status s = store_->Save(files); !s) return Propagate(s);
  if (Status s = ReleaseOld((*applied)->spec); !s) return Propagate(s);
  return SpecOutcome{std::move(checked.diagnostics), std::move(*applied)};
}

}  // namespace bulkhead::hostd
