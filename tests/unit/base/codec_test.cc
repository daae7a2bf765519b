// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/codec.h"

#include <gtest/gtest.h>

namespace bulkhead {
namespace {

TEST(Codec, FieldsAreLittleEndianAndLengthsGoFirst) {
  Writer w;
  w.U8(0x01).U16(0x0302).U32(0x07060504).I32(-2).U64(0x0f0e0d0c0b0a0908).Str("hi");
  Bytes expected = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0xfe, 0xff, 0xff, 0xff, 0x08, 0x09,
                    0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x02, 0x00, 0x00, 0x00, 'h',  'i'};
  EXPECT_EQ(expected, w.bytes());
}

TEST(Codec, ReadsBackWhatWasWritten) {
  Writer w;
  w.U8(255).U16(65535).U32(4294967295).I32(-2147483647).U64(UINT64_MAX).Str("").Str("ö");
  Reader r(w.bytes());
  EXPECT_EQ(255, r.U8());
  EXPECT_EQ(65535, r.U16());
  EXPECT_EQ(4294967295, r.U32());
  EXPECT_EQ(-2147483647, r.I32());
  EXPECT_EQ(UINT64_MAX, r.U64());
  EXPECT_EQ("", r.Str(0));
  EXPECT_EQ("ö", r.Str(2));
  EXPECT_TRUE(r.Done());
}

TEST(Codec, LeftOverBytesAreNotDone) {
  Bytes two = {1, 2};
  Reader r(two);
  r.U8();
  EXPECT_TRUE(r.ok());
  EXPECT_FALSE(r.Done());
  EXPECT_EQ(1u, r.left());
}

TEST(Codec, AFaultStaysAndLaterReadsGiveNothing) {
  Bytes three = {1, 2, 3};
  Reader r(three);
  EXPECT_EQ(0u, r.U32());
  EXPECT_FALSE(r.ok());
  // The three bytes are there, but the reader has lost its place.
  EXPECT_EQ(0, r.U8());
  EXPECT_TRUE(r.Raw(1).empty());
  EXPECT_EQ("", r.Str(100));
  EXPECT_FALSE(r.Done());
}

TEST(Codec, CannotReadAStringLongerThanItsBound) {
  Writer w;
  w.Str("12345");
  EXPECT_EQ("12345", Reader(w.bytes()).Str(5));
  Reader r(w.bytes());
  EXPECT_EQ("", r.Str(4));
  EXPECT_FALSE(r.ok());
}

TEST(Codec, CannotDeclareMoreBytesThanThereAre) {
  for (std::uint32_t declared : {3u, 255u, 0x7fffffffu, 0xffffffffu}) {
    Writer w;
    w.U32(declared).U16(0);
    Reader r(w.bytes());
    EXPECT_TRUE(r.Blob(SIZE_MAX).empty()) << declared;
    EXPECT_FALSE(r.ok()) << declared;
  }
}

TEST(Codec, CannotDeclareMoreElementsThanTheRestCouldHold) {
  auto counted = [](std::uint32_t count, std::uint32_t max, std::size_t each) {
    Writer w;
    w.U32(count).U64(0);
    Reader r(w.bytes());
    std::uint32_t got = r.Count(max, each);
    return r.ok() ? static_cast<std::int64_t>(got) : -1;
  };
  EXPECT_EQ(0, counted(0, 10, 4));
  EXPECT_EQ(2, counted(2, 10, 4));
  EXPECT_EQ(-1, counted(3, 10, 4)) << "8 bytes hold two elements of 4";
  EXPECT_EQ(-1, counted(2, 1, 4)) << "more than the bound";
  EXPECT_EQ(-1, counted(0xffffffff, 0xffffffff, 1));
  EXPECT_EQ(8, counted(8, 10, 0)) << "elements of no size are counted as one byte each";
  EXPECT_EQ(-1, counted(9, 10, 0));
}

TEST(Codec, AnEmptyInputIsDoneAndHoldsNothing) {
  Reader r{ByteView()};
  EXPECT_TRUE(r.Done());
  EXPECT_EQ(0, r.U8());
  EXPECT_FALSE(r.ok());
}

}  // namespace
}  // namespace bulkhead
