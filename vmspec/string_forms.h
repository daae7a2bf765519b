// SPDX-License-Identifier: GPL-2.0-or-later
/// The forms of schema.h that are texts of a certain shape.
#pragma once

#include <string_view>

#include "vmspec/schema.h"

namespace bulkhead::vmspec {

struct StringForm {
  bool (*holds)(std::string_view text);
  std::string_view code;
  std::string_view fault;  ///< follows the text: "is no colour"
  std::string_view help;
};

/// nullptr for forms that are no text, or whose reader has a shape of its own (sizes, words ...).
const StringForm* FindStringForm(Form form);

}  // namespace bulkhead::vmspec
