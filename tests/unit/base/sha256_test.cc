// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/sha256.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

namespace bulkhead {
namespace {

Bytes AsBytes(std::string_view text) { return {text.begin(), text.end()}; }

// FIPS 180-4's examples.
TEST(Sha256, GivesTheDigestsOfTheStandard) {
  EXPECT_EQ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", Hex(Sha256Of({})));
  EXPECT_EQ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            Hex(Sha256Of(AsBytes("abc"))));
  EXPECT_EQ("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            Hex(Sha256Of(AsBytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))));
  EXPECT_EQ("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
            Hex(Sha256Of(Bytes(1'000'000, 'a'))));
}

TEST(Sha256, DoesNotDependOnHowTheBytesArrive) {
  Bytes all(1000, 0);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i * 7);
  Sha256 hash;
  for (std::size_t at = 0, n = 0; at < all.size(); at += n) {
    n = std::min<std::size_t>(at % 64 + 1, all.size() - at);
    hash.Update(ByteView(all).subspan(at, n));
  }
  EXPECT_EQ(Sha256Of(all), hash.Finish());
}

TEST(Sha256, StartsAnewAfterADigest) {
  Sha256 hash;
  hash.Update(AsBytes("something else"));
  hash.Finish();
  hash.Update(AsBytes("abc"));
  EXPECT_EQ(Sha256Of(AsBytes("abc")), hash.Finish());
}

TEST(Sha256, OfAFileBeginsAtItsOffset) {
  std::unique_ptr<std::FILE, decltype([](std::FILE* f) { std::fclose(f); })> file(std::tmpfile());
  ASSERT_TRUE(file);
  int fd = ::fileno(file.get());
  Bytes big(700'000, 'x');
  ASSERT_EQ(static_cast<ssize_t>(big.size()), ::write(fd, big.data(), big.size()));
  ASSERT_EQ(0, ::lseek(fd, 0, SEEK_SET));
  EXPECT_EQ(Sha256Of(big), Sha256OfFile(fd).value());
  ASSERT_EQ(1, ::lseek(fd, 1, SEEK_SET));
  EXPECT_EQ(Sha256Of(ByteView(big).subspan(1)), Sha256OfFile(fd).value());
}

TEST(Sha256, OfADescriptorThatCannotBeReadIsAnError) { EXPECT_FALSE(Sha256OfFile(-1)); }

TEST(Hex, GoesThereAndBack) {
  EXPECT_EQ("00ff1a", Hex(Bytes{0x00, 0xff, 0x1a}));
  EXPECT_EQ((Bytes{0x00, 0xff, 0x1a}), Unhex("00fF1A").value());
  EXPECT_TRUE(Unhex("").value().empty());
}

TEST(Hex, CannotHoldAnythingElse) {
  for (const char* text : {"0", "0g", "g0", " 0", "0x", "-1", "ä"}) {
    auto bytes = Unhex(text);
    ASSERT_FALSE(bytes) << text;
    EXPECT_EQ(ErrorCode::kInvalid, bytes.error().code);
  }
}

}  // namespace
}  // namespace bulkhead
