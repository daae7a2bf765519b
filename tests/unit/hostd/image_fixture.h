// SPDX-License-Identifier: GPL-2.0-or-later
/// A small image in a folder, as guest-images/build-image lays one out.
#pragma once

#include <string>

#include "tests/unit/hostd/temp_dir.h"
#include "vmspec/base/sha256.h"

namespace bulkhead {

class ImageFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(image_);
    Spill(image_ + "/root.erofs", root_);
    Spill(image_ + "/vmlinuz", kernel_);
    Spill(image_ + "/initrd.img", initrd_);
    WriteManifest(Manifest());
  }

  static std::string Sum(const std::string& s) {
    return Hex(Sha256Of({reinterpret_cast<const std::uint8_t*>(s.data()), s.size()}));
  }
  static std::string Entry(const std::string& name, const std::string& content) {
    return "\"" + name + "\":{\"size\":" + std::to_string(content.size()) + ",\"sha256\":\"" +
           Sum(content) + "\"}";
  }
  [[nodiscard]] std::string Files() const {
    return "{" + Entry("root.erofs", root_) + "," + Entry("vmlinuz", kernel_) + "," +
           Entry("initrd.img", initrd_) + "}";
  }
  [[nodiscard]] std::string Manifest() const {
    return R"({"schema":1,"name":"minimal","version":"2026.11+a1","cmdline":"quiet ro",)"
           R"("packages":["a","b"],"files":)" +
           Files() + "}";
  }
  void WriteManifest(const std::string& text) { Spill(image_ + "/manifest.json", text); }
  /// The manifest with the first `from` in it replaced.
  [[nodiscard]] std::string Changed(const std::string& from, const std::string& to) const {
    std::string text = Manifest();
    return text.replace(text.find(from), from.size(), to);
  }

  TempDir dir_;
  std::string images_ = dir_ / "images";
  std::string image_ = images_ + "/minimal";
  std::string root_ = std::string(3'000'000, 'r') + "end";
  std::string kernel_ = std::string(1'500'000, 'k');
  std::string initrd_ = "initrd";
};

}  // namespace bulkhead
