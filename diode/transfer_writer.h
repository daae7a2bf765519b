// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "diode/transfer.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::diode {

/// Writes transfers as frames to something that takes what it can: the pipe, or a level's port. One
/// fixed buffer; never waits.
class TransferWriter {
 public:
  /// Takes some of the bytes, as write(2) does: how many, or -1 and errno.
  using Sink = std::function<ssize_t(const void* bytes, std::size_t size)>;
  enum class Pump {
    kDone,     ///< all that was started is out
    kBlocked,  ///< the sink takes no more now
    kGone,     ///< the other end is closed
    kDamaged,  ///< the stored file could not be read: its transfer ends with Abort
  };

  /// @param from  the source level, told in every Begin
  explicit TransferWriter(std::string from);

  /// A new stream. Zeros that fill up any frame which an earlier writer left unfinished, then
  /// StreamStart: a reader that does not know that the writer changed finds its step here.
  void OpenStream();
  /// Begins a transfer, when Pump() said kDone.
  /// @param content  its file, read from kContentOffset on.
  void Start(const Transfer& transfer, UniqueFd content);
  /// At most about `budget` bytes; kDone also when the budget is spent and busy() still holds.
  Pump Write(const Sink& sink, std::size_t budget);

  /// Something that was started is not yet out.
  [[nodiscard]] bool busy() const { return buffered_ > sent_ || stage_ != Stage::kIdle; }
  /// Bytes since OpenStream().
  [[nodiscard]] std::uint64_t written() const { return written_; }

 private:
  enum class Stage { kIdle, kData, kEnd };
  void Load(ByteView bytes);
  bool Fill();
  bool FillData();

  std::string from_;
  Bytes buffer_;
  std::size_t buffered_ = 0;
  std::size_t sent_ = 0;
  Stage stage_ = Stage::kIdle;
  Transfer transfer_;
  UniqueFd content_;
  std::uint64_t offset_ = 0;
  std::uint64_t written_ = 0;
};

}  // namespace bulkhead::diode
