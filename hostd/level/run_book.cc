// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/level/run_book.h"

#include <sstream>

#include "vmspec/base/file.h"

namespace bulkhead::hostd {

namespace {

constexpr std::size_t kMaxBytes = 1 << 20;

const char* MarkName(RunMark mark) {
  switch (mark) {
    case RunMark::kStarting:
      return "starting";
    case RunMark::kPaused:
      return "paused";
    case RunMark::kRunning:
      break;
  }
  return "running";
}

/// "boot ID" and then a line "LEVEL MARK" each.
RunBook::Marks Parse(const std::string& text, const std::string& boot_id) {
  std::istringstream in(text);
  std::string key;
  std::string value;
  RunBook::Marks marks;
  if (!(in >> key >> value) || key != "boot" || value != boot_id) return {};
  while (in >> key >> value) {
    for (RunMark mark : {RunMark::kStarting, RunMark::kPaused, RunMark::kRunning}) {
      if (value == MarkName(mark)) marks[key] = mark;
    }
  }
  return marks;
}

}  // namespace

RunBook::RunBook(std::string path, std::string boot_id)
    : path_(std::move(path)), boot_id_(std::move(boot_id)) {
  if (auto text = ReadFile(path_, kMaxBytes)) marks_ = Parse(*text, boot_id_);
}

Status RunBook::Store(Marks marks) {
  std::string text = "boot " + boot_id_ + "\n";
  for (const auto& [level, mark] : marks) text += level + " " + MarkName(mark) + "\n";
  if (Status s = WriteFileAtomically(path_, text, 0600); !s) return s;
  marks_ = std::move(marks);
  return {};
}

Status RunBook::Set(const std::string& level, RunMark mark) {
  std::lock_guard lock(mutex_);
  auto it = marks_.find(level);
  if (it != marks_.end() && it->second == mark) return {};
  Marks marks = marks_;
  marks[level] = mark;
  return Store(std::move(marks));
}

Status RunBook::SetRunning(const std::string& level) {
  std::lock_guard lock(mutex_);
  auto it = marks_.find(level);
  if (it == marks_.end() || it->second == RunMark::kRunning) return {};
  Marks marks = marks_;
  marks[level] = RunMark::kRunning;
  return Store(std::move(marks));
}

Status RunBook::Clear(const std::string& level) {
  std::lock_guard lock(mutex_);
  if (!marks_.contains(level)) return {};
  Marks marks = marks_;
  marks.erase(level);
  return Store(std::move(marks));
}

RunBook::Marks RunBook::marks() const {
  std::lock_guard lock(mutex_);
  return marks_;
}

}  // namespace bulkhead::hostd
