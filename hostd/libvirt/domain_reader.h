// SPDX-License-Identifier: GPL-2.0-or-later
/// What a domain's XML, as libvirt prints it, says about a level. Pure. The XML of foreign domains
/// is read too: strict, and without any entity or network access.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace bulkhead::hostd {

struct DomainFacts {
  std::string level;
  std::uint32_t index = 0;
  std::string image_version;
  std::int64_t created_unix_s = 0;
  std::vector<std::string> media;      ///< device ids, sorted
  std::set<std::string> target_names;  ///< of all disks: "vda"
};

/// The facts of a domain of ours. None: no metadata of ours, or metadata that names another level
/// than the domain's name does, or anything else that we would not have written.
std::optional<DomainFacts> ReadDomain(const std::string& xml);

}  // namespace bulkhead::hostd
