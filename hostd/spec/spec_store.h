// SPDX-License-Identifier: GPL-2.0-or-later
/// The applied spec set on disk, as one file: the set is there whole or as it was before.
#pragma once

#include <string>

#include "vmspec/base/error.h"
#include "vmspec/spec.h"

namespace bulkhead::hostd {

/// Any thread; not two Saves at once.
class SpecStore {
 public:
  /// @param path  Paths.HostdState() + "/spec"; its folder must be there.
  explicit SpecStore(std::string path) : path_(std::move(path)) {}

  /// Makes `files` the stored set, durably. After an error the set before is still there.
  /// kLimit: the disk is full, or the set is larger than a checked set can be.
  Status Save(const vmspec::SpecFiles& files);

  /// The stored set; empty when none was ever saved. The text was checked when it was applied:
  /// check it again, a newer program may be stricter. kCorrupt: not what Save wrote; the message
  /// says the way out. Nothing may be started then.
  [[nodiscard]] Result<vmspec::SpecFiles> Load() const;

 private:
  const std::string path_;
};

}  // namespace bulkhead::hostd
