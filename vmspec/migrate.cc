// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/migrate.h"

namespace bulkhead::vmspec {

namespace {

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
      {1, "host.toml", "hello-timeout is a duration: 120 becomes \"120 s\""},
  };
  return kAll;
}

void Migrate(const SpecPath& path, std::int64_t from, Node& document) {
  if (from < 2 && path.part == SpecPath::Part::kTop && path.name == "host") {
    TimeoutBecomesDuration(document);
  }
}

}  // namespace bulkhead::vmspec
