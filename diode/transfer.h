// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "vmspec/base/sha256.h"
#include "vmspec/base/transfer_messages.h"

namespace bulkhead::diode {

/// One file on its way, as a half knows it.
struct Transfer {
  transfer::TransferId id{};  ///< chosen by the guest: names nothing but itself
  std::string name;           ///< passed CheckTransferName once it is stored
  std::uint64_t size = 0;     ///< bytes
  std::int64_t time_us = 0;   ///< the guest's word
  Sha256Digest sha256{};      ///< known once it is whole
};

}  // namespace bulkhead::diode
