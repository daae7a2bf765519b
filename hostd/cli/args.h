// SPDX-License-Identifier: GPL-2.0-or-later
/// The command line as values. Pure.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vmspec/base/error.h"

namespace bulkhead::cli {

struct Option {
  std::string_view name;   ///< "--force"
  std::string_view value;  ///< what stands for its value in help ("S"); empty: a switch
  std::string_view help;
  std::string_view alias = {};  ///< "-n"
};

struct Arguments {
  std::vector<std::string> positional;  ///< all before "--"
  std::vector<std::string> rest;        ///< all after "--"
  bool has_rest = false;                ///< "--" stood there
  std::map<std::string, std::string, std::less<>> options;

  [[nodiscard]] bool Has(std::string_view option) const { return options.contains(option); }
  [[nodiscard]] std::string Value(std::string_view option) const {
    auto found = options.find(option);
    return found == options.end() ? "" : found->second;
  }
};

/// Sorts `words` by `known` options: "--name value", "--name=value", "-n value". An option may
/// stand anywhere before "--". Every error is kInvalid and names the word.
Result<Arguments> ParseArguments(std::span<const std::string> words, std::span<const Option> known);

/// A whole number from `least` to `most`; kInvalid names the option and the range.
Result<unsigned> NumberIn(std::string_view option, std::string_view text, unsigned least,
                          unsigned most);

/// `: did you mean "low"?` when `word` is a slip away from one of `known`, else empty.
std::string Suggestion(std::string_view word, std::span<const std::string> known);

}  // namespace bulkhead::cli
