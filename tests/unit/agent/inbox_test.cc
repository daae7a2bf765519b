// SPDX-License-Identifier: GPL-2.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <csignal>
#include <fstream>
#include <random>

#include "guest-images/agent/receiver.h"
#include "tests/unit/agent/fake_guest.h"

namespace bulkhead::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

Bytes Of(std::string_view text) { return Bytes(text.begin(), text.end()); }

TEST(NumberedName, GoesBeforeTheEnding) {
  EXPECT_EQ(NumberedName("report.pdf", 2), "report (2).pdf");
  EXPECT_EQ(NumberedName("archive.tar.gz", 3), "archive.tar (3).gz");
  EXPECT_EQ(NumberedName("README", 2), "README (2)");
  EXPECT_EQ(NumberedName("a.this is no ending at all", 2), "a.this is no ending at all (2)");
}

TEST(NumberedName, StaysWithinTheLimitAndWithinCharacters) {
  EXPECT_EQ(NumberedName(std::string(255, 'a'), 2), std::string(251, 'a') + " (2)");
  std::string umlauts;
  for (int i = 0; i < 127; ++i) umlauts += "ä";
  std::string numbered = NumberedName(umlauts, 2);
  EXPECT_LE(numbered.size(), 255u);
  EXPECT_EQ(numbered, umlauts.substr(0, 250) + " (2)");
}

class InboxTest : public ::testing::Test {
 protected:
  Inbox Make() {
    auto known = KnownIds::Open(folder_.path + "/ids");
    EXPECT_TRUE(known) << known.error().message;
    return Inbox(folder_.path, "low", std::move(*known));
  }
  [[nodiscard]] std::string In(const std::string& name) const {
    return folder_.path + "/Incoming/low/" + name;
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    std::error_code none;
    for (const auto& e :
         std::filesystem::directory_iterator(folder_.path + "/Incoming/low", none)) {
      names.push_back(e.path().filename());
    }
    return names;
  }
  static std::string Content(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static transfer::Begin Begin(std::uint8_t id, const std::string& name, std::uint64_t size) {
    transfer::Begin begin;
    begin.id.fill(id);
    begin.name = name;
    begin.size = size;
    return begin;
  }
  static Status Store(Inbox& inbox, std::uint8_t id, const std::string& name,
                      const std::string& content) {
    auto begun = inbox.Begin(Begin(id, name, content.size()));
    if (!begun || !*begun) return begun ? Status() : Propagate(begun);
    if (auto s = inbox.Append(Of(content)); !s) return s;
    return inbox.Finish(Sha256Of(Of(content)));
  }

  Folder folder_;
};

TEST_F(InboxTest, AFileAppearsWholeWithItsOrigin) {
  Inbox inbox = Make();
  ASSERT_TRUE(inbox.Begin(Begin(1, "a.txt", 5)).value());
  ASSERT_TRUE(inbox.Append(Of("he")));
  EXPECT_THAT(Names(), IsEmpty());
  ASSERT_TRUE(inbox.Append(Of("llo")));
  ASSERT_TRUE(inbox.Finish(Sha256Of(Of("hello"))));
  EXPECT_EQ(Content(In("a.txt")), "hello");
  struct stat st{};
  ASSERT_EQ(0, ::stat(In("a.txt").c_str(), &st));
  EXPECT_EQ(st.st_mode & 07777, 0644u);
  char origin[16] = {};
  if (::getxattr(In("a.txt").c_str(), kOriginAttribute, origin, sizeof origin) < 0) {
    GTEST_SKIP() << "no user attributes here";
  }
  EXPECT_STREQ(origin, "low");
}

TEST_F(InboxTest, AnEmptyFileArrivesToo) {
  Inbox inbox = Make();
  EXPECT_TRUE(Store(inbox, 1, "empty", ""));
  EXPECT_THAT(Names(), ElementsAre("empty"));
}

TEST_F(InboxTest, TheSameNameGetsANumberAndNothingIsReplaced) {
  Inbox inbox = Make();
  for (std::uint8_t id : {1, 2, 3}) ASSERT_TRUE(Store(inbox, id, "a.txt", std::string(id, 'x')));
  EXPECT_THAT(Names(), UnorderedElementsAre("a.txt", "a (2).txt", "a (3).txt"));
  EXPECT_EQ(Content(In("a.txt")), "x");
  EXPECT_EQ(Content(In("a (3).txt")), "xxx");
}

TEST_F(InboxTest, ATransferThatIsStoredIsNotStoredAgainAlsoAfterARestart) {
  {
    Inbox inbox = Make();
    ASSERT_TRUE(Store(inbox, 1, "a.txt", "x"));
    EXPECT_FALSE(inbox.Begin(Begin(1, "a.txt", 1)).value());
  }
  Inbox again = Make();
  EXPECT_FALSE(again.Begin(Begin(1, "a.txt", 1)).value());
  EXPECT_THAT(Names(), ElementsAre("a.txt"));
}

TEST_F(InboxTest, ACrashBetweenStoringAndRememberingLeavesOneCopy) {
  {
    Inbox inbox = Make();
    ASSERT_TRUE(Store(inbox, 1, "a.txt", "x"));
  }
  if (::getxattr(In("a.txt").c_str(), kTransferAttribute, nullptr, 0) < 0) {
    GTEST_SKIP() << "no user attributes here";
  }
  std::filesystem::remove(folder_.path + "/ids");
  Inbox inbox = Make();
  EXPECT_TRUE(Store(inbox, 1, "a.txt", "x"));
  EXPECT_THAT(Names(), ElementsAre("a.txt"));
}

TEST_F(InboxTest, CannotStoreWhatIsNotWhatItsSenderSaid) {
  Inbox inbox = Make();
  ASSERT_TRUE(inbox.Begin(Begin(1, "a", 3)));
  EXPECT_EQ(inbox.Append(Of("four")).error().code, ErrorCode::kCorrupt);
  ASSERT_TRUE(inbox.Begin(Begin(2, "a", 3)));
  ASSERT_TRUE(inbox.Append(Of("ab")));
  EXPECT_FALSE(inbox.Finish(Sha256Of(Of("ab"))));
  ASSERT_TRUE(inbox.Begin(Begin(3, "a", 2)));
  ASSERT_TRUE(inbox.Append(Of("ab")));
  EXPECT_FALSE(inbox.Finish(Sha256Of(Of("xy"))));
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(InboxTest, CannotTakeANameThatLeavesTheFolder) {
  Inbox inbox = Make();
  for (const char* name : {"../x", "/etc/passwd", "..", ".bashrc", "-rf", "a\nb"}) {
    EXPECT_FALSE(Store(inbox, 9, name, "x")) << name;
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.path + "/x"));
  EXPECT_FALSE(std::filesystem::exists(folder_.path + "/.bashrc"));
}

TEST_F(InboxTest, CannotBeLedThroughALinkThatTheUserPlanted) {
  Folder elsewhere;
  std::filesystem::create_symlink(elsewhere.path, folder_.path + "/Incoming");
  Inbox inbox = Make();
  EXPECT_FALSE(Store(inbox, 1, "a", "x"));
  std::filesystem::remove(folder_.path + "/Incoming");
  std::filesystem::create_directory(folder_.path + "/Incoming");
  std::filesystem::create_symlink(elsewhere.path, folder_.path + "/Incoming/low");
  EXPECT_FALSE(Store(inbox, 2, "a", "x"));
  EXPECT_TRUE(std::filesystem::is_empty(elsewhere.path));
}

TEST_F(InboxTest, CannotReplaceALinkOrFifoOfTheSameName) {
  Inbox inbox = Make();
  ASSERT_TRUE(Store(inbox, 1, "first", "x"));
  std::filesystem::create_symlink("/etc/passwd", In("a"));
  ASSERT_EQ(0, ::mkfifo(In("a (2)").c_str(), 0600));
  ASSERT_TRUE(Store(inbox, 2, "a", "x"));
  EXPECT_EQ(Content(In("a (3)")), "x");
}

TEST_F(InboxTest, AFullDiskIsOneSentenceAndNoFile) {
  std::string small = folder_.path + "/small";
  std::filesystem::create_directory(small);
  if (::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=64k") != 0) GTEST_SKIP() << "cannot mount";
  {
    Inbox inbox(small, "low", KnownIds::Open(folder_.path + "/ids").value());
    Status stored = Store(inbox, 1, "big", std::string(200'000, 'x'));
    EXPECT_THAT(stored.error().message, HasSubstr("disk is full"));
    EXPECT_TRUE(Store(inbox, 2, "little", "x"));
  }
  EXPECT_TRUE(std::filesystem::exists(small + "/Incoming/low/little"));
  EXPECT_FALSE(std::filesystem::exists(small + "/Incoming/low/big"));
  ::umount(small.c_str());
}

TEST_F(InboxTest, CannotExhaustTheDiskByAnAbsurdSize) {
  Inbox inbox = Make();
  for (std::uint64_t size : {std::uint64_t{1} << 62, ~std::uint64_t{0}}) {
    EXPECT_THAT(inbox.Begin(Begin(1, "big", size)).error().message, HasSubstr("disk is full"));
  }
}

TEST_F(InboxTest, ATornIdFileKeepsWhatIsWhole) {
  {
    auto known = KnownIds::Open(folder_.path + "/ids");
    for (std::uint8_t i = 1; i <= 3; ++i) {
      transfer::TransferId id;
      id.fill(i);
      ASSERT_TRUE(known->Add(id));
    }
  }
  std::filesystem::resize_file(folder_.path + "/ids", 2 * 16 + 5);
  auto known = KnownIds::Open(folder_.path + "/ids");
  transfer::TransferId id;
  id.fill(2);
  EXPECT_TRUE(known->Contains(id));
  id.fill(3);
  EXPECT_FALSE(known->Contains(id));
  ASSERT_TRUE(known->Add(id));
  EXPECT_TRUE(KnownIds::Open(folder_.path + "/ids")->Contains(id));
}

TEST_F(InboxTest, TheIdFileDoesNotGrowForEver) {
  auto known = KnownIds::Open(folder_.path + "/ids");
  for (unsigned i = 0; i < 3 * KnownIds::kKept; ++i) {
    transfer::TransferId id{};
    id[0] = static_cast<std::uint8_t>(i);
    id[1] = static_cast<std::uint8_t>(i >> 8);
    ASSERT_TRUE(known->Add(id));
  }
  EXPECT_LE(std::filesystem::file_size(folder_.path + "/ids"), 2 * KnownIds::kKept * 16);
}

class ReceiverTest : public InboxTest {
 protected:
  static void Add(Bytes& stream, const transfer::Message& message) {
    Bytes frame = transfer::Encode(message);
    stream.insert(stream.end(), frame.begin(), frame.end());
  }
  static Bytes Transfer(std::uint8_t id, const std::string& name, const std::string& content) {
    Bytes stream;
    Add(stream, Begin(id, name, content.size()));
    for (std::size_t at = 0; at < content.size(); at += 1000) {
      Add(stream, transfer::Data{Of(content.substr(at, 1000))});
    }
    Add(stream, transfer::End{Sha256Of(Of(content))});
    return stream;
  }
  static Bytes Start() {
    Bytes stream;
    Add(stream, transfer::StreamStart{});
    return stream;
  }
  static Bytes Join(Bytes a, const Bytes& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }
};

TEST_F(ReceiverTest, AcknowledgesEachStoredFileOnceHoweverTheBytesCome) {
  Receiver receiver("up", Make());
  Bytes stream = Join(Start(), Transfer(1, "a", std::string(2500, 'a')));
  std::vector<control::Delivered> out;
  for (std::uint8_t byte : stream) receiver.Feed(ByteView(&byte, 1), out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_TRUE(out[0].stored);
  EXPECT_EQ(out[0].flow, "up");
  EXPECT_EQ(Content(In("a")).size(), 2500u);
  receiver.Feed(Transfer(1, "a", std::string(2500, 'a')), out);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_TRUE(out[1].stored);
  EXPECT_THAT(Names(), ElementsAre("a"));
}

TEST_F(ReceiverTest, WhatIsRefusedIsAcknowledgedWithTheReason) {
  Receiver receiver("up", Make());
  std::vector<control::Delivered> out;
  receiver.Feed(Join(Start(), Transfer(1, "../a", "x")), out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_FALSE(out[0].stored);
  EXPECT_THAT(out[0].reason, HasSubstr("name is refused"));
}

TEST_F(ReceiverTest, AnAbortedOrRestartedTransferLeavesNothingAndIsNotAcknowledged) {
  Receiver receiver("up", Make());
  std::vector<control::Delivered> out;
  Bytes half = Start();
  Add(half, Begin(1, "half", 10));
  Add(half, transfer::Data{Of("12345")});
  for (const transfer::Message& cut :
       {transfer::Message(transfer::Abort{}), transfer::Message(transfer::StreamStart{})}) {
    Bytes stream = half;
    Add(stream, cut);
    Add(stream, transfer::End{});
    receiver.Feed(stream, out);
  }
  EXPECT_THAT(out, IsEmpty());
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(ReceiverTest, AFrameThatANewWriterFilledUpCostsOnlyItsOwnTransfer) {
  Receiver receiver("up", Make());
  std::vector<control::Delivered> out;
  Bytes torn = Join(Start(), Transfer(1, "torn", std::string(3000, 't')));
  torn.resize(torn.size() - 700);
  receiver.Feed(torn, out);
  receiver.Feed(Bytes(transfer::kMaxPayload, 0), out);
  receiver.Feed(Join(Start(), Transfer(2, "whole", "w")), out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].transfer[0], 2);
  EXPECT_THAT(Names(), ElementsAre("whole"));
}

TEST_F(ReceiverTest, CannotBeBroughtDownByNoise) {
  Receiver receiver("up", Make());
  std::vector<control::Delivered> out;
  std::mt19937 random(7);
  Bytes good = Join(Start(), Transfer(1, "n", std::string(3000, 'n')));
  for (int i = 0; i < 300; ++i) {
    Bytes bad = good;
    for (int k = 0; k < 4; ++k) bad[random() % bad.size()] = static_cast<std::uint8_t>(random());
    bad.resize(random() % bad.size());
    receiver.Feed(bad, out);
  }
  receiver.Feed(Bytes(transfer::kMaxPayload, 0), out);
  out.clear();
  receiver.Feed(Join(Start(), Transfer(2, "last", "l")), out);
  ASSERT_FALSE(out.empty());
  EXPECT_TRUE(out.back().stored);
}

}  // namespace
}  // namespace bulkhead::agent
