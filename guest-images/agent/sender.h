// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <string>

#include "vmspec/base/transfer_messages.h"

namespace bulkhead::agent {

/// Writes one file as a transfer to an outgoing port.
class Sender {
 public:
  /// Called after each piece; false: nobody wants the file any more.
  using Progress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

  /// Writes all of `bytes`. kConflict: the host's side was replaced meanwhile, so that the stream
  /// has to begin anew. kTimeout: it takes nothing.
  using Sink = std::function<Status(ByteView bytes)>;

  Sender(int file, std::string name, Progress progress)
      : file_(file), name_(std::move(name)), progress_(std::move(progress)) {}

  /// The whole stream: StreamStart, Begin, Data, End; Abort in place of End when the file changed.
  /// @param torn  a writer before this one may have left a frame unfinished: zeros fill it up.
  /// kConflict as of the sink: call again. After any other error the host has an Abort or nothing.
  Status SendTo(const Sink& sink, bool torn);

 private:
  static transfer::TransferId NewId();
  Status SendContent(const Sink& sink, std::uint64_t size);
  Status SendPiece(const Sink& sink, std::uint64_t at, std::uint64_t left, std::uint64_t& sent);

  int file_;
  std::string name_;
  Progress progress_;
  transfer::TransferId id_ = NewId();
  Sha256 hash_;
};

/// `bulkhead-agent send NAME torn|clean`: sends kFileFd to kPortFd, tells kClientFd.
int SendMain(int argc, char** argv);

}  // namespace bulkhead::agent
