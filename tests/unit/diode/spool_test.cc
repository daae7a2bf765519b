// SPDX-License-Identifier: GPL-2.0-or-later
#include "diode/spool.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/diode/rig.h"

namespace bulkhead::diode {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SpoolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/diode-spool-XXXXXX";
    ASSERT_NE(nullptr, ::mkdtemp(folder));
    path_ = folder;
    folder_.reset(::open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  Spool Open() {
    auto spool = Spool::Open(folder_.get(), {1000, 3});
    EXPECT_TRUE(spool) << spool.error().message;
    return std::move(*spool);
  }
  static Transfer TransferOf(const GuestFile& file) {
    return {file.id, file.name, file.content.size(), 0, {}};
  }
  static std::uint64_t Store(Spool& spool, const GuestFile& file) {
    EXPECT_TRUE(spool.StartPart(TransferOf(file)));
    EXPECT_TRUE(spool.AppendPart(file.content));
    auto seq = spool.FinishPart(Sha256Of(file.content));
    EXPECT_TRUE(seq);
    return seq ? *seq : 0;
  }
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& e : std::filesystem::directory_iterator(path_)) {
      names.push_back(e.path().filename());
    }
    return names;
  }
  void Damage(const std::string& name, long offset) {
    std::fstream file(path_ + "/" + name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offset);
    file.put('!');
  }

  std::string path_;
  UniqueFd folder_;
  GuestFile file_ = MakeFile(1, 400, "name");
};

TEST_F(SpoolTest, AnEntryIsWhatCameIn) {
  Spool spool = Open();
  std::uint64_t seq = Store(spool, file_);
  EXPECT_THAT(spool.Sync(), IsEmpty());
  ASSERT_TRUE(spool.MakeReady(seq));
  auto fd = spool.OpenContent(seq);
  ASSERT_TRUE(fd);
  Bytes content(500);
  EXPECT_EQ(400, ::pread(fd->get(), content.data(), content.size(), kContentOffset));
  content.resize(400);
  EXPECT_EQ(file_.content, content);
}

TEST_F(SpoolTest, IsTakenOverInEachState) {
  std::uint64_t held = 0;
  {
    Spool spool = Open();
    ASSERT_TRUE(spool.MakeReady([&] {
      std::uint64_t seq = Store(spool, file_);
      spool.Sync();
      return seq;
    }()));
    held = Store(spool, MakeFile(2, 10));
    ASSERT_TRUE(spool.StartPart(TransferOf(MakeFile(3, 100))));
  }
  Spool spool = Open();
  ASSERT_EQ(2u, spool.entries().size());
  EXPECT_EQ(Spool::State::kReady, spool.entries().begin()->second.state);
  EXPECT_EQ("name", spool.entries().begin()->second.transfer.name);
  EXPECT_EQ(Spool::State::kHeld, spool.entries().at(held).state);
  EXPECT_EQ(410u, spool.used_bytes());
  EXPECT_TRUE(spool.Holds(file_.id));
  EXPECT_EQ(2u, Files().size()) << "what was coming in is litter";
  EXPECT_GT(Store(spool, MakeFile(4, 1)), held) << "order is kept";
}

TEST_F(SpoolTest, HeldContentThatAPowerCutTookIsNotKept) {
  {
    Spool spool = Open();
    Store(spool, file_);
  }
  Damage("0000000000000001.held", kContentOffset + 5);
  EXPECT_TRUE(Open().entries().empty());
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(SpoolTest, DamagedHeadersAndLengthsAreNotKept) {
  for (int offset : {0, 20, 40, -1}) {
    {
      Spool spool = Open();
      std::uint64_t seq = Store(spool, file_);
      spool.Sync();
      ASSERT_TRUE(spool.MakeReady(seq));
    }
    std::string name = Files().at(0);
    if (offset < 0) std::filesystem::resize_file(path_ + "/" + name, kContentOffset + 399);
    if (offset >= 0) Damage(name, offset);
    EXPECT_TRUE(Open().entries().empty()) << offset;
    EXPECT_THAT(Files(), IsEmpty());
  }
}

TEST_F(SpoolTest, CountsWhatIsComingInAgainstQuotaAndNumber) {
  Spool spool = Open();
  ASSERT_TRUE(spool.HasRoom(1000));
  ASSERT_TRUE(spool.StartPart(TransferOf(file_)));
  EXPECT_TRUE(spool.HasRoom(600));
  EXPECT_THAT(spool.HasRoom(601).error().message, HasSubstr("quota of 1000 bytes"));
  EXPECT_FALSE(spool.HasRoom(~0ULL)) << "no sum overflows";
  spool.DropPart();
  for (std::uint8_t i = 1; i <= 3; ++i) Store(spool, MakeFile(i, 1));
  EXPECT_THAT(spool.HasRoom(1).error().message, HasSubstr("its 3 files"));
}

TEST_F(SpoolTest, ADroppedPartLeavesNothing) {
  Spool spool = Open();
  ASSERT_TRUE(spool.StartPart(TransferOf(file_)));
  ASSERT_TRUE(spool.AppendPart(ByteView(file_.content).first(100)));
  EXPECT_FALSE(spool.FinishPart({})) << "not whole";
  EXPECT_FALSE(spool.AppendPart(Bytes(301))) << "more than was reserved";
  spool.DropPart();
  EXPECT_THAT(Files(), IsEmpty());
  EXPECT_EQ(0u, spool.used_bytes());
}

TEST_F(SpoolTest, NothingGoesOnThatIsNotHeld) {
  Spool spool = Open();
  std::uint64_t seq = Store(spool, file_);
  EXPECT_FALSE(spool.MakeReady(seq)) << "it is not synced";
  spool.Sync();
  EXPECT_TRUE(spool.MakeReady(seq));
  EXPECT_FALSE(spool.MakeReady(seq)) << "it is ready already";
  EXPECT_FALSE(spool.MakeReady(99));
}

TEST_F(SpoolTest, CannotBeLedAwayByASymbolicLink) {
  std::filesystem::create_symlink("/etc/passwd", path_ + "/0000000000000001.ready");
  EXPECT_FALSE(Spool::Open(folder_.get(), {1000, 3}));
}

}  // namespace
}  // namespace bulkhead::diode
