// SPDX-License-Identifier: GPL-2.0-or-later
/// Questions to a person at a terminal.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "hostd/cli/context.h"

namespace bulkhead::cli {

/// A value that comes from an option, from the person, or is the proposed one.
struct Question {
  std::string_view option;         ///< "--rank"
  std::string_view title;          ///< "Rank"
  std::string explanation;         ///< one line
  std::string proposed;            ///< taken when nothing is said; may be empty
  std::string_view no_value = {};  ///< what stands for an empty `proposed`: "none"
  /// Takes the text over; an error says what is wrong with it, for the person to say it again.
  std::function<Status(const std::string&)> take;
};

/// One line from `fd` without its end. kNotFound at the end of the input, kLimit above 4,096 bytes.
Result<std::string> ReadLine(int fd);

/// Asks until `take` is content. kInvalid: the person went away.
Status Ask(const Context& context, const Question& question);

}  // namespace bulkhead::cli
