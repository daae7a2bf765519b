// SPDX-License-Identifier: GPL-2.0-or-later
/// One applied spec set of the history, and its one form on disk. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "vmspec/base/error.h"
#include "vmspec/spec.h"

namespace bulkhead::hostd {

/// Longer than the longest content of a stored version: 16 MiB of text in 4,096 files, paths,
/// lengths and what is known of the version come on top.
inline constexpr std::size_t kMostVersionBytes = 20UL << 20;
inline constexpr std::size_t kMostComment = 512;

/// Who put it in force, and why.
struct VersionNote {
  std::int64_t time_ms = 0;       ///< unix; 0: not known (an older program applied it)
  std::string actor;              ///< "uid:0"
  std::string comment;            ///< printable, <= kMostComment; may be empty
  std::uint32_t rollback_of = 0;  ///< the version whose text it is again; 0: none
};

struct SpecVersion {
  std::uint32_t number = 0;  ///< from 1, never given twice; 0: no set was ever applied
  VersionNote note;
  std::string sha256;  ///< DigestOf() its files
  std::uint32_t files = 0;
};

struct StoredSpec {
  SpecVersion version;
  vmspec::SpecFiles files;
};

/// What a person can compare with the files they applied: 64 hexadecimal digits.
std::string DigestOf(const vmspec::SpecFiles& files);

/// kLimit: larger than a checked set can be.
Result<std::string> EncodeVersion(const vmspec::SpecFiles& files, std::uint32_t number,
                                  const VersionNote& note);
/// kCorrupt: not what EncodeVersion wrote. What a hostd without history stored has number 0.
Result<StoredSpec> DecodeVersion(const std::string& content);

}  // namespace bulkhead::hostd
