// SPDX-License-Identifier: GPL-2.0-or-later
/// What survives brokerd: the ledger and the policy, each in one file, replaced whole and durably.
/// A file is one frame and the SHA-256 of it.
#pragma once

#include <string>

#include "device-broker/policy.h"
#include "device-broker/state.h"

namespace bulkhead::broker {

Bytes EncodeLedger(const Ledger& ledger);
Result<Ledger> DecodeLedger(ByteView in);

class Store {
 public:
  /// @param folder  exists; nobody else writes there
  explicit Store(std::string folder) : folder_(std::move(folder)) {}

  /// An empty ledger where there is no file. kCorrupt when the file is not what was written:
  /// somebody may hold a device that nobody knows of, so the caller lends nothing.
  Result<Ledger> LoadLedger() const;
  Status SaveLedger(const Ledger& ledger) const;

  /// kNotFound where there is no file.
  Result<Policy> LoadPolicy() const;
  Status SavePolicy(const Policy& policy) const;

  [[nodiscard]] std::string LedgerPath() const { return folder_ + "/lent"; }
  [[nodiscard]] std::string PolicyPath() const { return folder_ + "/policy"; }

 private:
  std::string folder_;
};

}  // namespace bulkhead::broker
