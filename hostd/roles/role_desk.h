// SPDX-License-Identifier: GPL-2.0-or-later
/// From a caller's uid to the roles that it has by the spec set in force.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "hostd/level/timer.h"
#include "hostd/roles/caller.h"
#include "hostd/roles/user_directory.h"
#include "hostd/work.h"
#include "vmspec/model.h"

namespace bulkhead::hostd {

/// Groups of the built-in roles, for a set that says nothing else of them.
inline constexpr char kUserGroup[] = "bulkhead-user";
inline constexpr char kAdminGroup[] = "bulkhead-admin";
inline constexpr char kAuditGroup[] = "bulkhead-audit";

/// root is user and admin, whatever the set says, so that nobody is locked out; it does not get
/// audit, nor roles of the set. Others: by their groups and names. Pure.
std::set<std::string> RolesOf(const vmspec::Host& host, uid_t uid, const Person& person);

/// Main-loop thread only, but for Ask.
class RoleDesk {
 public:
  static constexpr std::int64_t kCacheMs = 3000;  ///< who leaves a group is heard that much longer
  static constexpr std::uint32_t kDeadlineMs = 5000;
  static constexpr std::size_t kMostWaiting = 256;

  using Done = std::function<void(Result<Person>)>;
  using Clock = std::function<std::int64_t()>;  ///< monotonic, ms

  RoleDesk(std::unique_ptr<UserDirectory> directory, Clock now_ms);

  /// Answers from what it learned a moment ago, or asks the directory on a thread of its own: a
  /// directory that hangs holds up nobody but those it should name. kTimeout: it does not answer;
  /// kBusy: too many wait for it. root needs no directory.
  void Identify(uid_t uid, Done done);

  /// The directory itself, now. Blocking: for worker threads.
  Result<Person> Ask(uid_t uid) const { return directory_->Find(uid); }

 private:
  struct Known {
    Person person;
    std::int64_t until_ms = 0;
  };
  struct Question {
    std::vector<Done> waiting;
    std::shared_ptr<Timer> deadline;
  };
  void OnAnswer(uid_t uid, const Result<Person>& person);
  void Late(uid_t uid);

  std::shared_ptr<UserDirectory> directory_;
  Clock now_ms_;
  std::map<uid_t, Known> known_;
  std::map<uid_t, Question> asked_;  ///< a thread is asking, or will
  std::unique_ptr<Work> lookups_;    ///< last: its threads end first
};

}  // namespace bulkhead::hostd
