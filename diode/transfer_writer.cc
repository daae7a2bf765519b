// SPDX-License-Identifier: GPL-2.0-or-later
#include "diode/transfer_writer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "diode/spool_file.h"

namespace bulkhead::diode {

namespace {
constexpr std::size_t kDataPrefix = kFrameHeaderBytes + 4;
constexpr std::size_t kLargestFrame = transfer::kMaxPayload + kFrameHeaderBytes;
}  // namespace

TransferWriter::TransferWriter(std::string from)
    : from_(std::move(from)), buffer_(kLargestFrame + 64) {}

void TransferWriter::OpenStream() {
  stage_ = Stage::kIdle;
  content_.reset();
  written_ = 0;
  sent_ = 0;
  std::fill_n(buffer_.begin(), kLargestFrame, std::uint8_t{0});
  auto start = transfer::Encode(transfer::Message(transfer::StreamStart{}));
  std::copy(start.begin(), start.end(), buffer_.begin() + kLargestFrame);
  buffered_ = kLargestFrame + start.size();
}

void TransferWriter::Load(ByteView bytes) {
  std::copy(bytes.begin(), bytes.end(), buffer_.begin());
  buffered_ = bytes.size();
  sent_ = 0;
}

void TransferWriter::Start(const Transfer& transfer, UniqueFd content) {
  transfer_ = transfer;
  content_ = std::move(content);
  offset_ = 0;
  stage_ = Stage::kData;
  Load(transfer::Encode(transfer::Message(
      transfer::Begin{transfer.id, transfer.name, from_, transfer.size, transfer.time_us})));
}

/// The next frame into the empty buffer. False when the file is not what it was.
bool TransferWriter::Fill() {
  if (offset_ < transfer_.size) return FillData();
  Load(transfer::Encode(transfer::Message(transfer::End{transfer_.sha256})));
  stage_ = Stage::kIdle;
  content_.reset();
  return true;
}

bool TransferWriter::FillData() {
  auto want = static_cast<std::size_t>(
      std::min<std::uint64_t>(transfer::kMaxData, transfer_.size - offset_));
  ssize_t n = ::pread(content_.get(), buffer_.data() + kDataPrefix, want,
                      static_cast<off_t>(kContentOffset + offset_));
  if (n <= 0) {
    Load(transfer::Encode(transfer::Message(transfer::Abort{})));
    stage_ = Stage::kIdle;
    content_.reset();
    return false;
  }
  auto length = static_cast<std::uint32_t>(n);
  auto header = EncodeFrameHeader(transfer::Data::kType, length + 4);
  std::ranges::copy(header, buffer_.begin());
  Writer blob;
  blob.U32(length);
  std::ranges::copy(blob.bytes(), buffer_.begin() + kFrameHeaderBytes);
  buffered_ = kDataPrefix + length;
  sent_ = 0;
  offset_ += length;
  return true;
}

TransferWriter::Pump TransferWriter::Write(const Sink& sink, std::size_t budget) {
  while (busy()) {
    if (sent_ == buffered_) {
      if (budget == 0) return Pump::kDone;
      if (!Fill()) return Pump::kDamaged;
      budget -= std::min(budget, buffered_);
    }
    ssize_t n = sink(buffer_.data() + sent_, buffered_ - sent_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Pump::kBlocked;
    if (n < 0) return Pump::kGone;
    sent_ += static_cast<std::size_t>(n);
    written_ += static_cast<std::uint64_t>(n);
  }
  return Pump::kDone;
}

}  // namespace bulkhead::diode
