// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/cli/services.h"

#include <algorithm>

namespace bulkhead::cli {

Result<std::vector<std::pair<std::string, std::string>>> AskServices(Host1& host) {
  auto answer = host.Call("Services", nullptr, "(a{ss})");
  if (!answer) return Propagate(answer);
  VariantPtr list(g_variant_get_child_value(answer->get(), 0));
  std::vector<std::pair<std::string, std::string>> all;
  for (gsize i = 0; i < g_variant_n_children(list.get()); ++i) {
    const char* name = nullptr;
    const char* state = nullptr;
    g_variant_get_child(list.get(), i, "{&s&s}", &name, &state);
    all.emplace_back(name, state);
  }
  std::ranges::sort(all);
  return all;
}

}  // namespace bulkhead::cli
