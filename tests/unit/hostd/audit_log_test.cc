// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/audit/audit_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "hostd/audit/audit_file.h"
#include "tests/unit/hostd/temp_dir.h"

namespace bulkhead::hostd {
namespace {

using ::testing::HasSubstr;

class AuditLogTest : public ::testing::Test {
 protected:
  std::unique_ptr<AuditLog> OpenGood() {
    auto log = AuditLog::Open(path_);
    EXPECT_TRUE(log) << (log ? "" : log.error().message);
    return log ? std::move(*log) : nullptr;
  }
  /// A closed log of `n` records.
  void Write(int n) {
    auto log = OpenGood();
    for (int i = 0; i < n; ++i) {
      ASSERT_TRUE(
          log->Append("uid:0", "level.start", "low", "allowed", {{"number", std::to_string(i)}}));
    }
  }
  Error OpenError() {
    auto log = AuditLog::Open(path_);
    EXPECT_FALSE(log) << "it opened";
    return log ? Error{} : log.error();
  }
  AuditVerdict Verdict() { return VerifyAuditLog(Slurp(path_)); }

  TempDir dir_;
  std::string path_ = dir_ / "audit.log";
};

TEST_F(AuditLogTest, ARecordIsALineThatFollowsTheOneBefore) {
  auto log = OpenGood();
  ASSERT_TRUE(log->Append("uid:0", "level.start", "low", "allowed", {{"image", "minimal"}}));
  ASSERT_TRUE(log->Append("level:low", "flow.transfer", "up", "refused"));
  EXPECT_EQ(log->LastSeq(), 2u);
  AuditVerdict v = Verdict();
  EXPECT_EQ(v.records, 2u);
  EXPECT_EQ(v.bad_line, 0u) << v.reason;
  EXPECT_EQ(v.last, log->LastHash());
  EXPECT_THAT(Slurp(path_), HasSubstr(R"("actor":"uid:0","action":"level.start","subject":"low",)"
                                      R"("outcome":"allowed","detail":{"image":"minimal"})"));
}

TEST_F(AuditLogTest, ANewLogIsReadableByItsOwnerAlone) {
  umask(0);
  OpenGood();
  struct stat s{};
  ASSERT_EQ(::stat(path_.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 07777, 0600u);
}

TEST_F(AuditLogTest, GoesOnWhereItEnded) {
  Write(3);
  auto log = OpenGood();
  EXPECT_EQ(log->LastSeq(), 3u);
  ASSERT_TRUE(log->Append("hostd", "level.stop", "low", "done"));
  EXPECT_EQ(Verdict().records, 4u);
}

TEST_F(AuditLogTest, ManyThreadsLoseNothingAndKeepTheirOwnOrder) {
  constexpr int kThreads = 8;
  constexpr int kEach = 60;
  auto log = OpenGood();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&log, t] {
        for (int i = 0; i < kEach; ++i) {
          auto s = log->Append("t" + std::to_string(t), "test", std::to_string(i), "done");
          ASSERT_TRUE(s) << s.error().message;
          if (i % 20 == 0) {
            ASSERT_EQ(log->Verify()->bad_line, 0u);
          }
        }
      });
    }
  }
  EXPECT_EQ(Verdict().records, unsigned{kThreads * kEach});
  EXPECT_EQ(Verdict().bad_line, 0u) << Verdict().reason;
  std::string text = Slurp(path_);
  for (int t = 0; t < kThreads; ++t) {
    std::size_t at = 0;
    for (int i = 0; i < kEach; ++i) {
      at = text.find("\"actor\":\"t" + std::to_string(t) + "\",\"action\":\"test\",\"subject\":\"" +
                         std::to_string(i) + "\"",
                     at);
      ASSERT_NE(at, std::string::npos) << "thread " << t << " record " << i;
    }
  }
}

TEST_F(AuditLogTest, ALastLineTornAtAnyByteIsCutOffAndTheCutRecorded) {
  Write(3);
  const std::string whole = Slurp(path_);
  const std::size_t last = whole.rfind('\n', whole.size() - 2) + 1;
  for (std::size_t cut = last + 1; cut < whole.size(); ++cut) {
    Spill(path_, whole.substr(0, cut));
    {
      auto log = OpenGood();
      ASSERT_TRUE(log) << "torn at byte " << cut;
      EXPECT_EQ(log->LastSeq(), 3u);
    }
    AuditVerdict v = Verdict();
    ASSERT_EQ(v.bad_line, 0u) << "torn at byte " << cut << ": " << v.reason;
    ASSERT_EQ(v.records, 3u);
    ASSERT_FALSE(v.torn_tail);
    ASSERT_THAT(Slurp(path_).substr(last), HasSubstr("\"action\":\"audit.repaired\""));
  }
}

TEST_F(AuditLogTest, ATornFirstLineLeavesALogOfOneRepair) {
  Spill(path_, "{\"seq\":1,\"ti");
  EXPECT_EQ(OpenGood()->LastSeq(), 1u);
  EXPECT_THAT(Slurp(path_), HasSubstr("audit.repaired"));
}

TEST_F(AuditLogTest, ATornLineOfWhichOnlyZerosCameIsCutOff) {
  Write(2);
  const std::string whole = Slurp(path_);
  for (const std::string& torn :
       {std::string(5000, '\0'), "{\"seq\":3,\"ti" + std::string(90, '\0')}) {
    Spill(path_, whole + torn);
    EXPECT_EQ(OpenGood()->LastSeq(), 3u);
    EXPECT_EQ(Verdict().bad_line, 0u);
  }
}

TEST_F(AuditLogTest, CannotHaveSomethingElseCutOffAsATornLine) {
  Write(2);
  const std::string whole = Slurp(path_);
  for (const std::string& end : {std::string("evidence"), std::string("{\"seq\":4,"),
                                 std::string("\0\0x", 3), whole.substr(0, 100)}) {
    Spill(path_, whole + end);
    EXPECT_EQ(OpenError().code, ErrorCode::kCorrupt);
    EXPECT_EQ(Slurp(path_), whole + end);
  }
  std::string joined = whole;
  std::erase(joined, '\n');
  Spill(path_, joined);
  EXPECT_EQ(OpenError().code, ErrorCode::kCorrupt);
  EXPECT_EQ(Slurp(path_), joined);
}

TEST_F(AuditLogTest, CannotChangeAByteOfAnyRecordUnseen) {
  Write(4);
  const std::string whole = Slurp(path_);
  for (std::size_t at = 0; at + 1 < whole.size(); at += 7) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    Spill(path_, changed);
    Error e = OpenError();
    ASSERT_EQ(e.code, ErrorCode::kCorrupt) << "byte " << at;
    auto line =
        std::count(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(at), '\n') + 1;
    // A byte that becomes or was a newline moves the fault to a neighbour.
    if (whole[at] != '\n' && changed[at] != '\n') {
      ASSERT_THAT(e.message, HasSubstr("line " + std::to_string(line) + ":")) << "byte " << at;
    }
    ASSERT_EQ(Slurp(path_), changed) << "a broken log is evidence: it must stay as it is";
  }
}

TEST_F(AuditLogTest, ABrokenChainSaysTheWayOut) {
  Write(2);
  std::string text = Slurp(path_);
  Spill(path_, text.substr(text.find('\n') + 1));
  EXPECT_THAT(OpenError().message, HasSubstr("mv " + path_));
}

TEST_F(AuditLogTest, CannotTakeARecordOutOrSwapTwo) {
  Write(3);
  std::string text = Slurp(path_);
  std::size_t a = text.find('\n') + 1;
  std::size_t b = text.find('\n', a) + 1;
  std::string one = text.substr(0, a);
  std::string two = text.substr(a, b - a);
  std::string three = text.substr(b);
  for (const auto& changed : {one + three, two + one + three, one + three + two, one + two + two,
                              one + "\n" + two + three}) {
    Spill(path_, changed);
    EXPECT_EQ(OpenError().code, ErrorCode::kCorrupt);
  }
}

TEST_F(AuditLogTest, CannotBeWrittenByTwoDaemons) {
  auto log = OpenGood();
  EXPECT_EQ(OpenError().code, ErrorCode::kBusy);
  log.reset();
  EXPECT_TRUE(AuditLog::Open(path_));
}

TEST_F(AuditLogTest, CannotBeASymlinkAFolderAFifoOrAHardLink) {
  ASSERT_EQ(::symlink((dir_ / "elsewhere").c_str(), path_.c_str()), 0);
  EXPECT_EQ(OpenError().code, ErrorCode::kCorrupt);
  EXPECT_FALSE(std::filesystem::exists(dir_ / "elsewhere"));
  ::unlink(path_.c_str());
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(OpenError().code, ErrorCode::kCorrupt);
  ::unlink(path_.c_str());
  Spill(dir_ / "other", "");
  ASSERT_EQ(::link((dir_ / "other").c_str(), path_.c_str()), 0);
  EXPECT_EQ(OpenError().code, ErrorCode::kCorrupt);
  ::unlink(path_.c_str());
  ASSERT_EQ(::mkdir(path_.c_str(), 0700), 0);
  EXPECT_FALSE(AuditLog::Open(path_));
}

TEST_F(AuditLogTest, CannotBeChangedUnderTheDaemon) {
  using Attack = std::function<void(const std::string&)>;
  const Attack attacks[] = {
      [](const std::string& p) { std::ofstream(p, std::ios::app) << "x"; },
      [](const std::string& p) { std::filesystem::resize_file(p, 10); },
      [](const std::string& p) { std::filesystem::rename(p, p + ".away"); },
      [](const std::string& p) { std::filesystem::remove(p); },
      [](const std::string& p) {
        std::filesystem::copy_file(p, p + ".copy");
        std::filesystem::rename(p + ".copy", p);
      },
  };
  for (const Attack& attack : attacks) {
    std::filesystem::remove(path_);
    auto log = OpenGood();
    ASSERT_TRUE(log->Append("hostd", "a", "b", "done"));
    attack(path_);
    auto s = log->Append("hostd", "level.start", "low", "allowed");
    ASSERT_FALSE(s);
    EXPECT_EQ(s.error().code, ErrorCode::kCorrupt);
    EXPECT_FALSE(log->Append("hostd", "level.start", "low", "allowed")) << "the fault is final";
    EXPECT_EQ(log->LastSeq(), 1u);
  }
}

TEST_F(AuditLogTest, VerifySeesAByteThatChangedUnderTheDaemon) {
  auto log = OpenGood();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(log->Append("hostd", "a", "b", "done"));
  std::string text = Slurp(path_);
  UniqueFd fd(::open(path_.c_str(), O_WRONLY));
  ASSERT_EQ(::pwrite(fd.get(), "X", 1, static_cast<off_t>(text.find('\n') + 30)), 1);
  auto v = log->Verify();
  ASSERT_TRUE(v);
  EXPECT_EQ(v->bad_line, 2u);
}

TEST_F(AuditLogTest, VerifySeesAnotherGoodChainInItsPlace) {
  Write(2);
  std::string other = Slurp(path_);
  std::filesystem::remove(path_);
  Write(2);
  auto log = OpenGood();
  std::ofstream(path_, std::ios::in | std::ios::binary) << other;  // the same inode and length
  ASSERT_EQ(VerifyAuditLog(Slurp(path_)).bad_line, 0u);
  EXPECT_NE(log->Verify()->bad_line, 0u);
}

TEST_F(AuditLogTest, TailGivesTheLastLinesOldestFirst) {
  auto log = OpenGood();
  EXPECT_TRUE(log->Tail(5)->empty());
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(
        log->Append("hostd", "a", std::to_string(i), "done", {{"k", std::string(900, 'v')}}));
  }
  for (std::size_t n : {0u, 1u, 2u, 77u, 499u, 500u, 501u, 4'000'000'000u}) {
    auto lines = log->Tail(n);
    ASSERT_TRUE(lines);
    std::size_t expected = std::min<std::size_t>(n, 500);
    ASSERT_EQ(lines->size(), expected);
    for (std::size_t i = 0; i < expected; ++i) {
      ASSERT_TRUE(
          (*lines)[i].starts_with("{\"seq\":" + std::to_string(500 - expected + i + 1) + ","));
      ASSERT_TRUE((*lines)[i].ends_with("\"}"));
    }
  }
}

TEST_F(AuditLogTest, CannotForgeARecordByHostileText) {
  auto log = OpenGood();
  std::string forged = "x\",\"hash\":\"" + std::string(64, '0') + "\"}\n{\"seq\":2,\"time\":\"";
  ASSERT_TRUE(log->Append(forged, forged, forged, forged, {{forged, forged}}));
  ASSERT_TRUE(log->Append("\n\r\xff\x1b[2J", "a", "\xe2\x80\xae", "done"));
  std::string text = Slurp(path_);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  EXPECT_EQ(Verdict().records, 2u);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\xe2\x80\xae"), std::string::npos);
}

TEST_F(AuditLogTest, CannotMakeALineLongerThanAnyReaderTakes) {
  auto log = OpenGood();
  std::string huge(3'000'000, '\\');
  AuditDetail detail(5000, {huge.substr(0, 5000), huge.substr(0, 5000)});
  ASSERT_TRUE(log->Append(huge, huge, huge, huge, std::move(detail)));
  EXPECT_LT(Slurp(path_).size(), kMaxAuditLine);
  EXPECT_EQ(log->Verify()->bad_line, 0u);
  log.reset();
  EXPECT_EQ(OpenGood()->LastSeq(), 1u);
}

TEST_F(AuditLogTest, OfALongLogOnlyTheEndIsCheckedAtOpen) {
  Write(200);
  std::string text = Slurp(path_);
  UniqueFd fd(::open(path_.c_str(), O_RDWR));
  for (std::uint64_t most : {std::uint64_t{700}, std::uint64_t{5000}, text.size() - 1}) {
    auto v = VerifyAuditEnd(fd.get(), text.size(), most);
    ASSERT_TRUE(v) << v.error().message;
    EXPECT_EQ(v->records, 200u);
    EXPECT_EQ(v->bad_line, 0u);
    EXPECT_EQ(v->last, VerifyAuditLog(text).last);
  }
  ASSERT_EQ(::pwrite(fd.get(), "X", 1, 40), 1);
  EXPECT_EQ(VerifyAuditEnd(fd.get(), text.size(), 5000)->bad_line, 0u) << "it is not looked at";
  EXPECT_EQ(VerifyAuditFile(fd.get(), text.size())->bad_line, 1u);
  auto at = static_cast<off_t>(text.find("{\"seq\":199,") + 20);
  ASSERT_EQ(::pwrite(fd.get(), "X", 1, at), 1);
  auto v = VerifyAuditEnd(fd.get(), text.size(), 5000);
  ASSERT_TRUE(v);
  EXPECT_EQ(v->bad_line, 199u);
}

TEST_F(AuditLogTest, CannotPassOffABigFileWithoutLinesAsALog) {
  Spill(path_, std::string(3 << 20, '\0'));
  EXPECT_EQ(OpenError().code, ErrorCode::kCorrupt);
  Spill(path_, std::string(3 << 20, '\n'));
  EXPECT_EQ(OpenError().code, ErrorCode::kCorrupt);
  std::string sparse_end(70 << 20, '\n');
  Spill(path_, sparse_end);
  EXPECT_EQ(OpenError().code, ErrorCode::kCorrupt);
}

TEST_F(AuditLogTest, AnUnwritableFolderIsAnErrorThatNamesTheLog) {
  path_ = dir_ / "missing/audit.log";
  Error e = OpenError();
  EXPECT_EQ(e.code, ErrorCode::kNotFound);
  EXPECT_THAT(e.message, HasSubstr(path_));
}

}  // namespace
}  // namespace bulkhead::hostd
