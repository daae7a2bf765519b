// SPDX-License-Identifier: GPL-2.0-or-later
/// From words to a handler, and from its end to an exit code.
#include <algorithm>
#include <ostream>
#include <vector>

#include "hostd/cli/command.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::cli {

namespace {

/// A command found, and the words that are left for it.
struct Found {
  const Command* command = nullptr;
  std::vector<std::string> words;
};

bool TakesValue(std::string_view word) {
  return std::ranges::any_of(GlobalOptions(),
                             [&](const Option& o) { return o.name == word && !o.value.empty(); });
}

/// Positions of the words before "--" that are no options and no options' values; global options
/// may stand before the command.
std::vector<std::size_t> PlainWords(std::span<const std::string> words) {
  std::vector<std::size_t> plain;
  for (std::size_t i = 0; i < words.size() && words[i] != "--" && plain.size() < 2; ++i) {
    if (TakesValue(words[i])) {
      ++i;
    } else if (!words[i].starts_with('-')) {
      plain.push_back(i);
    }
  }
  return plain;
}

const Command* Named(std::string_view name) {
  auto found = std::ranges::find(Commands(), name, &Command::name);
  return found == Commands().end() ? nullptr : &*found;
}

std::string SubcommandsOf(const std::string& group) {
  std::string all;
  for (const Command& command : Commands()) {
    if (command.name.starts_with(group + " ")) {
      all += (all.empty() ? "" : ", ") + std::string(command.name);
    }
  }
  return all;
}

std::unexpected<Error> UnknownCommand(const std::string& word, const std::string& second) {
  std::vector<std::string> names;
  for (const Command& command : Commands()) names.emplace_back(command.name);
  std::string group = SubcommandsOf(word);
  if (!group.empty() && second.empty()) {
    return Fail(ErrorCode::kInvalid, word + " what? Give one of: " + group);
  }
  std::string both = word + (second.empty() ? "" : " " + second);
  std::string message = "unknown command " + Printable(group.empty() ? word : both, 80);
  for (const std::string& tried : {both, word}) {
    std::string meant = Suggestion(tried, names);
    if (!meant.empty()) return Fail(ErrorCode::kInvalid, message + meant);
  }
  if (!group.empty()) return Fail(ErrorCode::kInvalid, message + ": give one of: " + group);
  return Fail(ErrorCode::kInvalid, message + ": see bulkhead help");
}

Result<Found> FindCommand(std::span<const std::string> words) {
  std::vector<std::size_t> plain = PlainWords(words);
  if (plain.empty()) return Found{};
  const std::string& first = words[plain[0]];
  std::string second = plain.size() > 1 ? words[plain[1]] : "";
  Found found;
  found.words.assign(words.begin(), words.end());
  if ((found.command = Named(first + " " + second)) != nullptr) {
    found.words.erase(found.words.begin() + static_cast<std::ptrdiff_t>(plain[1]));
  } else if ((found.command = Named(first)) == nullptr) {
    return UnknownCommand(first, second);
  }
  found.words.erase(found.words.begin() + static_cast<std::ptrdiff_t>(plain[0]));
  return found;
}

Result<Arguments> ArgumentsOf(const Found& found) {
  const Command& command = *found.command;
  // A command's own option beats a global one of that name (spec show --version N).
  std::vector<Option> known(command.options.begin(), command.options.end());
  known.insert(known.end(), GlobalOptions().begin(), GlobalOptions().end());
  auto arguments = ParseArguments(found.words, known);
  if (!arguments || arguments->Has("--help")) return arguments;
  std::size_t count = arguments->positional.size();
  std::string usage = ": usage: " + Synopsis(command);
  if (count < command.least) return Fail(ErrorCode::kInvalid, "too few arguments" + usage);
  if (count > command.most && command.takes_rest) {
    return Fail(ErrorCode::kInvalid, "the command to run stands after --" + usage);
  }
  if (count > command.most) {
    return Fail(ErrorCode::kInvalid, "too many arguments, from " +
                                         Printable(arguments->positional[command.most]) + usage);
  }
  if (command.takes_rest && arguments->rest.empty()) {
    return Fail(ErrorCode::kInvalid, "no command to run" + usage);
  }
  if (!command.takes_rest && arguments->has_rest) {
    arguments->positional.insert(arguments->positional.end(), arguments->rest.begin(),
                                 arguments->rest.end());
    if (arguments->positional.size() > command.most) {
      return Fail(ErrorCode::kInvalid, "too many arguments" + usage);
    }
  }
  return arguments;
}

int WithoutCommand(std::span<const std::string> words, Context& context) {
  auto arguments = ParseArguments(words, GlobalOptions());
  if (!arguments) {
    context.Complain(arguments.error().message + ": see bulkhead help");
    return kExitUsage;
  }
  if (arguments->Has("--version")) return Version(context, *arguments).value_or(kExitFailure);
  std::ostream& stream = arguments->Has("--help") ? context.around().out : context.around().err;
  stream << HelpForAll();
  return arguments->Has("--help") ? kExitOk : kExitUsage;
}

}  // namespace

int Main(std::span<const std::string> words, Surroundings& around) {
  Context plain(around, false, "");
  auto found = FindCommand(words);
  if (!found) {
    plain.Complain(found.error().message);
    return kExitUsage;
  }
  if (found->command == nullptr) return WithoutCommand(words, plain);
  auto arguments = ArgumentsOf(*found);
  if (!arguments) {
    plain.Complain(arguments.error().message);
    return kExitUsage;
  }
  if (arguments->Has("--help")) {
    around.out << HelpFor(*found->command);
    return kExitOk;
  }
  Context context(around, arguments->Has("--json"), arguments->Value("--bus"));
  auto exit_code = found->command->handler(context, *arguments);
  if (exit_code) return *exit_code;
  context.Complain(exit_code.error().message);
  return found->command->takes_rest ? kExitRunFailure : ExitCodeFor(exit_code.error().code);
}

}  // namespace bulkhead::cli
