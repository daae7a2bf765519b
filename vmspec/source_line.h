// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "vmspec/model.h"

namespace bulkhead::vmspec {

/// A line of a spec file as it is shown, with where the carets go, in characters of `text`.
struct SourceLine {
  std::string text;  ///< printable; a window of it when the line is long
  std::size_t indent = 0;
  std::size_t carets = 1;
};

/// The line of `origin` in the file's content; empty when there is no such line.
SourceLine ShowLine(std::string_view content, const Origin& origin);

/// The byte of `content` that `origin` is the place of; that of the end when there is none.
std::size_t OffsetOf(std::string_view content, const Origin& origin);

}  // namespace bulkhead::vmspec
