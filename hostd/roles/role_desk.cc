// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/roles/role_desk.h"

#include <algorithm>

namespace bulkhead::hostd {

namespace {

constexpr unsigned kThreads = 2;
constexpr std::size_t kMostKnown = 1024;

std::map<std::string, vmspec::HostRole> RolesIn(const vmspec::Host& host) {
  std::map<std::string, vmspec::HostRole> roles = host.roles;
  for (const auto& [name, group] : {std::pair{"user", kUserGroup}, std::pair{"admin", kAdminGroup},
                                    std::pair{"audit", kAuditGroup}}) {
    roles.try_emplace(name, vmspec::HostRole{name, {group}, {}, {}});
  }
  return roles;
}

}  // namespace

std::set<std::string> RolesOf(const vmspec::Host& host, uid_t uid, const Person& person) {
  if (uid == 0) return {"user", "admin"};
  std::set<std::string> mine;
  if (person.name.empty()) return mine;
  for (const auto& [name, role] : RolesIn(host)) {
    bool has = std::ranges::find(role.users, person.name) != role.users.end() ||
               std::ranges::any_of(
                   role.groups, [&](const auto& group) { return person.groups.contains(group); });
    if (has) mine.insert(name);
  }
  return mine;
}

RoleDesk::RoleDesk(std::unique_ptr<UserDirectory> directory, Clock now_ms)
    : directory_(std::move(directory)),
      now_ms_(std::move(now_ms)),
      lookups_(std::make_unique<Work>(kThreads)) {}

void RoleDesk::Identify(uid_t uid, Done done) {
  if (uid == 0) return done(Person{"root", {}});
  auto known = known_.find(uid);
  if (known != known_.end() && now_ms_() < known->second.until_ms) {
    return done(known->second.person);
  }
  auto question = asked_.find(uid);
  std::size_t waiting = question == asked_.end() ? asked_.size() : question->second.waiting.size();
  if (waiting >= kMostWaiting) {
    return done(Fail(ErrorCode::kBusy, "too many callers wait for the directory of users"));
  }
  bool first = question == asked_.end();
  Question& q = asked_[uid];
  q.waiting.push_back(std::move(done));
  if (!q.deadline) {
    q.deadline = std::make_shared<Timer>();
    q.deadline->Set(kDeadlineMs, [this, uid] { Late(uid); });
  }
  if (!first) return;
  lookups_->Do([directory = directory_, uid] { return directory->Find(uid); },
               [this, uid](const Result<Person>& person) { OnAnswer(uid, person); });
}

void RoleDesk::OnAnswer(uid_t uid, const Result<Person>& person) {
  auto node = asked_.extract(uid);
  if (person) {
    if (known_.size() >= kMostKnown) known_.clear();
    known_[uid] = {*person, now_ms_() + kCacheMs};
  }
  if (!node) return;
  for (const Done& done : node.mapped().waiting) done(person);
}

/// The question stays asked, so that no second thread hangs on it.
void RoleDesk::Late(uid_t uid) {
  auto question = asked_.find(uid);
  if (question == asked_.end()) return;
  std::vector<Done> waiting = std::move(question->second.waiting);
  question->second.waiting.clear();
  // This runs inside the timer: it may go only afterwards.
  Work::ToMain([timer = std::move(question->second.deadline)] {});
  for (const Done& done : waiting) {
    done(Fail(ErrorCode::kTimeout, "the machine's directory of users does not say who uid " +
                                       std::to_string(uid) +
                                       " is, so nothing is done for it: try again"));
  }
}

}  // namespace bulkhead::hostd
