// SPDX-License-Identifier: GPL-2.0-or-later
#include "device-broker/host_use.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "vmspec/base/sanitize.h"

namespace bulkhead::broker {

namespace {

constexpr std::size_t kMaxTableBytes = 32U << 20;

Result<std::string> ReadFromStart(int fd, const char* name) {
  if (::lseek(fd, 0, SEEK_SET) != 0) return FailErrno(std::string("rewind ") + name);
  std::string text;
  char buffer[65536];
  for (;;) {
    ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n == 0) return text;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(std::string("read ") + name);
    if (text.size() + static_cast<std::size_t>(n) > kMaxTableBytes) {
      return Fail(ErrorCode::kLimit, std::string(name) + " is too long to be judged");
    }
    text.append(buffer, static_cast<std::size_t>(n));
  }
}

std::vector<std::string> Words(const std::string& line) {
  std::vector<std::string> words;
  std::istringstream in(line);
  for (std::string word; in >> word;) words.push_back(std::move(word));
  return words;
}

std::vector<std::vector<std::string>> Lines(std::string_view text) {
  std::vector<std::vector<std::string>> lines;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) lines.push_back(Words(line));
  return lines;
}

}  // namespace

std::vector<Mount> ParseMountinfo(std::string_view text) {
  std::vector<Mount> mounts;
  for (const auto& words : Lines(text)) {
    unsigned major = 0;
    unsigned minor = 0;
    // id parent MAJOR:MINOR root POINT options optional... - type SOURCE super-options
    auto dash = std::ranges::find(words, "-");
    if (words.size() < 5 || words.end() - dash < 3) continue;
    if (std::sscanf(words[2].c_str(), "%u:%u", &major, &minor) != 2) continue;
    mounts.push_back({makedev(major, minor), words[4], dash[2]});
  }
  return mounts;
}

std::vector<std::string> ParseSwaps(std::string_view text) {
  std::vector<std::string> paths;
  for (const auto& words : Lines(text)) {
    if (!words.empty() && words[0].starts_with("/")) paths.push_back(words[0]);
  }
  return paths;
}

Result<HostUse> HostUse::Open(const std::string& mountinfo, const std::string& swaps) {
  UniqueFd mounts(::open(mountinfo.c_str(), O_RDONLY | O_CLOEXEC));
  if (!mounts) return FailErrno("open " + mountinfo);
  UniqueFd swap(::open(swaps.c_str(), O_RDONLY | O_CLOEXEC));
  if (!swap && errno != ENOENT) return FailErrno("open " + swaps);
  HostUse use(std::move(mounts), std::move(swap));
  if (Status read = use.Refresh(); !read) return Propagate(read);
  return use;
}

Status HostUse::Refresh() {
  auto mounts = ReadFromStart(mountinfo_.get(), "the table of mounts");
  if (!mounts) return Propagate(mounts);
  mounts_ = ParseMountinfo(*mounts);
  if (!swaps_) return {};
  auto swaps = ReadFromStart(swaps_.get(), "the table of swaps");
  if (!swaps) return Propagate(swaps);
  swap_paths_ = ParseSwaps(*swaps);
  return {};
}

std::optional<std::string> HostUse::Of(dev_t device, const std::string& name) const {
  for (const Mount& mount : mounts_) {
    // By name too: btrfs and others show a device number of their own.
    if (mount.device == device || mount.source == name) {
      return "mounted on " + Printable(mount.point, 128);
    }
  }
  for (const std::string& path : swap_paths_) {
    struct stat at{};
    if (path == name ||
        (::stat(path.c_str(), &at) == 0 && S_ISBLK(at.st_mode) && at.st_rdev == device)) {
      return "swap";
    }
  }
  return std::nullopt;
}

}  // namespace bulkhead::broker
