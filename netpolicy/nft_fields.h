// SPDX-License-Identifier: GPL-2.0-or-later
/// Where each Field lies for nf_tables.
#pragma once

#include <cstdint>

#include "netpolicy/ruleset.h"

namespace bulkhead::netpolicy {

struct FieldPlace {
  enum class Kind : std::uint8_t { kMeta, kConntrack, kPayload } kind;
  std::uint32_t key;     ///< NFT_META_*, NFT_CT_* or NFT_PAYLOAD_*_HEADER
  std::uint32_t offset;  ///< kPayload: bytes
  std::uint32_t bytes;
};

FieldPlace PlaceOf(Field field);

}  // namespace bulkhead::netpolicy
