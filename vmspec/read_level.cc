// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/codes.h"
#include "vmspec/draft.h"
#include "vmspec/scalars.h"

namespace bulkhead::vmspec {

namespace {

constexpr std::uint64_t kMiB = 1ULL << 20;

/// "minimal", or { name = "minimal", digest = ... }
void ReadImage(TableReader& level_table, Level& level) {
  const Node* node = level_table.Find("image");
  if (node == nullptr) return;
  if (node->As<Table>() == nullptr) {
    level_table.Read("image", level.image);
    return;
  }
  TableReader table = level_table.Below("image", *node);
  ImagePolicy& policy = level.image_policy;
  table.Read("name", level.image);
  table.Read("digest", policy.digest);
  table.Read("signed-by", policy.signed_by);
  table.Read("boot", policy.boot);
  table.Read("secure-boot", policy.secure_boot);
  table.Read("kernel", policy.kernel);
  if (policy.secure_boot && policy.boot != BootWay::kUefi) {
    table.faults().Error(codes::kDoesNotApply, "\"secure-boot\" needs boot = \"uefi\"",
                         table.OriginOf("secure-boot"), {},
                         "without firmware there is nothing that could check a signature");
  }
  table.Finish();
}

void ReadIdentity(TableReader& table, Level& level, Draft& draft) {
  table.Read("title", level.title);
  table.Read("uuid", level.uuid);
  if (auto label = table.GetLabel("label")) {
    level.label = *label;
    draft.levels_without_label.erase(level.name);
  } else if (table.Has("label")) {
    table.faults().NoteOnLast(kFlowUnchecked);
  }
  level.label_origin = table.OriginOf("label");
  table.Read("colour", level.colour);
  table.Read("icon", level.icon);
  ReadImage(table, level);
  table.Read("autostart", level.autostart);
}

void ReadResources(TableReader table, Level& level) {
  table.Read("vcpus", level.vcpus);
  bool sound = table.Read("memory", level.memory_mib, kMiB);
  level.memory_max_mib = level.memory_mib;
  bool max_sound = table.Read("memory-max", level.memory_max_mib, kMiB);
  if (sound && max_sound && level.memory_max_mib < level.memory_mib) {
    table.faults().Error(codes::kRange, "\"memory-max\" must not be below \"memory\"",
                         table.OriginOf("memory-max"), {},
                         "\"memory\" is " + FormatSize(level.memory_mib * kMiB));
  }
  table.Read("cpu-quota", level.cpu_quota_percent);
  table.Read("cpu-weight", level.cpu_weight);
  table.Read("io-weight", level.io_weight);
  table.Read("io-read", level.io_read_bytes_per_s);
  table.Read("io-write", level.io_write_bytes_per_s);
  table.Finish();
}

void ReadState(TableReader table, Level& level) {
  if (auto kind = table.Word("kind")) level.persistent = *kind == 0;
  table.Read("size", level.state_mib, kMiB);
  table.Read("encryption", level.encryption);
  table.Read("snapshots", level.snapshots);
  if (level.snapshots > 0 && !level.persistent) {
    table.faults().Error(codes::kDoesNotApply, "an ephemeral state has no snapshots",
                         table.OriginOf("snapshots"));
  }
  table.Finish();
}

void ReadLifeCycle(TableReader table, Level& level) {
  LifeCycle& cycle = level.life_cycle;
  table.Read("order", cycle.order);
  table.Read("idle-suspend", cycle.idle_suspend_s);
  table.Read("disposable", cycle.disposable);
  table.Read("preload", cycle.preload);
  table.Read("on-crash", cycle.on_crash);
  if (cycle.disposable && level.persistent) {
    table.faults().Error(codes::kDoesNotApply, "a disposable level keeps no state",
                         table.OriginOf("disposable"), {},
                         "say kind = \"ephemeral\" under [state]");
  }
  if (cycle.preload && !cycle.disposable) {
    table.faults().Error(codes::kDoesNotApply, "\"preload\" is for a disposable level",
                         table.OriginOf("preload"));
  }
  table.Finish();
}

void ReadUpdates(TableReader table, Level& level) {
  table.Read("channel", level.updates.channel);
  std::string window;
  table.Read("window", window);
  if (auto minutes = ParseWindow(window)) {
    std::tie(level.updates.window_start_min, level.updates.window_end_min) = *minutes;
  }
  table.Read("health-gate", level.updates.health_gate_s);
  table.Read("automatic", level.updates.automatic);
  table.Finish();
}

}  // namespace

void ReadLevel(const std::string& name, const Node& document, Draft& draft, Faults& faults) {
  TableReader table(document, kLevelSchema, name, draft.scope, faults);
  Level level;
  level.name = level.title = name;
  level.origin = document.origin;
  ReadIdentity(table, level, draft);
  auto below = [&](std::string_view key, auto reader) {
    if (const Node* node = table.Find(key)) reader(table.Below(key, *node), level);
  };
  below("resources", ReadResources);
  below("state", ReadState);
  below("network", [](TableReader t, Level& l) { ReadLevelNetwork(t, l.network); });
  below("devices", [](TableReader t, Level& l) { ReadLevelDevices(t, l); });
  below("life-cycle", ReadLifeCycle);
  below("updates", ReadUpdates);
  ReadLevelPeople(table, level);
  table.Finish();
  draft.spec.levels.emplace(name, std::move(level));
}

}  // namespace bulkhead::vmspec
