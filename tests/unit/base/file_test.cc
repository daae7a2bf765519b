// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <functional>
#include <vector>

#include "vmspec/base/unique_fd.h"

namespace bulkhead {
namespace {

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/bulkhead-file-XXXXXX";
    ASSERT_NE(nullptr, ::mkdtemp(folder));
    folder_ = folder;
    path_ = folder_ + "/thing";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_, path_;
};

mode_t ModeOf(const std::string& path) {
  struct stat s{};
  return ::stat(path.c_str(), &s) == 0 ? s.st_mode & 07777 : 0;
}

TEST_F(FileTest, IsReadWholeUpToItsBound) {
  std::string big(200'000, 'x');
  ASSERT_TRUE(WriteFileAtomically(path_, big, 0600));
  EXPECT_EQ(big, ReadFile(path_, big.size()).value());
  auto too_long = ReadFile(path_, big.size() - 1);
  ASSERT_FALSE(too_long);
  EXPECT_EQ(ErrorCode::kLimit, too_long.error().code);
}

TEST_F(FileTest, ThatIsNotThereOrNoFileIsAnErrorThatNamesIt) {
  auto missing = ReadFile(path_, 10);
  ASSERT_FALSE(missing);
  EXPECT_EQ(ErrorCode::kNotFound, missing.error().code);
  EXPECT_NE(std::string::npos, missing.error().message.find(path_));
  EXPECT_FALSE(ReadFile(folder_, 10));
}

TEST_F(FileTest, IsReplacedWithItsModeAndBehindALink) {
  ASSERT_TRUE(WriteFileAtomically(path_, "old", 0640));
  std::filesystem::create_symlink("thing", folder_ + "/link");
  ASSERT_TRUE(ReplaceFile(folder_ + "/link", "new"));
  EXPECT_EQ("new", ReadFile(path_, 10).value());
  EXPECT_EQ(0640U, ModeOf(path_));
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ + "/link"));
  EXPECT_EQ(ErrorCode::kNotFound, ReplaceFile(folder_ + "/none", "new").error().code);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/none"));
}

TEST_F(FileTest, OfTheProcFileSystemIsReadThoughItsSizeIsNothing) {
  EXPECT_FALSE(ReadFile("/proc/self/status", 1 << 20).value().empty());
}

TEST_F(FileTest, IsReplacedWithTheModeItIsGiven) {
  mode_t former = ::umask(077);
  EXPECT_TRUE(WriteFileAtomically(path_, "one", 0644));
  EXPECT_EQ(0644U, ModeOf(path_)) << "whatever the umask";
  EXPECT_TRUE(WriteFileAtomically(path_, "two", 0600));
  ::umask(former);
  EXPECT_EQ(0600U, ModeOf(path_));
  EXPECT_EQ("two", ReadFile(path_, 10).value());
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
}

/// A disk that is full after `bytes`: in a child, because the limit is the process's.
int EndWithFileLimit(rlim_t bytes, const std::function<bool()>& work) {
  pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{bytes, bytes};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::_exit(work() ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

TEST_F(FileTest, KeepsItsOldContentWhenTheNewDoesNotFit) {
  ASSERT_TRUE(WriteFileAtomically(path_, "old", 0600));
  EXPECT_EQ(0, EndWithFileLimit(4096, [this] {
              return !WriteFileAtomically(path_, std::string(8192, 'n'), 0600);
            }));
  EXPECT_EQ("old", ReadFile(path_, 10).value());
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new")) << "nothing half-written stays";
}

TEST_F(FileTest, CannotBeWrittenIntoAFolderThatIsNotThere) {
  Status written = WriteFileAtomically(folder_ + "/no/thing", "new", 0600);
  ASSERT_FALSE(written);
  EXPECT_EQ(ErrorCode::kNotFound, written.error().code);
}

TEST_F(FileTest, CannotBeSentElsewhereByASymlinkInItsPlace) {
  std::string victim = folder_ + "/victim";
  ASSERT_TRUE(WriteFileAtomically(victim, "precious", 0600));
  // At the target: it is replaced, not followed.
  ASSERT_EQ(0, ::symlink("victim", path_.c_str()));
  ASSERT_TRUE(WriteFileAtomically(path_, "new", 0600));
  EXPECT_FALSE(std::filesystem::is_symlink(path_));
  EXPECT_EQ("precious", ReadFile(victim, 100).value());
  // At the temporary file: the same.
  ASSERT_EQ(0, ::symlink("victim", (path_ + ".new").c_str()));
  EXPECT_TRUE(WriteFileAtomically(path_, "newer", 0600));
  EXPECT_EQ("precious", ReadFile(victim, 100).value());
  EXPECT_EQ("newer", ReadFile(path_, 100).value());
}

TEST_F(FileTest, IsWrittenThoughAnEarlierWriterDiedHalfWay) {
  UniqueFd torn(::open((path_ + ".new").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  ASSERT_EQ(9, ::write(torn.get(), "torn torn", 9));
  torn.reset();
  ASSERT_TRUE(WriteFileAtomically(path_, "new", 0600));
  EXPECT_EQ("new", ReadFile(path_, 100).value());
}

TEST_F(FileTest, IsWrittenThroughADescriptorWhole) {
  int fds[2];
  ASSERT_EQ(0, ::pipe2(fds, O_CLOEXEC));
  UniqueFd reading(fds[0]), writing(fds[1]);
  std::string big(300'000, 'y');  // more than the pipe holds: write(2) takes a part at a time
  pid_t child = ::fork();
  if (child == 0) ::_exit(WriteFully(writing.get(), big.data(), big.size()) ? 0 : 1);
  writing.reset();
  std::string got;
  char buffer[4096];
  for (ssize_t n; (n = ::read(reading.get(), buffer, sizeof buffer)) > 0;) {
    got.append(buffer, static_cast<std::size_t>(n));
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(0, status);
  EXPECT_TRUE(got == big);
}

/// Runs WriteFileAtomically(path, content) in a child and kills it at the `stop`th entry to or exit
/// from a system call. Fills the calls seen; false when the child ended before.
class Stepper {
 public:
  enum class End { kKilled, kFinished, kNoPtrace };

  End Run(const std::string& path, const std::string& content, std::size_t stop) {
    calls_.clear();
    pid_t child = ::fork();
    if (child == 0) {
      if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(9);
      ::raise(SIGSTOP);
      ::_exit(WriteFileAtomically(path, content, 0600) ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status)) return End::kNoPtrace;
    ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    for (std::size_t i = 0; i < stop; ++i) {
      ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
      ::waitpid(child, &status, 0);
      if (WIFEXITED(status) || WIFSIGNALED(status)) return End::kFinished;
      Note(child);
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    return End::kKilled;
  }

  /// Numbers of the system calls entered, in order.
  [[nodiscard]] const std::vector<std::uint64_t>& calls() const { return calls_; }

 private:
  void Note(pid_t child) {
    __ptrace_syscall_info info{};
    ::ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info);
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) calls_.push_back(info.entry.nr);
  }
  std::vector<std::uint64_t> calls_;
};

TEST_F(FileTest, IsOldOrNewWholeWhereverItsWriterIsKilled) {
  const std::string old_content(5000, 'o'), new_content(9000, 'n');
  Stepper stepper;
  std::size_t kills = 0;
  bool ever_new = false;
  for (;; ++kills) {
    ASSERT_TRUE(WriteFileAtomically(path_, old_content, 0600));
    auto end = stepper.Run(path_, new_content, kills);
    if (end == Stepper::End::kNoPtrace) GTEST_SKIP() << "no ptrace here";
    std::string now = ReadFile(path_, 1 << 20).value();
    ASSERT_TRUE(now == old_content || now == new_content) << "killed at stop " << kills;
    // Once new, it stays so: no later step takes it back.
    ASSERT_TRUE(!ever_new || now == new_content) << "killed at stop " << kills;
    ever_new = now == new_content;
    if (end == Stepper::End::kFinished) break;
    ASSERT_LT(kills, 1000U);
  }
  EXPECT_TRUE(ever_new);
  EXPECT_GT(kills, 10U) << "open, write, chmod, fsync, rename, fsync: twice each";
}

TEST_F(FileTest, IsOnTheDiskBeforeItsNameAndItsNameBeforeTheEnd) {
  Stepper stepper;
  auto end = stepper.Run(path_, "content", 1000);
  if (end == Stepper::End::kNoPtrace) GTEST_SKIP() << "no ptrace here";
  const auto& calls = stepper.calls();
  auto rename = std::ranges::find_if(calls, [](std::uint64_t nr) {
    return nr == SYS_rename || nr == SYS_renameat || nr == SYS_renameat2;
  });
  ASSERT_NE(calls.end(), rename);
  EXPECT_EQ(1, std::count(calls.begin(), rename, SYS_fsync)) << "the file";
  EXPECT_EQ(1, std::count(rename, calls.end(), SYS_fsync)) << "the folder";
}

TEST_F(FileTest, CannotBeMadeToWriteIntoWhatLiesUnderTheTemporaryName) {
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/other", "other", 0644));
  ASSERT_EQ(::link((folder_ + "/other").c_str(), (path_ + ".new").c_str()), 0);
  EXPECT_TRUE(WriteFileAtomically(path_, "one", 0600));
  EXPECT_EQ(ReadFile(folder_ + "/other", 100).value(), "other");
  EXPECT_EQ(ModeOf(folder_ + "/other"), 0644U);
  ASSERT_EQ(::mkfifo((path_ + ".new").c_str(), 0600), 0);
  EXPECT_TRUE(WriteFileAtomically(path_, "two", 0600)) << "nobody reads that FIFO";
  EXPECT_EQ(ReadFile(path_, 100).value(), "two");
}

}  // namespace
}  // namespace bulkhead
