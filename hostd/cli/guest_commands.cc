// SPDX-License-Identifier: GPL-2.0-or-later
/// run, console: what comes from a level is hostile, and made harmless before it meets a terminal
#include <ostream>

#include "hostd/cli/command.h"
#include "hostd/cli/terminal.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::cli {

namespace {

constexpr unsigned kDefaultTimeoutS = 60;
constexpr unsigned kLongestTimeoutS = 3600;
constexpr std::chrono::seconds kGrace{15};  // for hostd to say itself that the time is over

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

std::string Bytes(GVariant* tuple, gsize index) {
  VariantPtr array(g_variant_get_child_value(tuple, index));
  gsize size = 0;
  const void* data = g_variant_get_fixed_array(array.get(), &size, 1);
  return size == 0 ? std::string() : std::string(static_cast<const char*>(data), size);
}

Result<Outcome> RunIn(Host1& host, const Arguments& arguments, unsigned timeout_s) {
  const std::string& level = arguments.positional[0];
  GVariantBuilder argv;
  g_variant_builder_init(&argv, G_VARIANT_TYPE_STRING_ARRAY);
  for (const std::string& word : arguments.rest) {
    if (g_utf8_validate(word.c_str(), -1, nullptr) == FALSE) {
      g_variant_builder_clear(&argv);
      return Fail(ErrorCode::kInvalid,
                  "the argument " + Printable(word) + " is not UTF-8: D-Bus cannot carry it");
    }
    g_variant_builder_add(&argv, "s", word.c_str());
  }
  GVariant* call =
      g_variant_new("(ssasu)", level.c_str(), arguments.Has("--root") ? "root" : "user", &argv,
                    timeout_s * 1000U);
  auto answer =
      host.CallForLevel("Run", level, call, "(iayay)", std::chrono::seconds(timeout_s) + kGrace);
  if (!answer) return Propagate(answer);
  Outcome outcome;
  g_variant_get_child(answer->get(), 0, "i", &outcome.status);
  outcome.out = Bytes(answer->get(), 1);
  outcome.err = Bytes(answer->get(), 2);
  return outcome;
}

}  // namespace

Result<int> Run(Context& context, const Arguments& arguments) {
  unsigned timeout_s = kDefaultTimeoutS;
  if (arguments.Has("--timeout")) {
    auto given = NumberIn("--timeout", arguments.Value("--timeout"), 1, kLongestTimeoutS);
    if (!given) return context.Misused(given.error());
    timeout_s = *given;
  }
  auto host = context.Host();
  if (!host) return Propagate(host);
  auto outcome = RunIn(**host, arguments, timeout_s);
  if (!outcome && outcome.error().code == ErrorCode::kTimeout) {
    context.Complain(outcome.error().message);
    return kExitRunTimeout;
  }
  if (!outcome) return Propagate(outcome);
  if (context.json()) {
    context.Print(Json(JsonMembers{
        {"status", outcome->status}, {"stdout", outcome->out}, {"stderr", outcome->err}}));
    return outcome->status;
  }
  const Surroundings& around = context.around();
  bool raw = arguments.Has("--raw");
  around.out << (raw && !around.out_is_tty ? outcome->out : PrintableLines(outcome->out))
             << std::flush;
  around.err << (raw && !around.err_is_tty ? outcome->err : PrintableLines(outcome->err))
             << std::flush;
  return outcome->status;
}

Result<int> Console(Context& context, const Arguments& arguments) {
  const std::string& level = arguments.positional[0];
  if (context.json()) {
    return context.Misused({ErrorCode::kInvalid, "console has no JSON form: leave out --json", 0});
  }
  auto host = context.Host();
  if (!host) return Propagate(host);
  auto stream = (*host)->OpenConsole(level);
  if (!stream) return Propagate(stream);
  const Surroundings& around = context.around();
  if (around.err_is_tty) {
    around.err << "Console of " << Printable(level) << "; leave with Ctrl-]" << std::endl;
  }
  auto end = RunRelay({around.in_fd, around.out_fd, stream->get(), arguments.Has("--raw")});
  if (!end) return Propagate(end);
  if (around.err_is_tty) around.err << "\n";
  if (*end == RelayEnd::kLeft) return kExitOk;
  return Fail(ErrorCode::kUnavailable, "the console of " + Printable(level) +
                                           " closed: see bulkhead status " + Printable(level));
}

}  // namespace bulkhead::cli
