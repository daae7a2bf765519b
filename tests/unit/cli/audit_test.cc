// SPDX-License-Identifier: GPL-2.0-or-later
/// `audit verify FILE`: without a daemon, on a copy.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "hostd/cli/json.h"
#include "tests/unit/cli/cli_fixture.h"
#include "vmspec/base/audit_record.h"

namespace bulkhead::cli {
namespace {

using testing::HasSubstr;

class AuditVerifyFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/bulkhead-audit-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    Sha256Digest prev{};
    for (std::uint64_t seq = 1; seq <= 3; ++seq) {
      AuditRecord record{.seq = seq,
                         .actor = "uid:0",
                         .action = "level.start",
                         .subject = "low",
                         .outcome = "allowed"};
      ChainedLine chained = ChainRecord(record, prev);
      prev = chained.hash;
      log_ += chained.line + "\n";
    }
    last_hash_ = Hex(prev);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Outcome Verify(const std::string& content, bool json = false) {
    std::ofstream(folder_ + "/log") << content;
    std::vector<std::string> words = {"audit", "verify", folder_ + "/log"};
    if (json) words.emplace_back("--json");
    return RunCli(words, "unix:path=/nonexistent");
  }

  std::string folder_, log_, last_hash_;
};

TEST_F(AuditVerifyFile, SaysHowManyRecordsAndTheLastHash) {
  Outcome outcome = Verify(log_);
  EXPECT_EQ(kExitOk, outcome.code) << outcome.err;
  EXPECT_EQ("audit log: ok, 3 records, last hash " + last_hash_ + "\n", outcome.out);
}

TEST_F(AuditVerifyFile, CannotHideAChangedByte) {
  std::string changed = log_;
  changed.replace(changed.find("low"), 3, "lOw");
  Outcome outcome = Verify(changed);
  EXPECT_EQ(kExitFailure, outcome.code);
  EXPECT_THAT(outcome.err, HasSubstr("the audit log is bad at line 1: "));
}

TEST_F(AuditVerifyFile, CannotHideALostLine) {
  std::string cut = log_;
  cut.erase(0, cut.find('\n') + 1);
  EXPECT_EQ(kExitFailure, Verify(cut).code);
}

TEST_F(AuditVerifyFile, TornTailIsSaidAndIsNoFault) {
  Outcome outcome = Verify(log_ + "{\"seq\":4,");
  EXPECT_EQ(kExitOk, outcome.code);
  EXPECT_THAT(outcome.out, HasSubstr("The last line is cut off"));
}

TEST_F(AuditVerifyFile, JsonOfABadLogNamesTheLine) {
  Outcome outcome = Verify(log_ + "nonsense\n", true);
  auto json = ParseJson(outcome.out);
  ASSERT_TRUE(json);
  EXPECT_EQ("false", json->Find("ok")->Text());
  EXPECT_EQ("4", json->Find("bad_line")->Text());
  EXPECT_EQ("3", json->Find("records")->Text());
  EXPECT_EQ(kExitFailure, outcome.code);
}

TEST_F(AuditVerifyFile, AFileThatIsNotThereIsNotFound) {
  Outcome outcome = RunCli({"audit", "verify", folder_ + "/none"}, "");
  EXPECT_EQ(kExitNotFound, outcome.code);
  EXPECT_THAT(outcome.err, HasSubstr("/none"));
}

}  // namespace
}  // namespace bulkhead::cli
