// SPDX-License-Identifier: GPL-2.0-or-later
#include "diode/spool_file.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "vmspec/base/transfer_name.h"

namespace bulkhead::diode {

namespace {
constexpr std::uint32_t kSpoolMagic = 0x31505342;  // "BSP1"
}  // namespace

std::string SpoolName(std::uint64_t seq, std::string_view suffix) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016" PRIx64, seq);
  return std::string(digits) + std::string(suffix);
}

std::optional<std::uint64_t> ParseSpoolName(std::string_view name, std::string_view suffix) {
  if (name.size() != 16 + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  std::uint64_t seq = std::strtoull(std::string(name.substr(0, 16)).c_str(), nullptr, 16);
  if (SpoolName(seq, suffix) != name) return std::nullopt;
  return seq;
}

Bytes EncodeSpoolHeader(const Transfer& transfer) {
  Writer w;
  w.U32(kSpoolMagic).Raw(transfer.id).Str(transfer.name).U64(transfer.size);
  w.U64(static_cast<std::uint64_t>(transfer.time_us)).Raw(transfer.sha256);
  w.U32(Crc32(w.bytes()));
  return w.Take();
}

Result<Transfer> DecodeSpoolHeader(ByteView page) {
  Reader r(page);
  Transfer transfer;
  bool magic = r.U32() == kSpoolMagic;
  ByteView id = r.Raw(transfer.id.size());
  transfer.name = r.Str(kMaxTransferName);
  transfer.size = r.U64();
  transfer.time_us = static_cast<std::int64_t>(r.U64());
  ByteView digest = r.Raw(transfer.sha256.size());
  std::size_t covered = page.size() - r.left();
  bool intact = magic && r.ok() && r.U32() == Crc32(page.first(covered)) && r.ok();
  if (!intact) return Fail(ErrorCode::kCorrupt, "the header of a spooled transfer is damaged");
  std::copy(id.begin(), id.end(), transfer.id.begin());
  std::copy(digest.begin(), digest.end(), transfer.sha256.begin());
  return transfer;
}

}  // namespace bulkhead::diode
