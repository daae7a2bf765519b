// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/sha256.h"

#include <openssl/evp.h>
#include <unistd.h>

namespace bulkhead {

struct Sha256::Impl {
  EVP_MD_CTX* ctx = EVP_MD_CTX_new();
  ~Impl() { EVP_MD_CTX_free(ctx); }
  void Start() { EVP_DigestInit_ex(ctx, EVP_sha256(), nullptr); }
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) { impl_->Start(); }
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Update(ByteView in) { EVP_DigestUpdate(impl_->ctx, in.data(), in.size()); }

Sha256Digest Sha256::Finish() {
  Sha256Digest out{};
  EVP_DigestFinal_ex(impl_->ctx, out.data(), nullptr);
  impl_->Start();
  return out;
}

Sha256Digest Sha256Of(ByteView in) {
  Sha256 h;
  h.Update(in);
  return h.Finish();
}

Result<Sha256Digest> Sha256OfFile(int fd) {
  Sha256 h;
  Bytes buffer(1 << 18);
  for (;;) {
    ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n == 0) return h.Finish();
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno("read");
    h.Update(ByteView(buffer).first(static_cast<std::size_t>(n)));
  }
}

std::string Hex(ByteView in) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(in.size() * 2);
  for (std::uint8_t b : in) {
    out += kDigits[b >> 4];
    out += kDigits[b & 15];
  }
  return out;
}

Result<Bytes> Unhex(std::string_view in) {
  auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  Bytes out;
  if (in.size() % 2 != 0) return Fail(ErrorCode::kInvalid, "odd number of hex digits");
  for (std::size_t i = 0; i < in.size(); i += 2) {
    int hi = digit(in[i]);
    int lo = digit(in[i + 1]);
    if (hi < 0 || lo < 0) return Fail(ErrorCode::kInvalid, "not a hex digit");
    out.push_back(static_cast<std::uint8_t>(hi << 4 | lo));
  }
  return out;
}

}  // namespace bulkhead
