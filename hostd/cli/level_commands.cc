// SPDX-License-Identifier: GPL-2.0-or-later
/// start, stop, restart
#include <algorithm>
#include <ostream>

#include "hostd/cli/command.h"
#include "hostd/cli/follow.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::cli {

namespace {

/// One of the three verbs: what is called, and what is waited for.
struct Verb {
  const char* method;
  Goal goal;
  const char* reached;      ///< "is running"
  const char* not_reached;  ///< "did not start"
  const char* under_way;    ///< "is starting"
};

Followed FollowedOf(const std::string& name, const Dict& status) {
  return {name, SightOf(status), SightOf(status), std::nullopt, 0};
}

/// Every level is looked up before one is touched: a misspelt name starts nothing.
Result<std::vector<Followed>> LookUp(Host1& host, const std::vector<std::string>& names) {
  std::vector<Followed> levels;
  for (const std::string& name : names) {
    if (std::ranges::find(levels, name, &Followed::name) != levels.end()) continue;
    auto status = host.GetLevel(name);
    if (!status) return Propagate(status);
    levels.push_back(FollowedOf(name, *status));
  }
  return levels;
}

/// Those that are up, or on their way.
Result<std::vector<Followed>> LevelsUp(Host1& host) {
  auto all = host.ListLevels();
  if (!all) return Propagate(all);
  std::vector<Followed> levels;
  for (const Dict& status : *all) {
    std::string state = status.Text("state");
    if (state != "stopped" && state != "failed")
      levels.push_back(FollowedOf(status.Text("name"), status));
  }
  return levels;
}

GVariant* CallArguments(const Verb& verb, const std::string& level, const char* option) {
  if (verb.goal == Goal::kRunningAnew) return g_variant_new("(s)", level.c_str());
  GVariantBuilder options;
  g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
  if (option != nullptr) {
    g_variant_builder_add(&options, "{sv}", option, g_variant_new_boolean(TRUE));
  }
  return g_variant_new("(sa{sv})", level.c_str(), &options);
}

Json ToJson(const std::vector<Followed>& levels) {
  JsonArray all;
  for (const Followed& level : levels) {
    all.emplace_back(JsonMembers{{"name", level.name},
                                 {"state", level.now.state},
                                 {"step", level.now.step},
                                 {"reason", level.now.reason},
                                 {"seconds", static_cast<double>(level.elapsed_ms) / 1000.0}});
  }
  return JsonMembers{{"levels", std::move(all)}};
}

/// Why a level is not where it was sent. Two people can have sent it two ways.
std::string WhyNot(const Followed& level) {
  if (level.now.state == "running") return "somebody started it again meanwhile";
  if (!level.now.reason.empty()) return Printable(level.now.reason, 2000);
  if (level.now.state == "stopped") return "somebody stopped it meanwhile";
  return "hostd gave no reason: see bulkhead status " + Printable(level.name);
}

void ComplainOf(const Context& context, const Verb& verb, const Followed& level) {
  std::string sentence = Printable(level.name) + " " + verb.not_reached + ": ";
  if (!level.now.step.empty()) sentence += "step " + Printable(level.now.step, 80) + ": ";
  context.Complain(sentence + WhyNot(level));
}

int Report(const Context& context, const Verb& verb, bool waited,
           const std::vector<Followed>& levels) {
  int exit_code = kExitOk;
  if (context.json()) context.Print(ToJson(levels));
  for (const Followed& level : levels) {
    if (level.reached == false) {
      ComplainOf(context, verb, level);
      exit_code = kExitFailure;
    } else if (!context.json()) {
      context.out() << Printable(level.name) << " "
                    << (waited ? std::string(verb.reached) + " (" + SpellSeconds(level.elapsed_ms) +
                                     ")"
                               : verb.under_way)
                    << "\n";
    }
  }
  return exit_code;
}

Result<int> Do(Context& context, const Arguments& arguments, const Verb& verb, const char* option) {
  if (arguments.Has("--wait") && arguments.Has("--no-wait")) {
    return context.Misused(
        {ErrorCode::kInvalid, "--wait and --no-wait exclude each other: give one", 0});
  }
  auto host = context.Host();
  if (!host) return Propagate(host);
  bool wait = !arguments.Has("--no-wait");
  auto levels = arguments.Has("--all") ? LevelsUp(**host) : LookUp(**host, arguments.positional);
  if (!levels) return Propagate(levels);
  if (wait) (*host)->Watch();
  for (const Followed& level : *levels) {
    auto done = (*host)->CallForLevel(verb.method, level.name,
                                      CallArguments(verb, level.name, option), "()");
    if (!done) return Propagate(done);
  }
  if (wait) {
    if (Status followed = Follow(context, verb.goal, *levels); !followed)
      return Propagate(followed);
  }
  return Report(context, verb, wait, *levels);
}

}  // namespace

Result<int> Start(Context& context, const Arguments& arguments) {
  bool paused = arguments.Has("--paused");
  Verb verb{"Start", paused ? Goal::kPaused : Goal::kRunning, paused ? "is paused" : "is running",
            "did not start", "is starting"};
  return Do(context, arguments, verb, paused ? "paused" : nullptr);
}

Result<int> Stop(Context& context, const Arguments& arguments) {
  if (arguments.Has("--all") == !arguments.positional.empty()) {
    return context.Misused(
        {ErrorCode::kInvalid, "which levels? Name them, or say --all, not both", 0});
  }
  Verb verb{"Stop", Goal::kStopped, "is stopped", "did not stop", "is stopping"};
  return Do(context, arguments, verb, arguments.Has("--force") ? "force" : nullptr);
}

Result<int> Restart(Context& context, const Arguments& arguments) {
  Verb verb{"Restart", Goal::kRunningAnew, "is running", "did not restart", "is restarting"};
  return Do(context, arguments, verb, nullptr);
}

}  // namespace bulkhead::cli
