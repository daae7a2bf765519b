// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "guest-images/agent/known_ids.h"
#include "vmspec/base/error.h"
#include "vmspec/base/transfer_messages.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::agent {

/// Extended attributes of a file that came in.
inline constexpr char kOriginAttribute[] = "user.bulkhead.origin";      ///< the level it came from
inline constexpr char kTransferAttribute[] = "user.bulkhead.transfer";  ///< its id, in hexadecimal

/// "report.pdf", 2 -> "report (2).pdf". At most 255 bytes: the part before the ending is cut, never
/// within a character.
std::string NumberedName(const std::string& name, unsigned number);

/// Stores files of one flow in one folder, each all at once (I4): it has no name until it is whole,
/// checked and durable. Runs as the level's user, so that a link which that user plants leads
/// nowhere that user could not go.
class Inbox {
 public:
  /// @param home    folder of the user; files go to home/Incoming/FROM, made when missing.
  /// @param known   ids that were stored before, durable.
  Inbox(std::string home, std::string from, KnownIds known)
      : home_(std::move(home)), from_(std::move(from)), known_(std::move(known)) {}

  /// A file begins; what was unfinished is void. false: this one is stored already, its bytes can
  /// be skipped. Errors say in one sentence why it is not stored for good.
  Result<bool> Begin(const transfer::Begin& begin);
  Status Append(ByteView bytes);
  /// After success it lies durable under a free name: its own, or NumberedName() of it.
  Status Finish(const Sha256Digest& sha256);
  /// Nothing of an unfinished file stays.
  void Drop() { file_.reset(); }

 private:
  Result<UniqueFd> OpenFolder() const;
  Status Publish(int folder);
  [[nodiscard]] bool IsThisTransfer(int folder, const std::string& name) const;

  std::string home_;
  std::string from_;
  KnownIds known_;
  transfer::Begin begin_;
  UniqueFd file_;
  std::uint64_t received_ = 0;
  Sha256 hash_;
};

}  // namespace bulkhead::agent
