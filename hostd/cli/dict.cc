// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/cli/dict.h"

#include <algorithm>
#include <limits>
#include <optional>

namespace bulkhead::cli {

namespace {

using Kind = Field::Kind;

constexpr Field kLevelFields[] = {{"name", Kind::kText},
                                  {"title", Kind::kText},
                                  {"rank", Kind::kNumber},
                                  {"label", Kind::kText},
                                  {"colour", Kind::kText},
                                  {"state", Kind::kText},
                                  {"step", Kind::kText},
                                  {"reason", Kind::kText},
                                  {"since", Kind::kNumber},
                                  {"vcpus", Kind::kNumber},
                                  {"memory_mib", Kind::kNumber},
                                  {"memory_used_mib", Kind::kNumber},
                                  {"cpu_percent", Kind::kNumber},
                                  {"uplink", Kind::kText},
                                  {"image", Kind::kText},
                                  {"image_version", Kind::kText},
                                  {"boot_id", Kind::kText},
                                  {"uid", Kind::kNumber},
                                  {"accel", Kind::kText},
                                  {"devices", Kind::kTexts},
                                  {"clock_offset_ms", Kind::kNumber},
                                  {"restart_needed", Kind::kTexts}};

constexpr Field kDeviceFields[] = {
    {"id", Kind::kText},    {"class", Kind::kText},  {"path", Kind::kText},
    {"title", Kind::kText}, {"serial", Kind::kText}, {"size", Kind::kNumber},
    {"state", Kind::kText}, {"level", Kind::kText},  {"writable", Kind::kFlag}};

constexpr Field kFlowFields[] = {
    {"name", Kind::kText},        {"from", Kind::kText},        {"to", Kind::kText},
    {"kind", Kind::kText},        {"accepted", Kind::kNumber},  {"refused", Kind::kNumber},
    {"published", Kind::kNumber}, {"delivered", Kind::kNumber}, {"waiting", Kind::kNumber},
    {"last", Kind::kText},        {"send", Kind::kText},        {"receive", Kind::kText}};

constexpr Field kNetFields[] = {{"level", Kind::kText},  {"interface", Kind::kText},
                                {"uplink", Kind::kText}, {"tap", Kind::kFlag},
                                {"rules", Kind::kFlag},  {"counters", Kind::kCounters}};

Json CountersJson(const std::vector<Dict::Counter>& counters) {
  JsonArray all;
  for (const auto& c : counters) {
    all.emplace_back(JsonMembers{{"origin", c.origin}, {"packets", c.packets}, {"bytes", c.bytes}});
  }
  return all;
}

/// The value of an integer type; what is beyond int64 becomes its end.
std::optional<std::int64_t> AsNumber(GVariant* value) {
  switch (g_variant_classify(value)) {
    case G_VARIANT_CLASS_INT32:
      return g_variant_get_int32(value);
    case G_VARIANT_CLASS_UINT32:
      return g_variant_get_uint32(value);
    case G_VARIANT_CLASS_INT64:
      return g_variant_get_int64(value);
    case G_VARIANT_CLASS_UINT64:
      return static_cast<std::int64_t>(std::min<std::uint64_t>(
          g_variant_get_uint64(value), std::numeric_limits<std::int64_t>::max()));
    default:
      return std::nullopt;
  }
}

}  // namespace

std::span<const Field> LevelFields() { return kLevelFields; }
std::span<const Field> DeviceFields() { return kDeviceFields; }
std::span<const Field> FlowFields() { return kFlowFields; }
std::span<const Field> NetFields() { return kNetFields; }

Dict::Dict(GVariant* value) {
  if (value != nullptr && g_variant_is_of_type(value, G_VARIANT_TYPE_VARDICT)) {
    value_.reset(g_variant_ref(value));
  }
}

std::vector<Dict> Dict::List(GVariant* array) {
  std::vector<Dict> all;
  for (gsize i = 0; i < g_variant_n_children(array); ++i) {
    VariantPtr child(g_variant_get_child_value(array, i));
    all.emplace_back(child.get());
  }
  return all;
}

VariantPtr Dict::Find(const char* key) const {
  if (!value_) return nullptr;
  std::string bus_key = key;
  std::ranges::replace(bus_key, '_', '-');
  return VariantPtr(g_variant_lookup_value(value_.get(), bus_key.c_str(), nullptr));
}

std::string Dict::Text(const char* key) const {
  VariantPtr value = Find(key);
  if (!value || !g_variant_is_of_type(value.get(), G_VARIANT_TYPE_STRING)) return {};
  return g_variant_get_string(value.get(), nullptr);
}

std::int64_t Dict::Number(const char* key) const {
  VariantPtr value = Find(key);
  return value ? AsNumber(value.get()).value_or(0) : 0;
}

bool Dict::Flag(const char* key) const {
  VariantPtr value = Find(key);
  return value && g_variant_is_of_type(value.get(), G_VARIANT_TYPE_BOOLEAN) &&
         g_variant_get_boolean(value.get()) != FALSE;
}

std::vector<std::string> Dict::Texts(const char* key) const {
  std::vector<std::string> all;
  VariantPtr value = Find(key);
  if (!value || !g_variant_is_of_type(value.get(), G_VARIANT_TYPE_STRING_ARRAY)) return all;
  for (gsize i = 0; i < g_variant_n_children(value.get()); ++i) {
    VariantPtr child(g_variant_get_child_value(value.get(), i));
    all.emplace_back(g_variant_get_string(child.get(), nullptr));
  }
  return all;
}

std::vector<Dict::Counter> Dict::Counters(const char* key) const {
  std::vector<Counter> all;
  VariantPtr value = Find(key);
  if (!value || !g_variant_is_of_type(value.get(), G_VARIANT_TYPE("a(stt)"))) return all;
  for (gsize i = 0; i < g_variant_n_children(value.get()); ++i) {
    const char* origin = nullptr;
    guint64 packets = 0;
    guint64 bytes = 0;
    g_variant_get_child(value.get(), i, "(&stt)", &origin, &packets, &bytes);
    all.push_back({origin, packets, bytes});
  }
  return all;
}

Json Dict::FieldJson(const Field& field) const {
  switch (field.kind) {
    case Kind::kText:
      return Text(field.json);
    case Kind::kNumber:
      return Number(field.json);
    case Kind::kFlag:
      return Flag(field.json);
    case Kind::kCounters:
      return CountersJson(Counters(field.json));
    case Kind::kTexts:
      break;
  }
  return TextsJson(Texts(field.json));
}

Json Dict::ToJson(std::span<const Field> fields) const {
  JsonMembers all;
  for (const Field& field : fields) all.emplace_back(field.json, FieldJson(field));
  return all;
}

JsonMembers Dict::Everything() const {
  JsonMembers all;
  if (!value_) return all;
  for (gsize i = 0; i < g_variant_n_children(value_.get()); ++i) {
    const char* bus_key = nullptr;
    GVariant* boxed = nullptr;
    g_variant_get_child(value_.get(), i, "{&sv}", &bus_key, &boxed);
    VariantPtr value(boxed);
    std::string key = bus_key;
    std::ranges::replace(key, '-', '_');
    if (auto number = AsNumber(boxed)) {
      all.emplace_back(key, *number);
    } else if (g_variant_is_of_type(boxed, G_VARIANT_TYPE_BOOLEAN)) {
      all.emplace_back(key, g_variant_get_boolean(boxed) != FALSE);
    } else if (g_variant_is_of_type(boxed, G_VARIANT_TYPE_STRING)) {
      all.emplace_back(key, g_variant_get_string(boxed, nullptr));
    }
  }
  std::ranges::sort(all, {}, [](const auto& member) { return member.first; });
  return all;
}

}  // namespace bulkhead::cli
