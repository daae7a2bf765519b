// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/access_list.h"

#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace bulkhead::super {

namespace {

constexpr std::uint32_t kNobody = static_cast<std::uint32_t>(ACL_UNDEFINED_ID);
constexpr char kAccess[] = "system.posix_acl_access";
constexpr std::uint16_t kReadWrite = ACL_READ | ACL_WRITE;

void Append(std::string& out, const void* bytes, std::size_t size) {
  out.append(static_cast<const char*>(bytes), size);
}

void AppendEntry(std::string& out, std::uint16_t tag, std::uint16_t rights, std::uint32_t id) {
  posix_acl_xattr_entry entry{htole16(tag), htole16(rights), htole32(id)};
  Append(out, &entry, sizeof entry);
}

/// As the kernel takes it: posix_acl_xattr.h, users in rising order.
std::string Encoded(std::vector<uid_t> users) {
  std::ranges::sort(users);
  posix_acl_xattr_header header{htole32(POSIX_ACL_XATTR_VERSION)};
  std::string out;
  Append(out, &header, sizeof header);
  AppendEntry(out, ACL_USER_OBJ, kReadWrite, kNobody);
  for (uid_t uid : users) AppendEntry(out, ACL_USER, kReadWrite, uid);
  AppendEntry(out, ACL_GROUP_OBJ, kReadWrite, kNobody);
  AppendEntry(out, ACL_MASK, kReadWrite, kNobody);
  AppendEntry(out, ACL_OTHER, 0, kNobody);
  return out;
}

Status Set(const std::string& path, const char* attribute, std::vector<uid_t> users) {
  std::string bytes = Encoded(std::move(users));
  if (::setxattr(path.c_str(), attribute, bytes.data(), bytes.size(), 0) == 0) return {};
  return FailErrno("set the access list of " + path);
}

}  // namespace

Status SetAccess(const std::string& path, std::vector<uid_t> users) {
  return Set(path, kAccess, std::move(users));
}

Status RemoveAccess(const std::string& path) {
  if (::removexattr(path.c_str(), kAccess) == 0) return {};
  if (errno == ENODATA || errno == ENOTSUP) return {};
  return FailErrno("remove the access list of " + path);
}

Status SetDefaultAccess(const std::string& folder, std::vector<uid_t> users) {
  return Set(folder, "system.posix_acl_default", std::move(users));
}

}  // namespace bulkhead::super
