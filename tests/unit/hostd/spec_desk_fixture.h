// SPDX-License-Identifier: GPL-2.0-or-later
/// A SpecDesk over real books in a folder, for a caller of any roles.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "hostd/spec/spec_desk.h"
#include "tests/unit/hostd/temp_dir.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::hostd {

class SpecDeskFixture : public testing::Test {
 protected:
  SpecDeskFixture() {
    std::filesystem::create_directories(dir_ / "hostd");
    std::filesystem::create_directories(dir_ / "levels");
    paths_.state = dir_.path();
    audit_ = std::move(*AuditLog::Open(dir_ / "audit.log"));
    BeginHostd(vmspec::CheckSpec);
  }
  /// A hostd that begins, with this checker.
  void BeginHostd(SpecDesk::Checker checker) {
    book_ = std::move(*IndexBook::Open(dir_ / "hostd/indexes", "b1"));
    store_ = std::make_unique<SpecStore>(dir_ / "hostd/spec", dir_ / "hostd/history");
    approvals_ = std::make_unique<ApprovalDesk>(
        dir_ / "hostd/approvals", audit_.get(),
        [this](const vmspec::Host&, uid_t uid) -> Result<std::set<std::string>> {
          return people_[uid];
        });
    desk_ = std::make_unique<SpecDesk>(paths_, store_.get(), book_.get(), approvals_.get(),
                                       audit_.get(), std::move(checker));
  }
  static vmspec::SpecFiles Files(const std::string& title = "Public") {
    return {{"levels/low.toml",
             "schema = 1\ntitle = \"" + title + "\"\nlabel = { rank = 0 }\nimage = \"minimal\"\n"}};
  }
  AppliedSpecPtr Now() {
    auto now = desk_->Load();
    return now ? *now : std::make_shared<const AppliedSpec>();
  }
  Result<SpecOutcome> Apply(const vmspec::SpecFiles& files, const std::string& comment = "") {
    return desk_->Apply({caller_, files, comment, 0}, Now(), live_);
  }
  Result<SpecOutcome> Rollback(std::uint32_t version, const std::string& comment = "") {
    return desk_->Rollback(caller_, version, comment, Now(), live_);
  }
  std::string Audit() const { return Slurp(dir_ / "audit.log"); }

  TempDir dir_;
  Paths paths_;
  Caller caller_{0, "uid:0", {"user", "admin"}};
  std::set<std::string> live_;
  std::map<uid_t, std::set<std::string>> people_;  ///< their roles now
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<IndexBook> book_;
  std::unique_ptr<SpecStore> store_;
  std::unique_ptr<ApprovalDesk> approvals_;
  std::unique_ptr<SpecDesk> desk_;
};

}  // namespace bulkhead::hostd
