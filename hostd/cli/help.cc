// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <ostream>

#include "hostd/cli/command.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::cli {

namespace {

std::string Padded(std::string text, std::size_t width) {
  text.append(std::max(width, text.size() + 2) - text.size(), ' ');
  return text;
}

std::string OptionLine(const Option& option) {
  std::string left = "  ";
  if (!option.alias.empty()) left += std::string(option.alias) + ", ";
  left += option.name;
  if (!option.value.empty()) left += " " + std::string(option.value);
  return Padded(left, 22) + std::string(option.help) + "\n";
}

std::string SummaryLine(const Command& command) {
  std::string left = "  " + std::string(command.name);
  if (!command.arguments.empty()) left += " " + std::string(command.arguments);
  return Padded(left, 30) + std::string(command.summary) + "\n";
}

/// The commands of a group ("spec"), a line each as in the help for all; nothing when there is
/// none.
std::string HelpForGroup(const std::string& group) {
  std::string text;
  for (const Command& command : Commands()) {
    if (command.name.starts_with(group + " ")) text += SummaryLine(command);
  }
  if (text.empty()) return text;
  return "usage: bulkhead " + group + " COMMAND [ARGUMENTS]\n\n" + text + "\nbulkhead help " +
         group + " COMMAND explains one\n";
}

}  // namespace

std::string Synopsis(const Command& command) {
  std::string text = "bulkhead " + std::string(command.name);
  for (const Option& option : command.options) {
    text += " [" + std::string(option.name);
    if (!option.value.empty()) text += " " + std::string(option.value);
    text += "]";
  }
  if (!command.arguments.empty()) text += " " + std::string(command.arguments);
  return text;
}

std::string HelpForAll() {
  std::string text =
      "bulkhead: security levels on one machine\n\n"
      "usage: bulkhead [--json] [--bus ADDRESS] COMMAND [ARGUMENTS]\n\n";
  for (const Command& command : Commands()) text += SummaryLine(command);
  return text +
         "\nbulkhead help COMMAND explains one; all of it: man bulkhead, man bulkhead-spec "
         "(docs/man)\n";
}

std::string HelpFor(const Command& command) {
  std::string text = "usage: " + Synopsis(command) + "\n\n" + std::string(command.summary) + "\n\n";
  for (const Option& option : command.options) text += OptionLine(option);
  for (const Option& option : GlobalOptions()) text += OptionLine(option);
  return text;
}

Result<int> Help(Context& context, const Arguments& arguments) {
  std::string name;
  for (const std::string& word : arguments.positional) name += (name.empty() ? "" : " ") + word;
  std::string text;
  for (const Command& command : Commands()) {
    if (command.name == name) text = HelpFor(command);
  }
  if (text.empty()) text = name.empty() ? HelpForAll() : HelpForGroup(name);
  if (text.empty()) {
    return Fail(ErrorCode::kNotFound, "no command " + Printable(name, 80) + ": see bulkhead help");
  }
  context.out() << text;
  return kExitOk;
}

Result<int> Version(Context& context, const Arguments&) {
  auto host = context.Host();
  auto daemon = host ? (*host)->Property("Version") : Result<std::string>("");
  std::string theirs = daemon.value_or("");
  if (context.json()) {
    context.Print(Json(JsonMembers{{"version", BULKHEAD_VERSION}, {"hostd", theirs}}));
  } else {
    context.out() << "bulkhead " BULKHEAD_VERSION " (hostd "
                  << (theirs.empty() ? "does not answer" : Printable(theirs)) << ")\n";
  }
  return kExitOk;
}

}  // namespace bulkhead::cli
