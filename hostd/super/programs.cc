// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/programs.h"

#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <memory>

namespace bulkhead::super {

namespace {

std::string OwnFolder() {
  char path[PATH_MAX];
  ssize_t n = ::readlink("/proc/self/exe", path, sizeof path);
  if (n <= 0) return "/";
  std::string self(path, static_cast<std::size_t>(n));
  return self.substr(0, self.rfind('/'));
}

std::vector<std::string> Split(const std::string& list) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= list.size();) {
    std::size_t colon = std::min(list.find(':', at), list.size());
    if (at < list.size() && list[at] == '/') out.push_back(list.substr(at, colon - at));
    at = colon + 1;
  }
  return out;
}

}  // namespace

Programs Programs::Locate(const std::string& libexec) {
  const char* from_env = std::getenv("BULKHEAD_LIBEXEC");
  std::string list = !libexec.empty() ? libexec : from_env != nullptr ? from_env : "";
  std::vector<std::string> folders = Split(list);
  if (folders.empty()) {
    std::string own = OwnFolder();
    folders.push_back(own);
    // own is BUILD/hostd/super.
    for (const char* other :
         {"/../agentd", "/..", "/../../netpolicy", "/../../device-broker", "/../../diode"}) {
      folders.push_back(own + other);
    }
  }
  // libvirt's and the message bus' own.
  folders.insert(folders.end(), {"/usr/sbin", "/usr/bin"});
  return Programs(std::move(folders));
}

Result<std::string> Programs::Find(const std::string& name) const {
  std::string looked;
  for (const auto& folder : folders_) {
    std::string path = folder + "/" + name;
    std::unique_ptr<char, decltype([](char* p) { std::free(p); })> real(
        ::realpath(path.c_str(), nullptr));
    if (real && ::access(real.get(), X_OK) == 0) return std::string(real.get());
    looked += (looked.empty() ? "" : ", ") + folder;
  }
  return Fail(ErrorCode::kNotFound, "the program " + name + " is in none of " + looked +
                                        "; build or install it, or name its folder with --libexec");
}

}  // namespace bulkhead::super
