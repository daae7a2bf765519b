// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace bulkhead {
namespace {

bool IsOpen(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
int Fresh() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

TEST(UniqueFd, ClosesOnceAtTheEndOfItsLife) {
  int raw = Fresh();
  {
    UniqueFd fd(raw);
    EXPECT_TRUE(IsOpen(raw));
  }
  EXPECT_FALSE(IsOpen(raw));
}

TEST(UniqueFd, HandsOverAndIsEmptyAfterwards) {
  UniqueFd a(Fresh());
  int raw = a.get();
  UniqueFd b(std::move(a));
  EXPECT_FALSE(
      a.valid());  // NOLINT(bugprone-use-after-move): what a moved-from one is, is promised
  EXPECT_EQ(raw, b.get());
  UniqueFd c(Fresh());
  int replaced = c.get();
  c = std::move(b);
  EXPECT_FALSE(IsOpen(replaced));
  EXPECT_EQ(raw, c.get());
  EXPECT_TRUE(IsOpen(raw));
}

TEST(UniqueFd, SurvivesBeingMovedToItself) {
  UniqueFd fd(Fresh());
  UniqueFd& same = fd;
  fd = std::move(same);
  EXPECT_TRUE(IsOpen(fd.get()));
}

TEST(UniqueFd, ReleasedIsTheCallersToClose) {
  UniqueFd fd(Fresh());
  int raw = fd.release();
  EXPECT_FALSE(fd);
  EXPECT_TRUE(IsOpen(raw));
  ::close(raw);
}

}  // namespace
}  // namespace bulkhead
