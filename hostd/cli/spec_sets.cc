// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/cli/spec_sets.h"

#include <ostream>

#include "hostd/bus/spec_variants.h"
#include "hostd/cli/spec_report.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::cli {

Result<vmspec::SpecFiles> AppliedFiles(Context& context) {
  auto host = context.Host();
  if (!host) return Propagate(host);
  auto answer = (*host)->Call("GetSpec", nullptr, "(a{ss})");
  if (!answer) return Propagate(answer);
  VariantPtr dict(g_variant_get_child_value(answer->get(), 0));
  return hostd::SpecFilesFrom(dict.get());
}

Result<NamedSet> ReadSet(Context& context, const std::string& word) {
  const bool applied = word == "applied";
  auto files = applied ? AppliedFiles(context) : vmspec::ReadSpecFolder(word);
  if (!files) return Propagate(files);
  NamedSet set{applied ? "the applied set" : Printable(word, 4096), std::move(*files), {}};
  set.checked = vmspec::CheckSpec(set.files);
  return set;
}

bool ShowFaults(const Context& context, const NamedSet& set) {
  if (set.checked.ok()) return false;
  context.around().err << vmspec::FormatDiagnostics(set.files, set.checked, false);
  context.Complain(set.name + " is at fault; bulkhead spec check says how");
  return true;
}

std::string PlaceText(const vmspec::Origin& origin) { return Printable(origin.ToString(), 4096); }

}  // namespace bulkhead::cli
