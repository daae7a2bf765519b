// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/cli/args.h"

#include <algorithm>
#include <charconv>

#include "vmspec/base/sanitize.h"
#include "vmspec/did_you_mean.h"

namespace bulkhead::cli {

namespace {

const Option* FindOption(std::string_view name, std::span<const Option> known) {
  auto found = std::ranges::find_if(known, [&](const Option& o) {
    return o.name == name || (!o.alias.empty() && o.alias == name);
  });
  return found == known.end() ? nullptr : &*found;
}

std::unexpected<Error> Unknown(std::string_view name, std::span<const Option> known) {
  std::vector<std::string> names;
  for (const Option& option : known) names.emplace_back(option.name);
  std::string message = "unknown option " + Printable(name);
  return Fail(ErrorCode::kInvalid, message + Suggestion(name, names));
}

/// Reads the option at words[i]; moves i to its value when that is a word of its own.
Status TakeOption(std::span<const std::string> words, std::size_t& i, std::span<const Option> known,
                  Arguments& out) {
  std::string_view word = words[i];
  auto equals = word.find('=');
  std::string_view name = word.substr(0, equals);
  const Option* option = FindOption(name, known);
  if (option == nullptr) return Unknown(name, known);
  std::string& value = out.options[std::string(option->name)];
  if (option->value.empty()) {
    if (equals == std::string_view::npos) return {};
    return Fail(ErrorCode::kInvalid, std::string(name) + " takes no value");
  }
  if (equals != std::string_view::npos) {
    value = word.substr(equals + 1);
  } else if (i + 1 < words.size()) {
    value = words[++i];
  } else {
    return Fail(ErrorCode::kInvalid, std::string(name) + " needs a value: " + std::string(name) +
                                         " " + std::string(option->value));
  }
  return {};
}

}  // namespace

Result<Arguments> ParseArguments(std::span<const std::string> words,
                                 std::span<const Option> known) {
  Arguments out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      out.has_rest = true;
      out.rest.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (word.size() < 2 || word[0] != '-') {
      out.positional.push_back(word);
    } else if (Status taken = TakeOption(words, i, known, out); !taken) {
      return Propagate(taken);
    }
  }
  return out;
}

Result<unsigned> NumberIn(std::string_view option, std::string_view text, unsigned least,
                          unsigned most) {
  unsigned value = 0;
  auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && stop == text.data() + text.size() && value >= least &&
      value <= most) {
    return value;
  }
  return Fail(ErrorCode::kInvalid, std::string(option) + " " + Printable(text) +
                                       ": give a whole number from " + std::to_string(least) +
                                       " to " + std::to_string(most));
}

std::string Suggestion(std::string_view word, std::span<const std::string> known) {
  std::string meant = vmspec::DidYouMean(word, known);
  return meant.empty() ? "" : ": " + Printable(meant);
}

}  // namespace bulkhead::cli
