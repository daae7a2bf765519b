// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/roles/user_directory.h"

#include <grp.h>
#include <pwd.h>

#include <array>
#include <cerrno>
#include <vector>

namespace bulkhead::hostd {

namespace {

constexpr std::size_t kBuffer = 256UL << 10;
constexpr int kMostGroups = 65'536;

Result<std::vector<gid_t>> GroupsOf(const char* name, gid_t primary) {
  int count = 64;
  for (;;) {
    std::vector<gid_t> all(static_cast<std::size_t>(count));
    int room = count;
    if (::getgrouplist(name, primary, all.data(), &count) >= 0) {
      all.resize(static_cast<std::size_t>(count));
      return all;
    }
    if (count <= room) count = room * 2;
    if (count > kMostGroups) {
      return Fail(ErrorCode::kLimit, std::string(name) + " is in too many groups");
    }
  }
}

}  // namespace

Result<Person> SystemDirectory::Find(uid_t uid) {
  std::vector<char> buffer(kBuffer);
  passwd entry{};
  passwd* found = nullptr;
  int fault = ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  if (fault != 0 && fault != ENOENT && fault != ESRCH) {
    return FailErrno("look up uid " + std::to_string(uid), fault);
  }
  if (found == nullptr) return Person{};
  Person person;
  person.name = found->pw_name;
  auto gids = GroupsOf(found->pw_name, found->pw_gid);
  if (!gids) return Propagate(gids);
  for (gid_t gid : *gids) {
    struct group group{};
    struct group* known = nullptr;
    // A group without a name gives nobody a role.
    if (::getgrgid_r(gid, &group, buffer.data(), buffer.size(), &known) == 0 && known != nullptr) {
      person.groups.insert(known->gr_name);
    }
  }
  return person;
}

}  // namespace bulkhead::hostd
