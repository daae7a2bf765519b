// SPDX-License-Identifier: GPL-2.0-or-later
/// The audit log where the process or the disk ends: kill -9 in the middle, and no room.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "hostd/audit/audit_log.h"
#include "tests/unit/hostd/temp_dir.h"

namespace bulkhead::hostd {
namespace {

using namespace std::chrono_literals;

/// Runs `body` in a child process, which ends with its value.
template <typename Body>
int InChild(Body body) {
  pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/// Appends from four threads for ever; writes each number that was acknowledged to `out`.
[[noreturn]] void AppendForEver(const std::string& path, int out) {
  auto log = AuditLog::Open(path);
  if (!log) ::_exit(1);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (;;) {
        if (!(*log)->Append("hostd", "level.start", "low", "allowed")) ::_exit(2);
        std::uint64_t seq = (*log)->LastSeq();
        (void)!::write(out, &seq, sizeof seq);
      }
    });
  }
  threads.clear();
  ::_exit(3);
}

TEST(AuditCrash, KilledWhileAppendingItLosesNothingThatWasAcknowledged) {
  TempDir dir;
  std::string path = dir / "audit.log";
  std::uint64_t records = 0;
  for (int round = 0; round < 12; ++round) {
    int fds[2];
    ASSERT_EQ(::pipe(fds), 0);
    pid_t pid = ::fork();
    if (pid == 0) AppendForEver(path, fds[1]);
    ::close(fds[1]);
    std::uint64_t acknowledged = 0;
    ASSERT_EQ(::read(fds[0], &acknowledged, sizeof acknowledged), 8) << "the writer did not start";
    std::this_thread::sleep_for(std::chrono::milliseconds(3 * round));
    ::kill(pid, SIGKILL);
    std::uint64_t seq = 0;
    while (::read(fds[0], &seq, sizeof seq) == 8) acknowledged = std::max(acknowledged, seq);
    ::close(fds[0]);
    ::waitpid(pid, nullptr, 0);

    auto log = AuditLog::Open(path);
    ASSERT_TRUE(log) << log.error().message;
    ASSERT_GE((*log)->LastSeq(), acknowledged);
    auto verdict = (*log)->Verify();
    ASSERT_TRUE(verdict);
    ASSERT_EQ(verdict->bad_line, 0u) << verdict->reason;
    ASSERT_GT(verdict->records, records);
    records = verdict->records;
  }
}

/// The log while it may not grow past `room` bytes, and afterwards.
int FillTo(const std::string& path, rlim_t room) {
  ::signal(SIGXFSZ, SIG_IGN);
  auto log = AuditLog::Open(path);
  if (!log) return 1;
  rlimit limit{room, RLIM_INFINITY};
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
  Status s;
  while ((s = (*log)->Append("hostd", "level.start", "low", "allowed"))) {
  }
  if (s.error().code != ErrorCode::kLimit) return 3;
  std::string text = Slurp(path);
  if (text.size() > room || !text.ends_with("}\n")) return 4;  // a partial line was left
  if (VerifyAuditLog(text).records != (*log)->LastSeq()) return 5;
  limit.rlim_cur = RLIM_INFINITY;
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 6;
  if (!(*log)->Append("hostd", "level.start", "low", "allowed")) return 7;
  auto verdict = (*log)->Verify();
  return verdict && verdict->bad_line == 0 ? 0 : 8;
}

TEST(AuditCrash, AFileLimitTakesThePartialLineBackAndIsNotFinal) {
  for (rlim_t room : {1000u, 1001u, 1337u, 2000u}) {
    TempDir dir;
    EXPECT_EQ(InChild([&] { return FillTo(dir / "audit.log", room); }), 0) << room;
  }
}

constexpr int kNoMounts = 77;

int FillTmpfs(const std::string& mount) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) ||
      ::mount("tmpfs", mount.c_str(), "tmpfs", 0, "size=64k") != 0) {
    return kNoMounts;
  }
  auto log = AuditLog::Open(mount + "/audit.log");
  if (!log) return 1;
  if (!(*log)->Append("hostd", "a", "b", "done")) return 2;
  Spill(mount + "/filler", std::string(65536, 'x'));
  Status s;
  for (int i = 0; i < 1000 && s; ++i) s = (*log)->Append("hostd", "level.start", "low", "allowed");
  if (s || s.error().code != ErrorCode::kLimit) return 3;
  if (s.error().message.find("free space") == std::string::npos) return 4;
  std::filesystem::remove(mount + "/filler");
  if (!(*log)->Append("hostd", "level.start", "low", "allowed")) return 5;
  AuditVerdict v = VerifyAuditLog(Slurp(mount + "/audit.log"));
  return v.bad_line == 0 && !v.torn_tail && v.records == (*log)->LastSeq() ? 0 : 6;
}

TEST(AuditCrash, AFullDiskRefusesTheRecordAndGoesOnWhenThereIsRoom) {
  TempDir dir;
  int result = InChild([&] { return FillTmpfs(dir.path()); });
  if (result == kNoMounts) GTEST_SKIP() << "no mount namespace here: needs root";
  EXPECT_EQ(result, 0);
}

}  // namespace
}  // namespace bulkhead::hostd
