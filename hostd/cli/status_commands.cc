// SPDX-License-Identifier: GPL-2.0-or-later
/// status, list
#include <algorithm>
#include <ostream>

#include "hostd/cli/command.h"
#include "hostd/cli/services.h"
#include "vmspec/base/join.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::cli {

namespace {

/// What hostd says of itself beside the levels.
struct Daemon {
  std::string acceleration;
  std::string acceleration_reason;
  std::vector<std::pair<std::string, std::string>> services;
};

Result<Daemon> AskDaemon(Host1& host) {
  auto acceleration = host.Property("Acceleration");
  if (!acceleration) return Propagate(acceleration);
  auto reason = host.Property("AccelerationReason");
  if (!reason) return Propagate(reason);
  auto services = AskServices(host);
  if (!services) return Propagate(services);
  return Daemon{*acceleration, *reason, *services};
}

bool IsUp(const Dict& level) {
  std::string state = level.Text("state");
  return state != "stopped" && state != "failed";
}

Colour StateColour(const std::string& state) {
  if (state == "running") return Colour::kGreen;
  if (state == "failed") return Colour::kRed;
  return state == "stopped" ? Colour::kDim : Colour::kYellow;
}

std::string Memory(const Dict& level) {
  std::string whole = std::to_string(level.Number("memory_mib")) + " MiB";
  std::int64_t used = level.Number("memory_used_mib");
  return IsUp(level) && used > 0 ? std::to_string(used) + "/" + whole : whole;
}

std::string Cpu(const Dict& level) {
  return IsUp(level) ? std::to_string(level.Number("cpu_percent")) + " %" : "";
}

std::string SinceText(const Context& context, const Dict& level) {
  std::int64_t since = level.Number("since");
  return since > 0 ? SpellDuration(context.NowMs() - since) : "";
}

std::string Network(const Dict& level) {
  std::string uplink = level.Text("uplink");
  return uplink.empty() ? "none" : uplink;
}

/// "failed at network: netd does not answer"; "starting: boot"; empty when all is well.
std::string Trouble(const Dict& level) {
  std::string step = level.Text("step");
  std::string reason = level.Text("reason");
  if (level.Text("state") != "failed") return reason;
  return "failed" + (step.empty() ? "" : " at step " + step) +
         (reason.empty() ? "" : ": " + reason);
}

void PrintTable(const Context& context, const std::vector<Dict>& levels) {
  Table table({"LEVEL", "LABEL", "STATE", "SINCE", "CPU", "MEMORY", "NETWORK", "DEVICES"});
  for (const Dict& level : levels) {
    std::string state = level.Text("state");
    std::string step = level.Text("step");
    std::string shown = state == "starting" && !step.empty() ? state + ": " + step : state;
    table.Add({level.Text("name"), level.Text("label"), Cell(shown, StateColour(state)),
               SinceText(context, level), Cpu(level), Memory(level), Network(level),
               Joined(level.Texts("devices"))});
  }
  context.Print(table);
}

/// What an administrator must not overlook, below the table.
void PrintWarnings(const Context& context, const Daemon& daemon, const std::vector<Dict>& levels) {
  std::vector<std::string> lines;
  for (const Dict& level : levels) {
    std::string trouble = Trouble(level);
    if (!trouble.empty()) lines.push_back(level.Text("name") + ": " + trouble);
    std::string restart = Joined(level.Texts("restart_needed"));
    if (!restart.empty()) lines.push_back(level.Text("name") + ": restart needed: " + restart);
  }
  // "none" too: nothing can start then, and the reason says what would help.
  if (daemon.acceleration == "tcg" || daemon.acceleration == "none") {
    lines.push_back("acceleration: " + daemon.acceleration_reason);
  }
  for (const auto& [name, state] : daemon.services) {
    if (state != "ok") lines.push_back(name + ": " + state);
  }
  if (!lines.empty()) context.out() << "\n";
  for (const std::string& line : lines) context.out() << Printable(line, 2000) << "\n";
}

void PrintDetails(const Context& context, const Dict& level) {
  auto line = [&](const char* key, const std::string& value) {
    if (value.empty()) return;
    std::string name = key;
    context.out() << name << std::string(15 - name.size(), ' ') << Printable(value, 2000) << "\n";
  };
  auto number = [&](const char* key) { return std::to_string(level.Number(key)); };
  line("level", level.Text("name"));
  line("title", level.Text("title"));
  line("label", level.Text("label"));
  std::string since = SinceText(context, level);
  line("state", level.Text("state") + (since.empty() ? "" : " for " + since));
  line("step", level.Text("step"));
  line("reason", level.Text("reason"));
  line("cpu", Cpu(level).empty() ? number("vcpus") + " vCPU"
                                 : Cpu(level) + " of " + number("vcpus") + " vCPU");
  line("memory", Memory(level));
  line("network", Network(level));
  line("devices", level.Texts("devices").empty() ? "none" : Joined(level.Texts("devices")));
  line("image", level.Text("image") +
                    (level.Text("image_version").empty() ? "" : " " + level.Text("image_version")));
  line("boot id", level.Text("boot_id"));
  line("acceleration", level.Text("accel"));
  line("uid", number("uid"));
  line("restart for", Joined(level.Texts("restart_needed")));
  if (IsUp(level)) line("clock offset", number("clock_offset_ms") + " ms");
}

Json ServicesJson(const Daemon& daemon) {
  JsonMembers all;
  for (const auto& [name, state] : daemon.services) all.emplace_back(name, state);
  return all;
}

JsonArray LevelsJson(const std::vector<Dict>& levels) {
  JsonArray all;
  for (const Dict& level : levels) all.push_back(level.ToJson(LevelFields()));
  return all;
}

Result<int> ShowOne(Context& context, Host1& host, const std::string& name) {
  auto level = host.GetLevel(name);
  if (!level) return Propagate(level);
  if (context.json()) {
    context.Print(level->ToJson(LevelFields()));
  } else {
    PrintDetails(context, *level);
  }
  return kExitOk;
}

}  // namespace

Result<int> ShowStatus(Context& context, const Arguments& arguments) {
  auto host = context.Host();
  if (!host) return Propagate(host);
  if (!arguments.positional.empty()) return ShowOne(context, **host, arguments.positional[0]);
  auto levels = (*host)->ListLevels();
  if (!levels) return Propagate(levels);
  auto daemon = AskDaemon(**host);
  if (!daemon) return Propagate(daemon);
  if (context.json()) {
    context.Print(Json(JsonMembers{{"acceleration", daemon->acceleration},
                                   {"acceleration_reason", daemon->acceleration_reason},
                                   {"services", ServicesJson(*daemon)},
                                   {"levels", LevelsJson(*levels)}}));
    return kExitOk;
  }
  if (levels->empty()) context.out() << "No level is defined: bulkhead spec apply DIR\n";
  if (!levels->empty()) PrintTable(context, *levels);
  PrintWarnings(context, *daemon, *levels);
  return kExitOk;
}

Result<int> List(Context& context, const Arguments&) {
  auto host = context.Host();
  if (!host) return Propagate(host);
  auto levels = (*host)->ListLevels();
  if (!levels) return Propagate(levels);
  if (context.json()) {
    JsonArray all;
    for (const Dict& level : *levels) {
      all.emplace_back(JsonMembers{{"name", level.Text("name")},
                                   {"title", level.Text("title")},
                                   {"state", level.Text("state")}});
    }
    context.Print(Json(JsonMembers{{"levels", std::move(all)}}));
    return kExitOk;
  }
  Table table({"LEVEL", "TITLE", "STATE"});
  for (const Dict& level : *levels) {
    std::string state = level.Text("state");
    table.Add({level.Text("name"), level.Text("title"), Cell(state, StateColour(state))});
  }
  context.Print(table);
  return kExitOk;
}

}  // namespace bulkhead::cli
