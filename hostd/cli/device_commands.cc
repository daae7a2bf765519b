// SPDX-License-Identifier: GPL-2.0-or-later
/// device list, lend, take-back
#include <algorithm>
#include <ostream>

#include "hostd/cli/command.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::cli {

namespace {

constexpr std::chrono::seconds kLendDeadline{60};

Result<std::vector<Dict>> Devices(Host1& host) {
  auto answer = host.Call("ListDevices", nullptr, "(aa{sv})");
  if (!answer) return Propagate(answer);
  VariantPtr devices(g_variant_get_child_value(answer->get(), 0));
  return Dict::List(devices.get());
}

/// A device or level that is not there gets the name that was probably meant.
Error Suggest(Host1& host, Error error, const std::string& device) {
  if (error.code != ErrorCode::kNotFound) return error;
  std::vector<std::string> ids;
  if (auto devices = Devices(host)) {
    for (const Dict& dict : *devices) ids.push_back(dict.Text("id"));
  }
  if (std::ranges::find(ids, device) != ids.end()) return error;
  error.message += Suggestion(device, ids);
  return error;
}

int Done(const Context& context, const std::string& device, const std::string& level,
         bool writable) {
  if (context.json()) {
    context.Print(Json(JsonMembers{{"device", device}, {"level", level}, {"writable", writable}}));
  } else if (level.empty()) {
    context.out() << Printable(device) << " is back at the host\n";
  } else {
    context.out() << Printable(device) << " is lent to " << Printable(level)
                  << (writable ? ", which may write it" : ", read-only") << "\n";
  }
  return kExitOk;
}

}  // namespace

Result<int> DeviceList(Context& context, const Arguments&) {
  auto host = context.Host();
  if (!host) return Propagate(host);
  auto devices = Devices(**host);
  if (!devices) return Propagate(devices);
  if (context.json()) {
    JsonArray all;
    for (const Dict& device : *devices) all.push_back(device.ToJson(DeviceFields()));
    context.Print(Json(JsonMembers{{"devices", std::move(all)}}));
    return kExitOk;
  }
  Table table({"DEVICE", "CLASS", "SIZE", "STATE", "LEVEL", "ACCESS", "PATH", "TITLE"});
  for (const Dict& d : *devices) {
    std::string access = d.Text("level").empty() ? "" : d.Flag("writable") ? "write" : "read";
    table.Add({d.Text("id"), d.Text("class"),
               SpellBytes(static_cast<std::uint64_t>(d.Number("size"))), d.Text("state"),
               d.Text("level"), access, d.Text("path"), d.Text("title")});
  }
  context.Print(table);
  return kExitOk;
}

Result<int> DeviceLend(Context& context, const Arguments& arguments) {
  auto host = context.Host();
  if (!host) return Propagate(host);
  const std::string& device = arguments.positional[0];
  const std::string& level = arguments.positional[1];
  bool write = arguments.Has("--write");
  GVariantBuilder options;
  g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
  if (write) g_variant_builder_add(&options, "{sv}", "write", g_variant_new_boolean(TRUE));
  auto lent = (*host)->CallForLevel(
      "LendDevice", level, g_variant_new("(ssa{sv})", device.c_str(), level.c_str(), &options),
      "()", kLendDeadline);
  if (!lent) return std::unexpected(Suggest(**host, lent.error(), device));
  return Done(context, device, level, write);
}

Result<int> DeviceTakeBack(Context& context, const Arguments& arguments) {
  auto host = context.Host();
  if (!host) return Propagate(host);
  const std::string& device = arguments.positional[0];
  auto taken =
      (*host)->Call("TakeBackDevice", g_variant_new("(s)", device.c_str()), "()", kLendDeadline);
  if (!taken) return std::unexpected(Suggest(**host, taken.error(), device));
  return Done(context, device, "", false);
}

}  // namespace bulkhead::cli
