// SPDX-License-Identifier: GPL-2.0-or-later
/// Any bytes as a spec file that is laid out: what is TOML is laid out, means the same, keeps its
/// comments, and laid out again does not change; what is not is refused. FormatToml proves the
/// meaning itself, and so does MigrateText: an error of the proof is a fault here.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "vmspec/document.h"
#include "vmspec/format.h"
#include "vmspec/migrate_text.h"

namespace {

void Demand(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bulkhead;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  vmspec::Faults faults;
  const std::string file = "x.toml";
  bool is_toml = vmspec::ParseDocument(file, text, faults).has_value();
  auto laid = vmspec::FormatToml("x.toml", text);
  if (!laid) {
    Demand(laid.error().code == (is_toml ? ErrorCode::kLimit : ErrorCode::kInvalid));
    return 0;
  }
  Demand(is_toml);
  auto again = vmspec::FormatToml("x.toml", *laid);
  Demand(again && *again == *laid);
  vmspec::SpecPath host{vmspec::SpecPath::Part::kTop, "host", false};
  auto migrated = vmspec::MigrateText(host, "x.toml", text);
  Demand(migrated || migrated.error().code != ErrorCode::kInternal);
  return 0;
}
