// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/unit_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <sstream>

#include "vmspec/base/file.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::super {

namespace {

constexpr std::string_view kOwnMark = "--- ";

std::string Now() {
  std::time_t now = std::time(nullptr);
  std::tm tm{};
  ::gmtime_r(&now, &tm);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
  return text;
}

}  // namespace

void UnitLog::Append(const std::string& unit, std::string_view text) {
  Echo(unit, text);
  Write(unit, text);
}

void UnitLog::Note(const std::string& unit, std::string_view sentence) {
  Echo(unit, sentence);
  Write(unit, std::string(kOwnMark) + Now() + " " + std::string(sentence) + "\n");
}

void UnitLog::Write(const std::string& unit, std::string_view text) const {
  std::string path = PathOf(unit);
  text = text.substr(0, kMaxLogBytes);
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640));
  struct stat now{};
  if (fd && ::fstat(fd.get(), &now) == 0 &&
      static_cast<std::size_t>(now.st_size) + text.size() > kMaxLogBytes) {
    (void)std::rename(path.c_str(), (path + ".1").c_str());
    fd.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640));
  }
  if (fd) (void)WriteFully(fd.get(), text.data(), text.size());
}

void UnitLog::Echo(const std::string& unit, std::string_view text) const {
  if (!echo_) return;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::fprintf(stderr, "%s: %s\n", unit.c_str(), Printable(line).c_str());
  }
}

std::string UnitLog::LastLine(const std::string& unit) const {
  auto text = ReadFile(PathOf(unit), kMaxLogBytes);
  if (!text) return {};
  std::istringstream lines(*text);
  std::string last;
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && !line.starts_with(kOwnMark)) last = line;
  }
  return last;
}

}  // namespace bulkhead::super
