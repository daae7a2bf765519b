// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/libvirt/libvirt_error.h"

#include <libvirt/virterror.h>

#include <cerrno>

#include "vmspec/base/sanitize.h"

namespace bulkhead::hostd {

namespace {

constexpr std::size_t kMaxMessage = 600;

ErrorCode CodeOfErrno(int number) {
  switch (number) {
    case ENOENT:
      return ErrorCode::kNotFound;
    case EACCES:
    case EPERM:
      return ErrorCode::kPermission;
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::kLimit;
    default:
      return ErrorCode::kIo;
  }
}

ErrorCode CodeOf(const virError& error) {
  switch (error.code) {
    case VIR_ERR_NO_DOMAIN:
      return ErrorCode::kNotFound;
    case VIR_ERR_DOM_EXIST:
      return ErrorCode::kExists;
    case VIR_ERR_XML_ERROR:
    case VIR_ERR_XML_DETAIL:
    case VIR_ERR_XML_INVALID_SCHEMA:
    case VIR_ERR_CONFIG_UNSUPPORTED:
      return ErrorCode::kInvalid;
    case VIR_ERR_AUTH_FAILED:
    case VIR_ERR_AUTH_CANCELLED:
    case VIR_ERR_AUTH_UNAVAILABLE:
    case VIR_ERR_ACCESS_DENIED:
      return ErrorCode::kPermission;
    case VIR_ERR_OPERATION_TIMEOUT:
      return ErrorCode::kTimeout;
    case VIR_ERR_NO_CONNECT:
    case VIR_ERR_INVALID_CONN:
      return ErrorCode::kUnavailable;
    case VIR_ERR_SYSTEM_ERROR:
      return CodeOfErrno(error.int1);  // virReportSystemError puts errno there
    default:
      return ErrorCode::kIo;
  }
}

}  // namespace

std::unexpected<Error> FailLibvirt(std::string_view doing) {
  const virError* error = virGetLastError();
  if (error == nullptr)
    return Fail(ErrorCode::kInternal, std::string(doing) + ": libvirt gives no reason");
  std::string text =
      error->message != nullptr ? Printable(error->message, kMaxMessage) : "no message";
  return Fail(CodeOf(*error), std::string(doing) + ": " + text);
}

int LastLibvirtCode() {
  const virError* error = virGetLastError();
  return error == nullptr ? VIR_ERR_OK : error->code;
}

}  // namespace bulkhead::hostd
