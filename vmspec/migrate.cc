// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/migrate.h"

#include "vmspec/schema.h"

namespace bulkhead::vmspec {

namespace {

bool IsHost(const SpecPath& path) {
  return path.part == SpecPath::Part::kTop && path.name == "host";
}

/// hello-timeout was a number of seconds.
void TimeoutBecomesDuration(Node& host) {
  Node* guest = Find(host, "guest");
  Node* timeout = guest == nullptr ? nullptr : Find(*guest, "hello-timeout");
  const auto* seconds = timeout == nullptr ? nullptr : timeout->As<std::int64_t>();
  if (seconds != nullptr && *seconds >= 0) timeout->value = std::to_string(*seconds) + " s";
}

}  // namespace

std::span<const Migration> Migrations() {
  static constexpr Migration kAll[] = {
      {1, "host.toml", "hello-timeout is a duration: 120 becomes \"120 s\"", IsHost,
       TimeoutBecomesDuration},
  };
  return kAll;
}

std::optional<std::int64_t> SchemaOf(const Node& document) {
  const Node* schema = Find(document, "schema");
  const auto* version = schema == nullptr ? nullptr : schema->As<std::int64_t>();
  bool known = version != nullptr && *version >= kOldestSchema && *version <= kCurrentSchema;
  return known ? std::optional(*version) : std::nullopt;
}

std::string SchemasRead() {
  return "this version of Bulkhead reads schemas " + std::to_string(kOldestSchema) + " to " +
         std::to_string(kCurrentSchema);
}

void Migrate(const SpecPath& path, std::int64_t from, Node& document) {
  for (const Migration& migration : Migrations()) {
    if (migration.from >= from && migration.concerns(path)) migration.step(document);
  }
}

}  // namespace bulkhead::vmspec
