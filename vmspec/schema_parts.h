// SPDX-License-Identifier: GPL-2.0-or-later
/// What the tables of several files share.
#pragma once

#include "vmspec/schema.h"

namespace bulkhead::vmspec {

inline constexpr std::uint64_t kKiB = 1ULL << 10;
inline constexpr std::uint64_t kMiB = 1ULL << 20;
inline constexpr std::uint64_t kTiB = 1ULL << 40;
inline constexpr std::uint64_t kHour = 3600;
inline constexpr std::uint64_t kDay = 24 * kHour;

inline constexpr KeySchema kSchemaKey{.key = "schema",
                                      .form = Form::kInteger,
                                      .required = true,
                                      .range = {kOldestSchema, kCurrentSchema},
                                      .meaning = "at the top of the file; 2 today"};
inline constexpr KeySchema kCommentKey{
    .key = "comment", .form = Form::kText, .range = {1, 256}, .meaning = "for people"};

}  // namespace bulkhead::vmspec
