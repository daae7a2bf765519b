// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/bus/variants.h"

namespace bulkhead::hostd {

DictBuilder& DictBuilder::Value(const char* key, GVariant* floating) {
  g_variant_builder_add(&builder_, "{sv}", key, floating);
  return *this;
}
DictBuilder& DictBuilder::Text(const char* key, const std::string& value) {
  return Value(key, g_variant_new_string(Safe(value).c_str()));
}
DictBuilder& DictBuilder::Flag(const char* key, bool value) {
  return Value(key, g_variant_new_boolean(value ? TRUE : FALSE));
}
DictBuilder& DictBuilder::Int32(const char* key, std::int32_t value) {
  return Value(key, g_variant_new_int32(value));
}
DictBuilder& DictBuilder::Uint32(const char* key, std::uint32_t value) {
  return Value(key, g_variant_new_uint32(value));
}
DictBuilder& DictBuilder::Uint64(const char* key, std::uint64_t value) {
  return Value(key, g_variant_new_uint64(value));
}
DictBuilder& DictBuilder::Int64(const char* key, std::int64_t value) {
  return Value(key, g_variant_new_int64(value));
}

GVariant* ToVariant(const LevelView& v) {
  std::vector<std::string> devices(v.measures.devices.begin(), v.measures.devices.end());
  return DictBuilder()
      .Text("name", v.name)
      .Text("title", v.title)
      .Int32("rank", v.rank)
      .Text("label", v.label)
      .Text("colour", v.colour)
      .Text("state", LevelStateName(v.status.state))
      .Text("step", v.status.step)
      .Text("reason", v.status.reason)
      .Uint64("since", static_cast<std::uint64_t>(v.status.since_ms))
      .Uint32("vcpus", v.vcpus)
      .Uint32("memory-mib", v.memory_mib)
      .Uint32("memory-used-mib", static_cast<std::uint32_t>(v.measures.memory_used_mib))
      .Uint32("cpu-percent", v.measures.cpu_percent)
      .Text("uplink", v.uplink)
      .Text("image", v.image)
      .Text("image-version", v.status.image_version)
      .Text("boot-id", v.status.boot_id)
      .Uint32("uid", v.uid)
      .Text("accel", v.measures.accel)
      .Value("devices", TextsVariant(devices))
      .Int64("clock-offset-ms", v.measures.clock_offset_ms)
      .Value("restart-needed", TextsVariant(v.restart_needed))
      .Done();
}

GVariant* ToVariant(const broker::Device& d) {
  return DictBuilder()
      .Text("id", d.id)
      .Text("class", d.device_class)
      .Text("path", d.path)
      .Text("title", d.title)
      .Text("serial", d.serial)
      .Uint64("size", d.size_bytes)
      .Text("state", broker::DeviceStateName(d.state))
      .Text("level", d.level)
      .Flag("writable", d.writable)
      .Done();
}

GVariant* ToVariant(const vmspec::Flow& flow, const FlowCounts& counts, bool send, bool receive) {
  return DictBuilder()
      .Text("name", flow.name)
      .Text("from", flow.from)
      .Text("to", flow.to)
      .Text("kind", flow.kind == vmspec::FlowKind::kDowngrade ? "downgrade" : "transfer")
      .Uint64("accepted", counts.accepted)
      .Uint64("refused", counts.refused)
      .Uint64("published", counts.published)
      .Uint64("delivered", counts.delivered)
      .Uint64("waiting", counts.Waiting())
      .Text("last", counts.last)
      .Text("send", send ? "running" : "down")
      .Text("receive", receive ? "running" : "down")
      .Done();
}

GVariant* ToVariant(const netpolicy::LevelNetStatus& status, const std::string& uplink) {
  GVariantBuilder counters;
  g_variant_builder_init(&counters, G_VARIANT_TYPE("a(stt)"));
  for (const auto& c : status.counters) {
    g_variant_builder_add(&counters, "(stt)", Safe(c.origin).c_str(), c.packets, c.bytes);
  }
  return DictBuilder()
      .Text("level", status.level)
      .Text("interface", status.interface)
      .Text("uplink", uplink)
      .Flag("tap", status.tap_present)
      .Flag("rules", status.rules_present)
      .Value("counters", g_variant_builder_end(&counters))
      .Done();
}

GVariant* ToVariant(const HistoryEntry& entry) {
  const SpecVersion& v = entry.version;
  return DictBuilder()
      .Uint32("version", v.number)
      .Int64("time", v.note.time_ms)
      .Text("actor", v.note.actor)
      .Text("comment", v.note.comment)
      .Text("sha256", v.sha256)
      .Uint32("files", v.files)
      .Uint32("rollback-of", v.note.rollback_of)
      .Flag("present", entry.present)
      .Text("damage", entry.damage)
      .Done();
}

GVariant* ToVariant(const Approval& a) {
  return DictBuilder()
      .Text("flow", a.flow)
      .Text("from", a.from)
      .Text("to", a.to)
      .Text("reason", a.reason)
      .Text("sha256", a.sha256)
      .Text("actor", a.actor)
      .Value("roles", TextsVariant({a.roles.begin(), a.roles.end()}))
      .Int64("time", a.time_ms)
      .Done();
}

GVariant* ToVariant(const Entry& event) {
  DictBuilder dict;
  dict.Text("actor", event.actor).Text("action", event.action).Text("outcome", event.outcome);
  for (const auto& [key, value] : event.detail) dict.Text(key.c_str(), value);
  return dict.Done();
}

GVariant* BytesVariant(const Bytes& bytes) {
  return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bytes.data(), bytes.size(), 1);
}

GVariant* TextsVariant(const std::vector<std::string>& texts) {
  GVariantBuilder list;
  g_variant_builder_init(&list, G_VARIANT_TYPE_STRING_ARRAY);
  for (const auto& text : texts) g_variant_builder_add(&list, "s", Safe(text).c_str());
  return g_variant_builder_end(&list);
}

GVariant* ListsVariant(const std::map<std::string, std::vector<std::string>>& lists) {
  GVariantBuilder dict;
  g_variant_builder_init(&dict, G_VARIANT_TYPE("a{sas}"));
  for (const auto& [name, texts] : lists) {
    g_variant_builder_add(&dict, "{s@as}", Safe(name).c_str(), TextsVariant(texts));
  }
  return g_variant_builder_end(&dict);
}

GVariant* DictsTuple(const std::vector<GVariant*>& dicts) {
  GVariantBuilder list;
  g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
  for (GVariant* dict : dicts) g_variant_builder_add_value(&list, dict);
  return g_variant_new("(aa{sv})", &list);
}

std::vector<std::string> TextsFrom(GVariant* array) {
  std::vector<std::string> texts;
  for (gsize i = 0; i < g_variant_n_children(array); ++i) {
    const char* text = nullptr;
    g_variant_get_child(array, i, "&s", &text);
    texts.emplace_back(text);
  }
  return texts;
}

bool FlagFrom(GVariant* dict, const char* key) {
  gboolean value = FALSE;
  return g_variant_lookup(dict, key, "b", &value) != FALSE && value != FALSE;
}

std::string TextFrom(GVariant* dict, const char* key) {
  const char* value = nullptr;
  return g_variant_lookup(dict, key, "&s", &value) != FALSE ? value : "";
}

}  // namespace bulkhead::hostd
