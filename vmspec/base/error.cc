// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/error.h"

namespace bulkhead {

std::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return "invalid";
    case ErrorCode::kNotFound:
      return "not-found";
    case ErrorCode::kExists:
      return "exists";
    case ErrorCode::kPermission:
      return "permission";
    case ErrorCode::kRefused:
      return "refused";
    case ErrorCode::kBusy:
      return "busy";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kLimit:
      return "limit";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kTimeout:
      return "timeout";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kOutcomeUnknown:
      return "outcome-unknown";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

std::unexpected<Error> FailErrno(std::string_view doing, int saved_errno) {
  ErrorCode code = ErrorCode::kIo;
  switch (saved_errno) {
    case EACCES:
    case EPERM:
      code = ErrorCode::kPermission;
      break;
    case ENOENT:
      code = ErrorCode::kNotFound;
      break;
    case EEXIST:
      code = ErrorCode::kExists;
      break;
    case ENOSPC:
    case EDQUOT:
      code = ErrorCode::kLimit;
      break;
    default:
      break;
  }
  return std::unexpected(
      Error{code, std::string(doing) + ": " + std::strerror(saved_errno), saved_errno});
}

}  // namespace bulkhead
