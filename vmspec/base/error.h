// SPDX-License-Identifier: GPL-2.0-or-later
/// Errors as values: a closed code, one sentence for a person, errno, and what was being done.
#pragma once

#include <cerrno>
#include <cstring>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace bulkhead {

/// What a caller can do about an error. Closed: add a code only with a caller that acts on it.
enum class ErrorCode {
  kInvalid,         ///< the input is wrong; the message names file, line or value, and the way out
  kNotFound,        ///< no such level, flow, device, file
  kExists,          ///< it is there already
  kPermission,      ///< the caller or this process may not
  kRefused,         ///< policy says no; not a fault
  kBusy,            ///< somebody else holds it; trying later can help
  kConflict,        ///< the world changed since it was read: read again
  kLimit,           ///< a bound or quota would be exceeded
  kCorrupt,         ///< stored or received data is not what its checksum or format promises
  kTimeout,         ///< no answer in the time given
  kUnavailable,     ///< a peer (libvirt, netd, brokerd, guest) is not there; trying later can help
  kOutcomeUnknown,  ///< the request was sent and no answer came: read the state before acting
  kIo,              ///< the operating system said no; see sys_errno
  kInternal,        ///< a bug of ours
};

/// A stable lower-case word for `code` ("not-found"), for JSON, D-Bus error names and audit
/// records.
std::string_view ErrorCodeName(ErrorCode code);

/// One failure. Printed once, by a main or an adaptor, never logged by a library.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  ///< a whole sentence without a final dot; no guest bytes unless sanitised
  int sys_errno = 0;    ///< errno at the spot, or 0

  /// The same error with what was being attempted put in front: "start low: no such image".
  [[nodiscard]] Error Within(std::string_view doing) const {
    return Error{code, std::string(doing) + ": " + message, sys_errno};
  }
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = std::expected<void, Error>;

/// `return Fail(ErrorCode::kInvalid, "...")` from any function that returns a Result.
inline std::unexpected<Error> Fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message), 0});
}

/// The error of a system call that has just failed: "open /x: Permission denied".
/// EACCES and EPERM become kPermission, ENOENT kNotFound, ENOSPC/EDQUOT kLimit, else kIo.
std::unexpected<Error> FailErrno(std::string_view doing, int saved_errno = errno);

/// Hands an error up: `if (!r) return Propagate(r, "load spec");`
template <typename T>
std::unexpected<Error> Propagate(const Result<T>& result, std::string_view doing = {}) {
  return std::unexpected(doing.empty() ? result.error() : result.error().Within(doing));
}

}  // namespace bulkhead
