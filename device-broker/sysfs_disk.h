// SPDX-License-Identifier: GPL-2.0-or-later
/// One folder of /sys/block, read. What a device says of itself is hostile text.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace bulkhead::broker {

class SysfsDisk {
 public:
  SysfsDisk(const std::string& sys, std::string name)
      : name_(std::move(name)), folder_(sys + "/block/" + name_) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool IsLoop() const { return name_.starts_with("loop"); }
  /// A kind of disk that people plug in and out, or a loop device that has a file. Never a disk
  /// that is built in.
  [[nodiscard]] bool IsLendable() const;
  /// 0 where there is none.
  [[nodiscard]] std::uint64_t Number(const std::string& attribute) const;
  /// First line, without spaces around it; empty where there is none.
  [[nodiscard]] std::string Text(const std::string& attribute) const;
  /// Of the attribute "dev"; 0 where there is none. @param part  "" or a partition's name
  [[nodiscard]] dev_t DeviceNumber(const std::string& part = "") const;
  [[nodiscard]] std::vector<std::string> Partitions() const;
  /// What is built on it or on a partition: "dm-0", "md127".
  [[nodiscard]] std::vector<std::string> Holders() const;
  [[nodiscard]] std::string Title() const;   ///< printable
  [[nodiscard]] std::string Serial() const;  ///< printable

 private:
  [[nodiscard]] bool IsPluggable() const;
  [[nodiscard]] std::vector<std::string> Ancestors() const;
  std::string name_;
  std::string folder_;
};

/// Names in a folder, sorted; none where it cannot be read.
std::vector<std::string> NamesIn(const std::string& folder);

}  // namespace bulkhead::broker
