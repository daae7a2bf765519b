// SPDX-License-Identifier: GPL-2.0-or-later
/// Which levels somebody wants to run, and how far they had come: the one thing about a level's run
/// that libvirt, the kernel and the agent cannot tell a hostd that was killed. Durable for the boot
/// of the host; a file of an earlier boot says nothing.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "vmspec/base/error.h"

namespace bulkhead::hostd {

enum class RunMark { kStarting, kPaused, kRunning };

/// Any thread may call any member.
class RunBook {
 public:
  using Marks = std::map<std::string, RunMark>;

  /// A file that is missing, of another boot or damaged is an empty book: what runs is found in
  /// libvirt, and what does not is not started by itself.
  RunBook(std::string path, std::string boot_id);

  /// Durable when it returns. After an error the mark is as before.
  Status Set(const std::string& level, RunMark mark);
  Status Clear(const std::string& level);
  /// Set() to running, unless the mark was cleared meanwhile: the word that a level is ready can be
  /// slower than its end.
  Status SetRunning(const std::string& level);
  [[nodiscard]] Marks marks() const;

 private:
  Status Store(Marks marks);
  const std::string path_;
  const std::string boot_id_;
  mutable std::mutex mutex_;
  Marks marks_;  ///< guarded by mutex_
};

}  // namespace bulkhead::hostd
