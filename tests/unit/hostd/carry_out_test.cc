// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/spec/carry_out.h"

#include <gtest/gtest.h>

#include "hostd/lower/lower.h"
#include "tests/unit/hostd/lower/rich_set.h"

namespace bulkhead::hostd {
namespace {

/// The rich set with flows of kinds that can be carried out.
vmspec::CheckedSpec Sound() {
  vmspec::CheckedSpec checked;
  checked.spec = RichSet();
  checked.spec.flows.erase("seal");
  checked.spec.flows.erase("open");
  return checked;
}

TEST(CarryOut, TakesASetThatEveryLevelOfWouldStartFrom) {
  Status able = CanCarryOut(Sound());
  EXPECT_TRUE(able) << able.error().message;
}

struct Case {
  void (*spoil)(vmspec::Level&);
  const char* says;
};

TEST(CarryOut, CannotTakeWhatNoStartWouldTake) {
  for (const Case& c :
       {Case{[](vmspec::Level& l) { l.network.address4 = vmspec::ParsePrefix("192.0.2.5"); },
             "take 192.0.2.6"},
        Case{[](vmspec::Level& l) { l.network.out_bits_per_s = 100'000'000'008; }, "100 Gbit/s"},
        Case{[](vmspec::Level& l) { l.network.allow[0].to_name = "example.org"; }, "for a name"},
        Case{[](vmspec::Level& l) { l.cpu_weight = 0; }, "cpu weight"}}) {
    vmspec::CheckedSpec checked = Sound();
    c.spoil(checked.spec.levels.at("low"));
    Status able = CanCarryOut(checked);
    ASSERT_FALSE(able) << c.says;
    EXPECT_EQ(ErrorCode::kRefused, able.error().code);
    EXPECT_NE(std::string::npos, able.error().message.find(c.says)) << able.error().message;
  }
}

}  // namespace
}  // namespace bulkhead::hostd
