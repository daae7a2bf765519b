// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/transfer_name.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace bulkhead {
namespace {

using namespace std::string_literals;

TEST(TransferName, OrdinaryNamesAreAllowed) {
  for (const char* name :
       {"report.pdf", "a", "Jahresbericht 2025 (final).odt", "äöü.txt", "报告.txt", "a..b", "x-",
        "#1", "$HOME", "%s%n", "CON", " leading space"}) {
    EXPECT_TRUE(CheckTransferName(name)) << name;
  }
}

TEST(TransferName, TheLongestNameHas255Bytes) {
  EXPECT_TRUE(CheckTransferName(std::string(255, 'a')));
  EXPECT_FALSE(CheckTransferName(std::string(256, 'a')));
}

TEST(TransferName, CannotLeaveItsFolder) {
  for (const char* name : {"..", ".", "../x", "a/b", "/etc/passwd", "a\\b", "..\\x"}) {
    EXPECT_FALSE(CheckTransferName(name)) << name;
  }
}

TEST(TransferName, CannotHideOrLookLikeAnOption) {
  for (const char* name : {".bashrc", "-rf", "--help", "a.", "a ", ""}) {
    EXPECT_FALSE(CheckTransferName(name)) << name;
  }
}

TEST(TransferName, CannotCarryControlOrDeceptiveCharacters) {
  for (const std::string& name :
       {"a\0b"s, "a\nb"s, "\x1b[2J.txt"s,
        "\xE2\x80\xAE"
        "gpj.exe"s,
        "a\xE2\x80\x8B.txt"s, "\xC3("s, "\xED\xA0\x80"s, "\xC0\xAF"s, "a\x7f"s, "a\xC2\x85"s}) {
    Status status = CheckTransferName(name);
    EXPECT_FALSE(status);
  }
}

TEST(TransferName, CannotPutItsBytesIntoTheReason) {
  Status status = CheckTransferName("evil/\x1b[31mname");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message.find("evil"), std::string::npos);
}

TEST(TransferName, NaughtyStringsAreEitherPlainOrRefused) {
  const char* folder = std::getenv("BULKHEAD_CORPORA");
  std::ifstream in(std::string(folder != nullptr ? folder : "../shared/corpora") +
                   "/naughty-strings/blns.txt");
  if (!in) GTEST_SKIP() << "no corpora here (set BULKHEAD_CORPORA)";
  std::string line;
  while (std::getline(in, line)) {
    if (!CheckTransferName(line)) continue;
    EXPECT_EQ(line.find_first_of("/\\\x1b\x7f"), std::string::npos) << line;
    EXPECT_NE(line.front(), '.');
    EXPECT_NE(line.front(), '-');
    EXPECT_LE(line.size(), 255u);
  }
}

}  // namespace
}  // namespace bulkhead
