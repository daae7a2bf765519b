// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/audit_record.h"

#include <gtest/gtest.h>

namespace bulkhead {
namespace {

AuditRecord Record(std::uint64_t seq) {
  AuditRecord r;
  r.seq = seq;
  r.time_us = 1'795'492'800'000'000 + static_cast<std::int64_t>(seq);
  r.actor = "uid:0";
  r.action = "level.start";
  r.subject = "low";
  r.outcome = "allowed";
  r.detail = {{"step", "spec"}};
  return r;
}

struct Log {
  std::string text;
  std::vector<std::size_t> line_ends;  ///< offset behind each newline
  Sha256Digest last{};

  void Add(const AuditRecord& record) {
    ChainedLine chained = ChainRecord(record, last);
    text += chained.line + "\n";
    line_ends.push_back(text.size());
    last = chained.hash;
  }
};

Log ThreeRecords() {
  Log log;
  for (std::uint64_t seq : {1, 2, 3}) log.Add(Record(seq));
  return log;
}

bool IsWhole(const AuditVerdict& v) { return v.bad_line == 0 && !v.torn_tail; }

TEST(AuditRecord, IsOneLineOfJsonInAFixedForm) {
  EXPECT_EQ(
      "{\"seq\":1,\"time\":\"2026-11-24T04:00:00.000001Z\",\"prev\":"
      "\"0000000000000000000000000000000000000000000000000000000000000000\",\"actor\":\"uid:0\","
      "\"action\":\"level.start\",\"subject\":\"low\",\"outcome\":\"allowed\",\"detail\":"
      "{\"step\":\"spec\"},\"hash\":"
      "\"30a6026316ec0416b1170123a0a2ed87b79ebf044f4ddf367900f89986a6fd8b\"}",
      ChainRecord(Record(1), Sha256Digest{}).line);
}

TEST(AuditRecord, CannotBeBrokenOutOfByWhatItRecords) {
  for (const std::string& hostile :
       {std::string("a\n{\"seq\":2}"), std::string("\"},\"hash\":\""), std::string("\x1b[2J"),
        std::string("a\0b", 3), std::string("\xff"), std::string(100'000, '"')}) {
    Log log;
    AuditRecord record = Record(1);
    record.actor = record.action = record.subject = record.outcome = hostile;
    record.detail = {{hostile, hostile}, {"b", hostile}};
    log.Add(record);
    log.Add(Record(2));
    EXPECT_EQ(std::string::npos, log.text.find('\x1b'));
    AuditVerdict v = VerifyAuditLog(log.text);
    EXPECT_TRUE(IsWhole(v)) << v.reason;
    EXPECT_EQ(2U, v.records);
  }
}

TEST(AuditLog, ThatNobodyTouchedIsWhole) {
  Log log = ThreeRecords();
  AuditVerdict v = VerifyAuditLog(log.text);
  EXPECT_TRUE(IsWhole(v)) << v.reason;
  EXPECT_EQ(3U, v.records);
  EXPECT_EQ(log.last, v.last);
}

TEST(AuditLog, ThatIsEmptyIsWhole) {
  AuditVerdict v = VerifyAuditLog("");
  EXPECT_TRUE(IsWhole(v));
  EXPECT_EQ(0U, v.records);
}

TEST(AuditLog, CannotBeChangedInAnyByte) {
  Log log = ThreeRecords();
  for (std::size_t i = 0; i < log.text.size(); ++i) {
    for (char change : {'\x01', '\x20', '\x7f'}) {
      std::string changed = log.text;
      changed[i] = static_cast<char>(changed[i] ^ change);
      AuditVerdict v = VerifyAuditLog(changed);
      ASSERT_FALSE(IsWhole(v)) << "byte " << i << " xor " << static_cast<int>(change);
    }
  }
}

TEST(AuditLog, NamesTheLineThatWasChanged) {
  Log log = ThreeRecords();
  std::string changed = log.text;
  changed.replace(changed.find("low", log.line_ends[0]), 3, "LOW");
  AuditVerdict v = VerifyAuditLog(changed);
  EXPECT_EQ(2U, v.bad_line);
  EXPECT_EQ(1U, v.records);
  EXPECT_EQ("its content was changed", v.reason);
}

TEST(AuditLog, CannotLoseDoubleOrReorderARecord) {
  Log log = ThreeRecords();
  auto line = [&](std::size_t i) {
    std::size_t begin = i == 0 ? 0 : log.line_ends[i - 1];
    return log.text.substr(begin, log.line_ends[i] - begin);
  };
  EXPECT_EQ(1U, VerifyAuditLog(line(1) + line(2)).bad_line);
  EXPECT_EQ(2U, VerifyAuditLog(line(0) + line(2)).bad_line);
  EXPECT_EQ(2U, VerifyAuditLog(line(0) + line(0) + line(1)).bad_line);
  EXPECT_EQ(1U, VerifyAuditLog(line(1) + line(0) + line(2)).bad_line);
  EXPECT_EQ(2U, VerifyAuditLog(line(0) + "\n" + line(1)).bad_line);
}

TEST(AuditLog, CannotHaveARecordForgedInItsMiddle) {
  Log log = ThreeRecords();
  // With a hash of its own that is right: the next record still names the former one.
  AuditRecord forged = Record(2);
  forged.outcome = "refused";
  ChainedLine first = ChainRecord(Record(1), Sha256Digest{});
  std::string text = first.line + "\n" + ChainRecord(forged, first.hash).line + "\n" +
                     log.text.substr(log.line_ends[1]);
  AuditVerdict v = VerifyAuditLog(text);
  EXPECT_EQ(3U, v.bad_line);
  EXPECT_EQ("it does not follow the record before it", v.reason);
}

// A power cut: whatever of the last line is missing, all before it is good.
TEST(AuditLog, CutAtAnyByteIsTornAndGoodUpToThere) {
  Log log = ThreeRecords();
  for (std::size_t n = 0; n < log.text.size(); ++n) {
    AuditVerdict v = VerifyAuditLog(std::string_view(log.text).substr(0, n));
    std::size_t whole_lines = n >= log.line_ends[1] ? 2 : n >= log.line_ends[0] ? 1 : 0;
    bool at_a_boundary = n == 0 || n == log.line_ends[0] || n == log.line_ends[1];
    ASSERT_EQ(0U, v.bad_line) << n;
    ASSERT_EQ(whole_lines, v.records) << n;
    ASSERT_EQ(!at_a_boundary, v.torn_tail) << n;
  }
}

TEST(AuditLog, OfGarbageIsBadAndNoCrash) {
  for (const std::string& text : {std::string("\n"), std::string("x\n"), std::string(200, '\n'),
                                  std::string(200, '"') + "}\n", std::string(1000, '\0') + "\n"}) {
    EXPECT_EQ(1U, VerifyAuditLog(text).bad_line);
  }
}

}  // namespace
}  // namespace bulkhead
