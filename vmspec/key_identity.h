// SPDX-License-Identifier: GPL-2.0-or-later
/// Which names mean the same key. Two [key.NAME] that may be one PKCS#11 object, or that open
/// for recipients of one certificate, are one; what is sealed for a certificate is sealed for every
/// recipient who has it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "vmspec/model.h"

namespace bulkhead::vmspec {

class KeyIdentity {
 public:
  explicit KeyIdentity(const SpecSet& spec);

  /// Nothing: the set has no such key.
  [[nodiscard]] std::optional<std::uint32_t> Of(const std::string& key) const;
  /// Of all of them, sorted, each once.
  [[nodiscard]] std::vector<std::uint32_t> OfKeys(const std::vector<std::string>& keys) const;
  /// The keys of this host that open what is made for these.
  [[nodiscard]] std::vector<std::uint32_t> OfRecipients(
      const std::vector<std::string>& recipients) const;

 private:
  void Unite(std::uint32_t a, std::uint32_t b);
  [[nodiscard]] std::uint32_t Root(std::uint32_t id) const;

  const SpecSet& spec_;
  std::map<std::string, std::uint32_t> ids_;
  std::vector<std::uint32_t> parent_;
  std::map<std::string, std::uint32_t> key_of_certificate_;  ///< one of those that open for it
};

}  // namespace bulkhead::vmspec
