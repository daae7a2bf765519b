// SPDX-License-Identifier: GPL-2.0-or-later
/// Spec sets that a command line names: a folder, or the set in force.
#pragma once

#include "hostd/cli/context.h"
#include "vmspec/spec.h"

namespace bulkhead::cli {

struct NamedSet {
  std::string name;  ///< printable: the folder, or "the applied set"
  vmspec::SpecFiles files;
  vmspec::CheckedSpec checked;
};

/// The files of the set in force, from hostd; none when there is none.
Result<vmspec::SpecFiles> AppliedFiles(Context& context);

/// `word` is a folder, or "applied": the set in force, which is empty when there is none. (A folder
/// of that name is ./applied.) Whether it is sound the caller has to ask.
Result<NamedSet> ReadSet(Context& context, const std::string& word);

/// Shows the faults of a set that has some; false when it has none.
bool ShowFaults(const Context& context, const NamedSet& set);

/// "levels/low.toml:7", or "default"; printable.
std::string PlaceText(const vmspec::Origin& origin);

}  // namespace bulkhead::cli
