// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <memory>
#include <string>

#include "vmspec/base/codec.h"
#include "vmspec/base/error.h"

namespace bulkhead {

using Sha256Digest = std::array<std::uint8_t, 32>;

/// Incremental SHA-256 (OpenSSL EVP).
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void Update(ByteView in);
  /// The digest of all so far; the object starts anew afterwards.
  Sha256Digest Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

Sha256Digest Sha256Of(ByteView in);
/// Reads `fd` from its current offset to the end.
Result<Sha256Digest> Sha256OfFile(int fd);
std::string Hex(ByteView in);
/// Exactly 2*N hex digits, either case; empty optional-like failure as kInvalid.
Result<Bytes> Unhex(std::string_view in);

}  // namespace bulkhead
