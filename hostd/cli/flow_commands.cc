// SPDX-License-Identifier: GPL-2.0-or-later
/// flow list, net status
#include <algorithm>
#include <ostream>

#include "hostd/cli/command.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::cli {

namespace {

Result<std::vector<Dict>> Ask(Host1& host, const char* method) {
  auto answer = host.Call(method, nullptr, "(aa{sv})");
  if (!answer) return Propagate(answer);
  VariantPtr list(g_variant_get_child_value(answer->get(), 0));
  return Dict::List(list.get());
}

void PrintJson(const Context& context, const char* key, const std::vector<Dict>& list,
               std::span<const Field> fields) {
  JsonArray all;
  for (const Dict& dict : list) all.push_back(dict.ToJson(fields));
  context.Print(Json(JsonMembers{{key, std::move(all)}}));
}

/// One word when both halves are alike, as they are when all is well.
Cell Halves(const std::string& send, const std::string& receive) {
  bool up = send == "running" && receive == "running";
  return {send == receive ? send : "send " + send + ", receive " + receive,
          up ? Colour::kGreen : Colour::kRed};
}

Cell Present(bool present) {
  return present ? Cell("yes", Colour::kGreen) : Cell("no", Colour::kRed);
}

void PrintCounters(const Context& context, const std::vector<Dict>& levels) {
  Table table({"LEVEL", "ORIGIN", "PACKETS", "BYTES"});
  bool any = false;
  for (const Dict& level : levels) {
    for (const auto& counter : level.Counters("counters")) {
      table.Add({level.Text("level"), counter.origin, std::to_string(counter.packets),
                 std::to_string(counter.bytes)});
      any = true;
    }
  }
  if (!any) return;
  context.out() << "\n";
  context.Print(table);
}

/// Only `name`; an error when the level does not exist. A level without network has no row.
Result<std::vector<Dict>> Only(Host1& host, std::vector<Dict> levels, const std::string& name) {
  if (auto level = host.GetLevel(name); !level) return Propagate(level);
  std::erase_if(levels, [&](const Dict& level) { return level.Text("level") != name; });
  return levels;
}

}  // namespace

Result<int> FlowList(Context& context, const Arguments&) {
  auto host = context.Host();
  if (!host) return Propagate(host);
  auto flows = Ask(**host, "ListFlows");
  if (!flows) return Propagate(flows);
  if (context.json()) {
    PrintJson(context, "flows", *flows, FlowFields());
    return kExitOk;
  }
  Table table({"FLOW", "FROM", "TO", "KIND", "ACCEPTED", "REFUSED", "PUBLISHED", "DELIVERED",
               "WAITING", "HALVES", "LAST"});
  for (const Dict& f : *flows) {
    auto number = [&](const char* key) { return Cell(std::to_string(f.Number(key))); };
    table.Add({f.Text("name"), f.Text("from"), f.Text("to"), f.Text("kind"), number("accepted"),
               number("refused"), number("published"), number("delivered"), number("waiting"),
               Halves(f.Text("send"), f.Text("receive")), f.Text("last")});
  }
  context.Print(table);
  return kExitOk;
}

Result<int> NetStatus(Context& context, const Arguments& arguments) {
  auto host = context.Host();
  if (!host) return Propagate(host);
  auto levels = Ask(**host, "NetStatus");
  if (levels && !arguments.positional.empty()) {
    levels = Only(**host, std::move(*levels), arguments.positional[0]);
  }
  if (!levels) return Propagate(levels);
  if (context.json()) {
    PrintJson(context, "levels", *levels, NetFields());
    return kExitOk;
  }
  if (levels->empty()) {
    context.out() << (arguments.positional.empty() ? "No level has a" : "The level has no")
                  << " network interface now: one is made when a level with an uplink starts.\n";
    return kExitOk;
  }
  Table table({"LEVEL", "INTERFACE", "UPLINK", "TAP", "RULES"});
  for (const Dict& level : *levels) {
    table.Add({level.Text("level"), level.Text("interface"), level.Text("uplink"),
               Present(level.Flag("tap")), Present(level.Flag("rules"))});
  }
  context.Print(table);
  PrintCounters(context, *levels);
  return kExitOk;
}

}  // namespace bulkhead::cli
