// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace bulkhead::broker {

/// A folder of the test's own, gone with it.
class ScratchFolder {
 public:
  ScratchFolder() {
    char name[] = "/tmp/broker-test-XXXXXX";
    path_ = ::mkdtemp(name);
    ::chmod(path_.c_str(), 0711);
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  /// A file in it, and the folders on the way.
  void Write(const std::string& file, const std::string& text) const {
    std::filesystem::path full = path_ + "/" + file;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full, std::ios::binary) << text;
  }
  [[nodiscard]] std::string Read(const std::string& file) const {
    std::ifstream in(path_ + "/" + file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void Link(const std::string& target, const std::string& link) const {
    std::filesystem::path full = path_ + "/" + link;
    std::filesystem::create_directories(full.parent_path());
    std::filesystem::create_symlink(target, full);
  }

 private:
  std::string path_;
};

}  // namespace bulkhead::broker
