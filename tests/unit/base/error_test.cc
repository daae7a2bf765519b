// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/error.h"

#include <gtest/gtest.h>

#include <set>

namespace bulkhead {
namespace {

TEST(Error, OfASystemCallSaysWhatWasDoneAndWhy) {
  Error error = FailErrno("open /x", EACCES).error();
  EXPECT_EQ("open /x: Permission denied", error.message);
  EXPECT_EQ(EACCES, error.sys_errno);
}

TEST(Error, NumbersOfTheSystemBecomeWhatACallerCanActOn) {
  auto code = [](int number) { return FailErrno("x", number).error().code; };
  EXPECT_EQ(ErrorCode::kPermission, code(EACCES));
  EXPECT_EQ(ErrorCode::kPermission, code(EPERM));
  EXPECT_EQ(ErrorCode::kNotFound, code(ENOENT));
  EXPECT_EQ(ErrorCode::kExists, code(EEXIST));
  EXPECT_EQ(ErrorCode::kLimit, code(ENOSPC));
  EXPECT_EQ(ErrorCode::kLimit, code(EDQUOT));
  for (int other : {EIO, EINVAL, EROFS, EMFILE, ENODEV}) EXPECT_EQ(ErrorCode::kIo, code(other));
}

TEST(Error, TakesErrnoAsItIsWhenNoneIsNamed) {
  errno = ENOENT;
  EXPECT_EQ(ErrorCode::kNotFound, FailErrno("stat /y").error().code);
}

TEST(Error, KeepsItsCodeUnderWhatWasBeingAttempted) {
  Result<int> inner = FailErrno("open /x", ENOENT);
  Error outer = Propagate(inner, "start low").error();
  EXPECT_EQ("start low: open /x: No such file or directory", outer.message);
  EXPECT_EQ(ErrorCode::kNotFound, outer.code);
  EXPECT_EQ(ENOENT, outer.sys_errno);
  EXPECT_EQ(inner.error().message, Propagate(inner).error().message);
}

// They are in JSON, D-Bus error names, audit records and, as numbers, on the daemons' sockets.
TEST(Error, CodesKeepTheirOrderAndEachHasAWordOfItsOwn) {
  const char* expected[] = {"invalid",     "not-found",       "exists", "permission", "refused",
                            "busy",        "conflict",        "limit",  "corrupt",    "timeout",
                            "unavailable", "outcome-unknown", "io",     "internal"};
  std::set<std::string_view> words;
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    std::string_view word = ErrorCodeName(static_cast<ErrorCode>(i));
    EXPECT_EQ(expected[i], word) << i;
    words.insert(word);
  }
  EXPECT_EQ(std::size(expected), words.size());
  EXPECT_EQ(std::size(expected) - 1, static_cast<std::size_t>(ErrorCode::kInternal));
}

}  // namespace
}  // namespace bulkhead
