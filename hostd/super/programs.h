// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "vmspec/base/error.h"

namespace bulkhead::super {

/// Where our programs lie: one folder when installed, a folder each in a build tree.
class Programs {
 public:
  /// @param folders  looked through in this order.
  explicit Programs(std::vector<std::string> folders) : folders_(std::move(folders)) {}

  /// From `libexec` (a colon list, may be empty), else from BULKHEAD_LIBEXEC, else beside this very
  /// program and where its build tree has the others.
  static Programs Locate(const std::string& libexec);

  /// The absolute path of the first that may be run; kNotFound names all places looked at.
  [[nodiscard]] Result<std::string> Find(const std::string& name) const;

 private:
  std::vector<std::string> folders_;
};

}  // namespace bulkhead::super
