// SPDX-License-Identifier: GPL-2.0-or-later
/// Any bytes as the stream of a hostile guest (sending half) or of a hostile sending half
/// (receiving half), through scanner and intake: whatever comes, nothing is stored that was not
/// admitted, no byte beyond the declared size, and only what has its digest is finished.
///
/// The first byte chooses: bit 0 the pipe instead of a guest; bit 1 that the rest is not the stream
/// itself but a recipe for valid frames (type, length, payload), which a checksum would else hide.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "diode/spool_file.h"
#include "diode/transfer_intake.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/base/transfer_name.h"

namespace {

using namespace bulkhead;
using namespace bulkhead::diode;

constexpr std::uint64_t kMaxFile = 5000;

void Demand(bool condition) {
  if (!condition) std::abort();
}

/// What a shell would have on its disk.
struct Disk {
  bool open = false;
  Transfer transfer;
  Bytes content;
};

void Check(const Step& step, Disk& disk) {
  Demand(step.refused.size() <= 2);
  for (const Refusal& refusal : step.refused) {
    Demand(!refusal.reason.empty() && IsPrintable(refusal.reason));
    disk = {};
  }
  if (auto* store = std::get_if<Store>(&step.action)) {
    Demand(!disk.open && store->transfer.size <= kMaxFile);
    Demand(CheckTransferName(store->transfer.name).has_value());
    disk = {true, store->transfer, {}};
  } else if (auto* append = std::get_if<Append>(&step.action)) {
    Demand(disk.open && !append->bytes.empty());
    disk.content.insert(disk.content.end(), append->bytes.begin(), append->bytes.end());
    Demand(disk.content.size() <= disk.transfer.size);
  } else if (auto* finish = std::get_if<Finish>(&step.action)) {
    Demand(disk.open && disk.content.size() == disk.transfer.size);
    Demand(Sha256Of(disk.content) == finish->sha256);
    Transfer whole = disk.transfer;
    whole.sha256 = finish->sha256;
    auto header = EncodeSpoolHeader(whole);
    Demand(header.size() <= kContentOffset);
    auto again = DecodeSpoolHeader(header);
    Demand(again && again->name == whole.name && again->size == whole.size);
    disk = {};
  }
}

Bytes FramesFrom(ByteView recipe) {
  Bytes stream;
  while (recipe.size() >= 2) {
    auto type = static_cast<std::uint16_t>(199 + recipe[0] % 8);
    std::size_t n = std::min<std::size_t>(recipe[1], recipe.size() - 2);
    Bytes frame = EncodeFrame(type, recipe.subspan(2, n));
    stream.insert(stream.end(), frame.begin(), frame.end());
    recipe = recipe.subspan(2 + n);
  }
  return stream;
}

void Feed(ByteView stream, bool from_pipe) {
  using Resync = FrameScanner::Resync;
  FrameScanner scanner(from_pipe ? Resync::kStreamStart : Resync::kStreamStartOrBegin);
  TransferIntake intake(kMaxFile, [](const Transfer& transfer) -> Status {
    if (transfer.id[0] != 0xFF) return {};
    return Fail(ErrorCode::kLimit, "no room");
  });
  Disk disk;
  while (!stream.empty()) {
    auto want = scanner.Want();
    Demand(!want.empty() && want.size() <= transfer::kMaxPayload);
    std::size_t n = std::min(want.size(), stream.size());
    std::copy_n(stream.begin(), n, want.begin());
    stream = stream.subspan(n);
    scanner.Filled(n);
    if (scanner.TakeLostStep()) Check(intake.Interrupt("the step was lost"), disk);
    if (auto frame = scanner.Next()) Check(intake.Take(*frame), disk);
    Demand(disk.open == intake.receiving());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  ByteView rest(data + 1, size - 1);
  Bytes frames;
  if (data[0] & 2) rest = frames = FramesFrom(rest);
  Feed(rest, data[0] & 1);
  // A spool's file may be damaged in any way.
  (void)DecodeSpoolHeader(ByteView(data, size));
  return 0;
}
